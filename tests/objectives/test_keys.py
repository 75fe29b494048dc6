"""No two draws of an objective share a key, and nobody splits a key that another draws from.

`fold_in(key, i)` equals `split(key)[i]`: what looks like two keys may be one.
"""

from collections import Counter

import jax
import jax.numpy as jnp
import pytest

from tests.models.variables import SMALLEST_NVAE
from tests.objectives.recorded_keys import recorded, recording_key
from vaejax import objectives
from vaejax.models import NVAE, ConvVAE

DENSE = ConvVAE((8, 8, 1), 3, "burda")
DEEP = NVAE(
    (8, 8, 3),
    groups=(1, 2),
    **SMALLEST_NVAE,
    num_flows=1,
)
SPECTRAL = objectives.spectral(
    lambda params: {"mean": params["encoder"]["mean"]["kernel"][None, None]}, weight=1.0
)
OBJECTIVES = {
    "elbo": objectives.elbo(DENSE),
    "elbo_of_samples": objectives.elbo(DENSE, num_samples=3),
    "iwae": objectives.iwae(DENSE, num_samples=3),
    "iwae_in_chunks": objectives.iwae(DENSE, num_samples=3, chunk_size=2),
    "capacity": objectives.capacity(DENSE),
    "beta_tcvae": objectives.beta_tcvae(DENSE, num_examples=100),
    "dip_vae": objectives.dip_vae(DENSE, kind="ii"),
    "factor_vae": objectives.factor_vae(DENSE, hidden=(4,)),
    "factor_vae_same_batch": objectives.factor_vae(DENSE, hidden=(4,), second_batch=False),
    "penalties": objectives.add_penalties(
        objectives.elbo(DENSE), SPECTRAL._replace(name="first"), SPECTRAL._replace(name="second")
    ),
    "nvae": objectives.nvae(DEEP),
}


def test_every_objective_is_here():
    """One that the package offers and this file does not know is not tested."""
    known = {"variational", "denormalise_beta", "normalise_beta"}  # no objectives of their own
    known |= {"gradient_moments", "gradient_variance"}
    known |= {"add_penalties", "bn_scale", "spectral"} | set(OBJECTIVES)
    assert {name for name, value in vars(objectives).items() if callable(value)} <= known


def reused(drawn: list[bytes], split: list[bytes]) -> list[bytes]:
    """Keys that are drawn from twice, or both drawn from and split."""
    counts = Counter(drawn)
    return [key for key in counts if counts[key] > 1 or key in split]


@pytest.fixture(scope="module", params=OBJECTIVES)
def objective(request):
    return OBJECTIVES[request.param]


def batch(objective):
    channels = 3 if objective is OBJECTIVES["nvae"] else 1
    images = jax.random.uniform(jax.random.key(0), (4, 8, 8, channels))
    return {"image": images, "index": jnp.arange(4), "position": jnp.arange(4)}


def test_no_two_draws_share_a_key(objective):
    examples = batch(objective)
    with recorded() as (drawn, split):
        params, state = jax.jit(objective.init)(recording_key(0), examples)
    assert drawn and not reused(drawn, split)
    for train in (True, False):
        with recorded() as (drawn, split):
            jax.block_until_ready(
                jax.jit(objective.loss, static_argnums=5)(
                    params, state, examples, recording_key(1), jnp.asarray(0), train
                )
            )
        assert drawn and not reused(drawn, split)


def test_reuse_is_seen():
    """As FactorVAE once did: noise from the key that permuting splits."""

    def draws(rng):
        noise = jax.random.normal(jax.random.fold_in(rng, 1), (4, 3))
        return jax.random.permutation(rng, noise, axis=0, independent=True)

    with recorded() as (drawn, split):
        jax.block_until_ready(jax.jit(draws)(recording_key(0)))
    assert reused(drawn, split)
