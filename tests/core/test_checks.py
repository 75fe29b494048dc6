"""Objectives and optimisers of traced numbers, mapped over, are those of the numbers themselves."""

import inspect

import flax.linen as nn
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from vaejax import objectives
from vaejax.core.checks import check_counts, check_number
from vaejax.distributions import Normal, gaussian, normal_latent, sum_events
from vaejax.runs.config import build
from vaejax.training import schedules
from vaejax.training.optimizers import OPTIMIZERS, make_optimizer
from vaejax.types import Objective, VAEOutput

STEP = jnp.asarray(3)


class Dense(nn.Module):
    """A linear encoder of three latents and a linear decoder, Gaussian both."""

    def setup(self):
        self.encoder, self.decoder = nn.Dense(6), nn.Dense(16)

    def encode(self, batch, noise=None):
        images = batch["image"]
        mean, raw = jnp.split(self.encoder(images.reshape(images.shape[0], -1)), 2, axis=1)
        posterior = Normal(mean, jnp.exp(raw))
        z = posterior.at(0.5)
        return (normal_latent(z, posterior, Normal.standard(z)),)

    def __call__(self, batch, *, train=False, noise=None):
        images, latents = batch["image"], self.encode(batch)
        likelihood = gaussian().distribution(self.decoder(latents[0].z).reshape(images.shape), 1)
        return VAEOutput(sum_events(likelihood.log_prob(images)), latents)

    def kernels(self, params):
        return {name: layer["kernel"][None, None] for name, layer in params.items()}


MODEL = Dense()
BATCH = {"image": jax.random.uniform(jax.random.key(0), (6, 4, 4, 1))}
# By name, functions of one number that build an objective; every number of every objective.
CASES = {
    "elbo": [
        lambda x: objectives.elbo(MODEL, beta=x),
        lambda x: objectives.elbo(MODEL, beta_norm=x, balance=True),
        lambda x: objectives.elbo(MODEL, beta=schedules.warm_up(num_steps=10 * x, delay=x)),
        lambda x: objectives.elbo(MODEL, beta=schedules.linear_schedule(x, 2 * x, 10)),
    ],
    "capacity": [
        lambda x: objectives.capacity(MODEL, gamma=x, max_capacity=3 * x, num_steps=4),
        lambda x: objectives.capacity(MODEL, num_steps=2 * x),
    ],
    "dip_vae": [
        lambda x: objectives.dip_vae(MODEL, off_diagonal=x),
        lambda x: objectives.dip_vae(MODEL, kind="ii", diagonal=x),
    ],
    "factor_vae": [lambda x: objectives.factor_vae(MODEL, gamma=x, hidden=(4,))],
    "beta_tcvae": [
        lambda x: objectives.beta_tcvae(MODEL, num_examples=20, beta=x, alpha=2 * x, gamma=3 * x),
        lambda x: objectives.beta_tcvae(MODEL, num_examples=20 * x),
    ],
    "nvae": [
        lambda x: objectives.nvae(MODEL, beta=x, penalty=x),
        lambda x: objectives.nvae(
            MODEL,
            penalty=schedules.annealed_with(
                share=schedules.warm_up(num_steps=10.0), initial=2 * x, final=x
            ),
        ),
    ],
}


def offered():
    functions = {name: f for name, f in vars(objectives).items() if inspect.isfunction(f)}
    wanted = {
        name for name, f in functions.items() if inspect.signature(f).return_annotation is Objective
    }
    return wanted - {"variational", "add_penalties", "iwae"}  # these take no such numbers


def test_every_objective_is_tried():
    assert offered() == set(CASES)


@pytest.mark.parametrize(
    "make",
    [make for name in CASES for make in CASES[name]],
    ids=[f"{n}{i}" for n in CASES for i in range(len(CASES[n]))],
)
def test_objectives_of_traced_numbers(make):
    numbers = jnp.array([1.0, 2.5])
    params, state = make(1.0).init(jax.random.key(1), BATCH)

    def loss(number):
        return make(number).loss(params, state, BATCH, jax.random.key(2), STEP, True)[0]

    mapped = jax.vmap(loss)(numbers)
    np.testing.assert_allclose(mapped, [loss(float(x)) for x in numbers], rtol=1e-5)
    assert abs(mapped[0] - mapped[1]) > 1e-3


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_of_traced_numbers(name):
    params = jnp.array([1.0, -2.0])

    def updates(rate, other):
        optimizer = make_optimizer(name, learning_rate=rate, l2=other, clip_norm=other)
        return optimizer.update(params, optimizer.init(params), params)[0]

    rates, others = jnp.array([1e-3, 0.5]), jnp.array([0.3, 3.0])
    mapped = jax.vmap(updates)(rates, others)
    expected = [updates(float(a), float(b)) for a, b in zip(rates, others, strict=True)]
    np.testing.assert_allclose(mapped, expected, rtol=1e-5)
    assert float(jnp.abs(mapped[0] - mapped[1]).min()) > 1e-3


def test_moments_of_an_optimizer_may_be_traced():
    def moved(b1):
        optimizer = make_optimizer("adam", learning_rate=0.1, b1=b1)
        state = optimizer.init(jnp.ones(2))
        _, state = optimizer.update(jnp.ones(2), state)
        return optimizer.update(-2 * jnp.ones(2), state)[0]

    numbers = jnp.array([0.0, 0.9])
    np.testing.assert_allclose(jax.vmap(moved)(numbers), [moved(0.0), moved(0.9)], rtol=1e-5)


def test_sections_of_a_configuration_may_hold_traced_numbers():
    def loss(beta, start):
        warm_up = {"name": "linear_schedule", "init_value": start, "end_value": 1.0}
        section = {"name": "dip_vae", "off_diagonal": beta}
        objective = build("config.objective", objectives, section, MODEL)
        weighted = {"name": "elbo", "beta": {**warm_up, "transition_steps": 10}}
        other = build("config.objective", objectives, weighted, MODEL)
        params, state = objective.init(jax.random.key(1), BATCH)
        rng = jax.random.key(2)
        return sum(o.loss(params, state, BATCH, rng, STEP, True)[0] for o in (objective, other))

    numbers = jnp.array([1.0, 2.0])
    expected = [loss(1.0, 1.0), loss(2.0, 2.0)]
    np.testing.assert_allclose(jax.vmap(loss)(numbers, numbers), expected, rtol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, "1", True, None, [1.0], np.ones(1), 1j, {}])
def test_what_is_no_number_is_no_number_whatever_is_asked_of_it(value):
    with pytest.raises(ValueError, match="^rate: expected any, got "):
        check_number("rate", value, lambda x: True, "any")


@pytest.mark.parametrize(
    "value", [1, 0.5, 10**400, np.float32(1), np.array(2), jnp.bfloat16(1), ml_dtypes.bfloat16(1)]
)
def test_numbers_of_all_libraries_are_numbers(value):
    check_number("rate", value, lambda x: x > 0, "a number > 0")
    with pytest.raises(ValueError, match="rate: expected a number < 0"):
        check_number("rate", value, lambda x: x < 0, "a number < 0")
    check_number("factor", np.inf, lambda x: x > 1, "a number > 1", finite=False)


def test_known_numbers_are_checked_and_traced_ones_let_through():
    with pytest.raises(ValueError, match="rate: expected a number > 0, got -1.0"):
        check_number("rate", -1.0, lambda x: x > 0, "a number > 0")
    jax.vmap(lambda x: check_number("rate", x, lambda x: x > 0, "a number > 0"))(jnp.array([-1.0]))


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None, np.array([3])])
def test_counts_are_integers_and_large_enough(value):
    check_counts(num_rows=(1, 1), num_bins=(np.int32(2), 2))
    with pytest.raises(ValueError, match=r"^num_rows: expected (at least 1|an integer), got"):
        check_counts(num_bins=(2, 2), num_rows=(value, 1))
