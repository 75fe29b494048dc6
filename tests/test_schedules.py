"""NVAE's schedules against the official values."""

import re

import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.schedules import annealed_with, nvae_learning_rate, warm_up


@pytest.fixture
def arrays(shared):
    with np.load(shared / "reference" / "vectors" / "nvae_ref.npz") as file:
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: warm_up(num_steps=0), "num_steps: expected a number > 0"),
        (lambda: annealed_with(share=abs, initial=0.0, final=1.0), "initial: expected"),
        (lambda: nvae_learning_rate(peak=1.0, num_epochs=6, steps_per_epoch=1), "num_epochs:"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
