"""Every gradient estimator has the true gradient for its mean, and the variance that theory says.

One that is biased has its known bias. The model is that of `solvable.py`.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.objectives.solvable import (
    LOC,
    LOG_SCALE,
    Distance,
    Solvable,
    batch,
    bound_gradient,
)
from vaejax.models import NVAE, ConvVAE
from vaejax.objectives import elbo, gradient_moments, iwae
from vaejax.objectives.baselines import averages, bound_of_the_others

UNBIASED = ("reparameterised", "doubly_reparameterised", "score_function", "leave_one_out")
OF_THE_ELBO = ("reparameterised", "sticking_the_landing", "score_function", "leave_one_out")


@functools.lru_cache
def exact(num_samples):
    return bound_gradient(num_samples)


def moments(objective, *, num_keys=200, dim=1, batch_size=64):
    """Mean of the gradient of the bound (encoder's, decoder's), its standard error and the variance
    for a single image, all as vectors."""
    examples = batch(batch_size, dim)
    params, state = objective.init(jax.random.key(0), examples)
    run = jax.jit(functools.partial(gradient_moments, objective, num_keys=num_keys))
    found = run(params, state, examples, jax.random.key(1))

    def vector(tree):
        model = tree["model"]
        parts = (model["encoder"]["loc"], model["encoder"]["log_scale"], model["decoder"]["shift"])
        return np.concatenate(parts)

    variance = vector(found.variance)
    error = np.sqrt(variance / num_keys)
    return -vector(found.mean), error, batch_size * variance


def assert_near(mean, expected, error):
    np.testing.assert_array_less(np.abs(mean - expected), 4 * error)


@pytest.mark.parametrize("num_samples", [1, 5, 50])
@pytest.mark.parametrize("gradient", UNBIASED)
def test_the_mean_is_the_gradient_of_the_bound(gradient, num_samples):
    if gradient == "leave_one_out" and num_samples == 1:
        pytest.skip("one sample leaves none")
    mean, error, _ = moments(iwae(Solvable(), num_samples=num_samples, gradient=gradient))
    assert_near(mean, exact(num_samples), error)


@pytest.mark.parametrize("gradient", OF_THE_ELBO)
def test_the_mean_is_the_gradient_of_the_elbo(gradient):
    mean, error, _ = moments(elbo(Solvable(), num_samples=5, gradient=gradient))
    assert_near(mean, exact(1), error)


def test_the_exact_gradients_are_those_of_the_closed_form():
    """L_1 = E[-(1 - z)^2 / 2 - z^2 / 2] + log s + const."""
    np.testing.assert_allclose(
        exact(1), [1 - 2 * LOC, 1 - 2 * np.exp(2 * LOG_SCALE), 1 - LOC], 1e-5
    )


def test_sticking_the_landing_is_biased_for_more_than_one_sample():
    """What is left out is sum_k w_k d log q(z_k), whose mean is not zero under weights."""
    one = moments(iwae(Solvable(), num_samples=1, gradient="sticking_the_landing"))
    assert_near(one[0], exact(1), one[1])
    mean, error, _ = moments(iwae(Solvable(), num_samples=5, gradient="sticking_the_landing"))
    posterior, decoder = slice(0, 2), slice(2, 3)
    assert (np.abs(mean - exact(5))[posterior] > 40 * error[posterior]).all()
    assert_near(mean[decoder], exact(5)[decoder], error[decoder])


@pytest.mark.parametrize("gradient", ["sticking_the_landing", "doubly_reparameterised"])
def test_they_land_without_noise(gradient):
    """At the true posterior N(1 / 2, 1 / 2) all weights are equal: no gradient is left for q."""
    model = Solvable(loc=0.5, log_scale=float(0.5 * np.log(0.5)))
    mean, _, variance = moments(iwae(model, num_samples=3, gradient=gradient), num_keys=10)
    np.testing.assert_allclose(mean[:2], 0.0, atol=1e-5)
    assert variance[:2].max() < 1e-9 < moments(iwae(model, num_samples=3), num_keys=10)[2][:2].min()


@pytest.mark.parametrize(
    ("dim", "num_keys", "tolerance"), [(1, 20_000, 0.05), (10, 20_000, 0.05), (50, 6_000, 0.1)]
)
def test_variance_of_the_score_function(dim, num_keys, tolerance):
    """f = -1/2 |1 - z|^2 at q = N(0, I): 7.5, 138 and 2678 for each coordinate of the mean.

    Reparameterised it is 1, whatever their number.
    """
    others = dim - 1
    expected = (34 + 26 * others + 4 * others * (others - 1)) / 4 - 1
    settings = {"num_keys": num_keys, "dim": dim, "batch_size": 8}
    mean, error, variance = moments(elbo(Distance(dim), gradient="score_function"), **settings)
    assert_near(mean[:dim].mean(), 1.0, error[:dim].mean())
    assert variance[:dim].mean() == pytest.approx(expected, rel=tolerance)
    _, _, variance = moments(elbo(Distance(dim)), **settings)
    assert variance[:dim].mean() == pytest.approx(1.0, rel=tolerance)


def test_leaving_one_out_lowers_the_variance():
    one, other = (
        moments(elbo(Distance(10), num_samples=50, gradient=gradient), dim=10, batch_size=8)
        for gradient in ("leave_one_out", "score_function")
    )
    assert_near(one[0][:10].mean(), 1.0, one[1][:10].mean())
    assert one[2][:10].mean() < other[2][:10].mean() / 7


def test_baselines_of_the_others():
    log_w = 4.0 * np.random.default_rng(0).standard_normal((5, 3))
    expected = np.empty_like(log_w)
    for k in range(5):
        others = np.delete(log_w, k, axis=0)
        filled = np.concatenate([others, others.mean(0, keepdims=True)])
        expected[k] = np.log(np.exp(filled).mean(0))
    np.testing.assert_allclose(bound_of_the_others(jnp.asarray(log_w, jnp.float32)), expected, 1e-5)


@pytest.mark.parametrize(("make", "num_samples"), [(elbo, 1), (iwae, 2)])
def test_a_moving_average_is_subtracted_and_follows_the_values(make, num_samples):
    """A baseline b adds b times the score, the mean over images of the sum over their draws."""
    noise = jax.random.normal(jax.random.key(2), (8, num_samples, 1))
    latent = noise if num_samples > 1 else noise[:, 0]
    examples = batch(8) | {"noise": {"latent": (latent,)}}
    objective, plain = (
        make(Solvable(), num_samples=num_samples, gradient=gradient)
        for gradient in ("moving_average", "score_function")
    )
    params, state = objective.init(jax.random.key(0), batch(8))
    arguments = examples, jax.random.key(1), jnp.int32(0)
    gradient = jax.grad(objective.loss, has_aux=True)
    first, (metrics, after) = gradient(params, state, *arguments, True)
    unaided, _ = jax.grad(plain.loss, has_aux=True)(params, {}, *arguments, True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), first, unaided)
    names = set(state["baseline"]) - {"weight"}
    for name in names:  # of one step: its own value
        average = after["baseline"][name] / after["baseline"]["weight"]
        assert float(average) == pytest.approx(float(metrics[name]), rel=1e-5)
    second, (_, last) = gradient(params, after, *arguments, True)
    added = jax.tree.map(jnp.subtract, second, first)["model"]
    b = sum(float(metrics[name]) * {"kl": -1.0}.get(name, 1.0) for name in names)
    expected = b * (np.asarray(noise) / np.exp(LOG_SCALE)).sum(1).mean()
    np.testing.assert_allclose(added["encoder"]["loc"], [expected], rtol=1e-3)
    assert not added["decoder"]["shift"].any()
    assert float(last["baseline"]["weight"]) == pytest.approx(1 - 0.9**2)
    assert objective.loss(params, after, *arguments, False)[1][1] == after


def test_a_moving_average_stays_where_no_example_counts():
    objective = elbo(Solvable(), gradient="moving_average")
    params, state = objective.init(jax.random.key(0), batch(4))
    arguments = jax.random.key(1), jnp.int32(0), True
    state = objective.loss(params, state, batch(4), *arguments)[1][1]
    nothing = batch(4) | {"mask": jnp.zeros(4)}
    after = objective.loss(params, state, nothing, *arguments)[1][1]
    before, after = (averages(history["baseline"]) for history in (state, after))
    for name, value in before.items():
        assert float(after[name]) == pytest.approx(float(value), rel=1e-5)


class Looking:
    """A prior that may look at q(z | x) of some images."""

    normal = log_prob = from_noise = to_noise = None


def test_parameters_are_the_posteriors_own_only_where_the_prior_does_not_look_at_it():
    model = ConvVAE((8, 8, 1), 2, "burda")
    assert model.posterior_parts == ("encoder",)
    with pytest.raises(ValueError, match="gradient: expected 'reparameterised' for ConvVAE"):
        iwae(model.clone(prior=Looking()), num_samples=2, gradient="doubly_reparameterised")


class Misnamed(Solvable):
    posterior_parts = ("encodre",)


def test_parameters_that_there_are_not_are_told():
    objective = iwae(Misnamed(), num_samples=2, gradient="doubly_reparameterised")
    params, state = objective.init(jax.random.key(0), batch(2))
    with pytest.raises(ValueError, match="posterior_parts: expected some of .*'encoder'"):
        objective.loss(params, state, batch(2), jax.random.key(1), jnp.int32(0), True)


DEEP = NVAE((8, 8, 3), groups=(1,), latent_channels=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: iwae(Solvable(), num_samples=2, gradient="best"), "gradient: expected one of"),
        (lambda: elbo(Solvable(), gradient="doubly_reparameterised"), "gradient: expected one of"),
        (lambda: elbo(Solvable(), gradient="leave_one_out"), "num_samples: expected at least 2"),
        (
            lambda: iwae(DEEP, num_samples=2, gradient="doubly_reparameterised"),
            "gradient: expected 'reparameterised' for NVAE, whose posterior has no parameters of",
        ),
    ],
)
def test_impossible_gradients_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
