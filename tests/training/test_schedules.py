"""Published schedules against the official values, and optax's against optax."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.precision import enable_x64
from vaejax.runs.config import ConfigError, call
from vaejax.training import schedules
from vaejax.training.optimizers import make_optimizer
from vaejax.training.schedules import (
    annealed_with,
    iwae_learning_rate,
    nvae_learning_rate,
    warm_up,
)


@pytest.fixture
def arrays(vectors):
    with np.load(vectors("nvae_ref.npz")) as file:
        yield file


@pytest.fixture(autouse=True)
def float64():
    with enable_x64(True):
        yield


def test_warm_up_of_beta(arrays):
    total, steps = float(arrays["klcoeff/total_iter"]), jnp.asarray(arrays["klcoeff/steps"])
    beta = warm_up(num_steps=0.3 * total, delay=1e-4 * total)
    np.testing.assert_allclose(beta(steps), arrays["klcoeff/default_0.3_1e-4_1e-4"], rtol=1e-12)
    beta = warm_up(num_steps=0.1 * total, delay=0.02 * total, minimum=0.01)
    np.testing.assert_allclose(beta(steps), arrays["klcoeff/0.1_0.02_0.01"], rtol=1e-12)


@pytest.mark.parametrize(("initial", "final"), [(1.0, 0.01), (10.0, 0.1)])
def test_annealed_penalty(arrays, initial, final):
    steps = jnp.asarray(arrays["klcoeff/steps"])
    beta = warm_up(num_steps=3000.0, delay=1.0)
    weight = annealed_with(share=beta, initial=initial, final=final)
    expected = arrays[f"wdn_anneal/init{initial:g}_final{final:g}"]
    np.testing.assert_allclose(weight(steps), expected, rtol=1e-12)


def test_learning_rates(arrays):
    names = [name for name in arrays.files if name.startswith("lr/")]
    assert len(names) == 3
    for name in names:
        epochs, warmup, steps, peak, minimum = re.fullmatch(
            r"lr/E(\d+)_W(\d+)_L(\d+)_lr([\d.]+)_min([\d.]+)", name
        ).groups()
        rate = nvae_learning_rate(
            peak=float(peak),
            num_epochs=int(epochs),
            steps_per_epoch=int(steps),
            warmup_epochs=int(warmup),
            minimum=float(minimum),
        )
        expected = arrays[name]
        np.testing.assert_allclose(rate(jnp.arange(expected.size)), expected, rtol=1e-9)


def test_learning_rates_of_the_iwae_paper():
    """Section 5: 3^i passes with 0.001 * 10^(-i / 7), i = 0 ... 7, with its code's two digits."""
    expected = [
        rate
        for i, rate in enumerate([10e-4, 7.2e-4, 5.2e-4, 3.7e-4, 2.7e-4, 1.9e-4, 1.4e-4, 1e-4])
        for _ in range(3**i)
    ]
    assert len(expected) == 3280
    rate = iwae_learning_rate(steps_per_epoch=3)
    actual = np.asarray([rate(jnp.asarray(step)) for step in (0, 2, 3, 11, 12, 3280 * 3, 10**9)])
    stages = [expected[i] for i in (0, 0, 1, 3, 4, -1, -1)]
    np.testing.assert_allclose(actual, stages, rtol=1e-12)
    every = jax.vmap(rate)(jnp.arange(3 * 3280))
    np.testing.assert_allclose(every, np.repeat(expected, 3), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: iwae_learning_rate(steps_per_epoch=0), "steps_per_epoch: expected at least 1"),
        (lambda: warm_up(num_steps=0), "num_steps: expected a number > 0"),
        (lambda: annealed_with(share=abs, initial=0.0, final=1.0), "initial: expected"),
        (lambda: nvae_learning_rate(peak=1.0, num_epochs=6, steps_per_epoch=1), "num_epochs:"),
        (lambda: nvae_learning_rate(peak=1.0, num_epochs=9, steps_per_epoch=0), "steps_per_epoch:"),
        (lambda: nvae_learning_rate(peak=np.nan, num_epochs=9, steps_per_epoch=1), "peak: expect"),
        (lambda: warm_up(num_steps=np.inf), "num_steps: expected a number > 0, got inf"),
        (lambda: warm_up(num_steps=9, delay=-1), "delay: expected a number >= 0, got -1"),
        (lambda: warm_up(num_steps=9, minimum=2), r"minimum: expected a number in \[0, 1\], got 2"),
        (lambda: schedules.constant_schedule(np.nan), "value: expected a number >= 0, got nan"),
        (lambda: schedules.linear_schedule(1.0, 0.0, 0), "transition_steps: .* > 0, got 0"),
        (lambda: schedules.linear_schedule(1.0, 0.0, transition_steps=-1), "transition_steps: "),
        (lambda: schedules.linear_schedule(1.0, np.inf, 9), "end_value: expected a number >= 0"),
        (lambda: schedules.linear_schedule(-1.0, 0.0, 9), "init_value: expected a number >= 0"),
        (lambda: schedules.linear_schedule("1", 0.0, 9), "init_value: .* got '1'"),
        (lambda: schedules.linear_schedule(1.0, 0.0, 9, -1), "transition_begin: expected"),
        (lambda: schedules.polynomial_schedule(1.0, 0.0, 0, 9), "power: expected a number > 0"),
        (lambda: schedules.polynomial_schedule(1.0, 0.0, 1, 0), "transition_steps: expected"),
        (lambda: schedules.cosine_decay_schedule(1.0, 0), "decay_steps: expected a number > 0"),
        (lambda: schedules.cosine_decay_schedule(1.0, 9, np.nan), "alpha: expected"),
        (lambda: schedules.exponential_decay(1.0, 0, 0.5), "transition_steps: expected"),
        (lambda: schedules.exponential_decay(1.0, 9, 0.0), "decay_rate: expected a number > 0"),
        (lambda: schedules.exponential_decay(1.0, 9, np.inf), "decay_rate: expected"),
        (
            lambda: schedules.warmup_cosine_decay_schedule(0.0, 1.0, 9, 9),
            "decay_steps: expected a number > warmup_steps = 9, got 9",
        ),
        (lambda: schedules.warmup_cosine_decay_schedule(0.0, np.inf, 3, 9), "peak_value: expected"),
        (lambda: schedules.warmup_cosine_decay_schedule(0.0, 1.0, -3, 9), "warmup_steps: expected"),
        (lambda: schedules.piecewise_constant_schedule(np.inf), "init_value: expected"),
        (
            lambda: schedules.piecewise_constant_schedule(1.0, {"soon": 0.5}),
            "boundaries_and_scales: expected steps >= 1, got 'soon'",
        ),
        (
            lambda: schedules.piecewise_constant_schedule(1.0, {9: np.nan}),
            "boundaries_and_scales: expected a number >= 0, got nan",
        ),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("constant_schedule", (0.5,)),
        ("linear_schedule", (1.0, 0.1, 10, 3)),
        ("polynomial_schedule", (1.0, 0.1, 2.0, 10)),
        ("cosine_decay_schedule", (1.0, 10, 0.1)),
        ("exponential_decay", (1.0, 5, 0.5, 2, True, 0.1)),
        ("warmup_cosine_decay_schedule", (0.0, 1.0, 5, 15, 0.1)),
        ("piecewise_constant_schedule", (1.0, {5: 0.5, 9: 0.1})),
    ],
)
def test_those_of_optax_are_optaxs(name, arguments):
    ours, theirs = getattr(schedules, name)(*arguments), getattr(optax, name)(*arguments)
    for step in (0, 3, 7, 12, 100):
        assert ours(step) == theirs(step)
    assert (ours(0) == theirs(0) and ours(100) != ours(0)) or name == "constant_schedule"


def test_boundaries_may_be_text_as_the_keys_of_a_configuration_are():
    ours = schedules.piecewise_constant_schedule(1.0, {"5": 0.5, "10": 0.1})
    theirs = optax.piecewise_constant_schedule(1.0, {5: 0.5, 10: 0.1})
    assert [ours(step) for step in range(20)] == [theirs(step) for step in range(20)]


def test_only_schedules_are_offered_as_schedules():
    section = {"name": "adam", "learning_rate": {"name": "check_number"}}
    with pytest.raises(ConfigError, match="unknown 'check_number'") as caught:
        call("config.optimizer", make_optimizer, section)
    assert re.findall(r"Valid: (.*); your own", str(caught.value)) == [
        str(
            sorted(
                ["annealed_with", "iwae_learning_rate", "nvae_learning_rate", "warm_up"]
                + [f"{kind}_schedule" for kind in ("constant", "cosine_decay", "linear")]
                + [f"{kind}_schedule" for kind in ("piecewise_constant", "polynomial")]
                + ["exponential_decay", "warmup_cosine_decay_schedule"]
            )
        )
    ]
