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
        given |= {"rng": rng, "kls": codes**2}
        return function(**{key: value for key, value in given.items() if key in wanted})

    return scores


def assert_equal_to_the_loop(mapped, alone):
    for name, values in mapped.items():
        expected = np.stack([scores[name] for scores in alone])
        np.testing.assert_allclose(values, expected, atol=2e-3, rtol=2e-3, err_msg=name)


@pytest.fixture(scope="module")
def compiled(grid):
    """The metric of a name for three models at once, compiled once for all tests."""
    key = jax.random.key(3)

    @functools.cache
    def compiled(name):
        scores = with_arguments(name, grid)
        return jax.jit(jax.vmap(lambda codes: scores(codes, key)))

    return compiled


@pytest.mark.parametrize("name", NAMES)
def test_models_at_once(name, models, grid, key, compiled):
    scores = with_arguments(name, grid)
    assert_equal_to_the_loop(compiled(name)(models), [scores(codes, key) for codes in models])


@pytest.fixture(scope="module")
def degenerate(models):
    """Codes [12, 1080, 4] of models that have collapsed, diverged, or moved away."""
    codes, ones = models[0], np.ones(4)
    lone, outlier = codes.copy(), codes.copy()
    lone[:, 1], lone[7, 1], outlier[3, 1] = 0.1, 2.0, 1e6
    others = [np.full_like(codes, 0.1), lone, outlier, 1e4 * np.tile(codes[:, :1], (1, 4))]
    others.append(codes + np.float32(1e5))
    scales = [[1, 0, 1, 1], [1e-6, 1, 1e6, 1], [1, 1e-20, 1, 1], 1e4 * ones, 1e12 * ones]
    scales += [1e-12 * ones, 1e-30 * ones]
    return np.stack([codes * np.float32(scale) for scale in scales] + others).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_degenerate_models_at_once(name, degenerate, compiled):
    for three in np.split(degenerate, 4):
        for field, values in compiled(name)(three).items():
            assert np.isfinite(values).all(), (field, np.asarray(values))


@pytest.mark.parametrize("name", ["correlation_ratio", "dci"])
def test_half_precision_is_enough_for_inputs(name, models, grid, key):
    scores, halves = with_arguments(name, grid), models.astype(np.float16)
    mapped = jax.vmap(lambda codes: scores(codes, key))(halves)
    assert_equal_to_the_loop(mapped, [scores(codes, key) for codes in halves])


@pytest.mark.parametrize("log_var", [-400.0, 400.0])
@pytest.mark.parametrize("name", ["active_units", "density_mig", "frobenius_distance"])
def test_log_variances_of_any_size(name, log_var, models, grid, key):
    function = functools.partial(getattr(metrics, name), **SMALL.get(name, {}))
    rest = {"factors": grid, "rng": key} if name == "density_mig" else {}
    mapped = jax.vmap(lambda codes: function(codes, log_var + 0 * codes, **rest))(models)
    for field, values in mapped.items():
        assert np.isfinite(values).all(), (field, np.asarray(values))


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
