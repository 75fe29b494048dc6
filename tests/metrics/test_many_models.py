"""Under `vmap`, metrics give every model, or every key, the scores it has alone."""

import functools
import inspect

import jax
import numpy as np
import pytest

from vaejax import metrics

SMALL = {
    "beta_vae_score": {"num_train": 300, "num_eval": 200, "batch_size": 8},
    "dci": {"predictor": "lasso"},
    "density_mig": {"num_samples": 40},
    "downstream_accuracy": {"num_labels": (30, 500)},
    "factor_vae_score": {"num_train": 300, "num_eval": 200, "batch_size": 8},
}
NAMES = (
    "active_units",
    "beta_vae_score",
    "correlation_ratio",
    "dci",
    "density_mig",
    "downstream_accuracy",
    "factor_vae_score",
    "frobenius_distance",
    "irs",
    "mig",
    "modularity_explicitness",
    "sap",
    "unsupervised_scores",
)


@pytest.fixture(scope="module")
def models(perfect, entangled, useless):
    """Codes [3, 1080, 4] of three models; one code of the last is dead."""
    spare = useless[:, :1]
    codes = [np.concatenate([z, spare], axis=1) for z in (perfect, entangled, useless)]
    codes = np.stack(codes) + 0.1 * np.random.default_rng(2).normal(size=(3, 1080, 4))
    codes[2, :, 3] = 1.0
    return codes.astype(np.float32)


def with_arguments(name, factors):
    """The metric as a function of codes and a key."""
    function = functools.partial(getattr(metrics, name), **SMALL.get(name, {}))
    wanted = inspect.signature(function).parameters

    def scores(codes, rng):
        given = {"codes": codes, "means": codes, "log_vars": 0 * codes - 1.0, "factors": factors}
        given["rng"] = rng
        return function(**{key: value for key, value in given.items() if key in wanted})

    return scores


def assert_equal_to_the_loop(mapped, alone):
    for name, values in mapped.items():
        expected = np.stack([scores[name] for scores in alone])
        np.testing.assert_allclose(values, expected, atol=2e-3, rtol=2e-3, err_msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_models_at_once(name, models, grid, key):
    scores = with_arguments(name, grid)
    mapped = jax.vmap(lambda codes: scores(codes, key))(models)
    assert_equal_to_the_loop(mapped, [scores(codes, key) for codes in models])


@pytest.mark.parametrize("name", ["beta_vae_score", "factor_vae_score"])
def test_seeds_at_once(name, models, grid, key):
    scores, keys = with_arguments(name, grid), jax.random.split(key, 3)
    mapped = jax.vmap(lambda rng: scores(models[1], rng))(keys)
    assert_equal_to_the_loop(mapped, [scores(models[1], rng) for rng in keys])


def test_what_needs_values_says_so(models, grid, key):
    with pytest.raises(ValueError, match="codes: expected values at hand"):
        jax.vmap(lambda codes: metrics.infomec(codes, grid, rng=key))(models)
    with pytest.raises(ValueError, match="predictor: expected 'lasso' for traced codes"):
        jax.vmap(lambda codes: metrics.dci(codes, grid, rng=key))(models)
    with pytest.raises(ValueError, match="factors: expected values at hand"):
        jax.jit(metrics.mig)(models[0], grid)
    with pytest.raises(ValueError, match="rng: expected a key at hand"):
        score = functools.partial(metrics.downstream_accuracy, models[0], grid, num_labels=(30,))
        jax.vmap(lambda rng: score(rng=rng))(jax.random.split(key))


def test_shapes_are_checked_though_values_are_not_known(models, grid):
    with pytest.raises(ValueError, match=r"codes: expected \[N, D\]"):
        jax.vmap(lambda codes: metrics.mig(codes[0], grid))(models)
    with pytest.warns(UserWarning, match="codes: 500 points"):
        jax.vmap(lambda codes: metrics.mig(codes, grid[:500]))(models[:, :500])
