"""Balancing the groups of a hierarchy: official arrays, and what the weights are for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.models.nvae_presets import adaptive_groups
from vaejax.objectives.balance import balancing_weights, group_sizes
from vaejax.types import Latent


def latents_of(groups):
    """Latents of two channels, 2 x 2 at the top; `groups` per scale, top first."""
    shapes = [(3, 2 << i, 2 << i, 2) for i, number in enumerate(groups) for _ in range(number)]
    return [Latent(jnp.zeros(shape), *[None] * 3) for shape in shapes]


@pytest.fixture
def arrays(vectors):
    with np.load(vectors("nvae_ref.npz")) as file:
        yield file


def test_official_groups_and_sizes(arrays):
    for i in range(7):
        scales, number, adaptive, minimum = map(int, arrays[f"groups/{i}/args"])
        groups = adaptive_groups(scales, number, minimum=minimum)
        groups = groups if adaptive else (number,) * scales
        np.testing.assert_array_equal(groups[::-1], arrays[f"groups/{i}/groups"])
        np.testing.assert_allclose(
            group_sizes(latents_of(groups)), arrays[f"groups/{i}/alpha_square"], rtol=1e-6
        )


@pytest.mark.parametrize("case", range(3))
@pytest.mark.parametrize("beta", ["0.0001", "0.3", "0.999"])
def test_official_weights(arrays, case, beta):
    with enable_x64(True):
        kl = jnp.asarray(arrays[f"balance/{case}/kl_all"])
        weights = balancing_weights(jnp.abs(kl).mean(0), arrays[f"balance/{case}/alpha"])
        expected = arrays[f"balance/{case}/klcoeff{beta}/gamma"]
        np.testing.assert_allclose(weights, expected, rtol=1e-9)
        balanced = float(beta) * (kl * weights[None]).sum(1)
        expected = arrays[f"balance/{case}/klcoeff{beta}/balanced_kl"]
        np.testing.assert_allclose(balanced, expected, rtol=1e-9)


def test_weights_have_mean_one_and_no_gradient():
    kl, sizes = jnp.array([1.0, 10.0, 0.0]), jnp.array([1.0, 1.0, 4.0])
    weights = balancing_weights(kl, sizes)
    assert float(weights.mean()) == pytest.approx(1.0)
    assert weights[1] > weights[0] > weights[2] > 0
    gradient = jax.grad(lambda kl: balancing_weights(kl, sizes)[0])(kl)
    np.testing.assert_array_equal(gradient, 0.0)


def test_groups_of_vectors_are_of_one_scale():
    latents = [Latent(jnp.zeros((3, size)), *[None] * 3) for size in (2, 5)]
    np.testing.assert_array_equal(group_sizes(latents), [1.0, 1.0])
