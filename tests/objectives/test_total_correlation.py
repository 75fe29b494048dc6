"""beta-TCVAE: parts of the KL against reference arrays, closed forms and published defects."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.distributions import Normal, normal_latent
from vaejax.models import ConvVAE
from vaejax.objectives import beta_tcvae, elbo
from vaejax.objectives.total_correlation import Estimator, decompose, log_weights

ESTIMATORS = Estimator.__args__
STEP = jnp.asarray(0)


@pytest.fixture(scope="module")
def latent():
    rng = np.random.default_rng(0)
    posterior = Normal(*jnp.asarray(rng.normal(size=(2, 6, 3)) ** 2 + 0.1, jnp.float32))
    return latent_of(posterior.at(jnp.asarray(rng.normal(size=(6, 3)), jnp.float32)), posterior)


def latent_of(z, posterior):
    return normal_latent(z, posterior, Normal.standard(z))


def test_weighted_estimates_equal_the_reference(vectors):
    arrays = np.load(vectors("disentanglement.npz"))
    with enable_x64(True):
        z, mu, log_var = (jnp.asarray(arrays[f"obj/{k}"]) for k in ("z", "mu", "logvar"))
        reference = latent_of(z, Normal.from_log_var(mu, log_var))
        for ours, theirs in (("weighted", "mws"), ("weighted_unnormalised", "mws_noconst")):
            parts = decompose(reference, int(arrays["obj/N"]), ours)
            for part, name in zip(parts, ("mi", "tc", "dwkl"), strict=True):
                np.testing.assert_allclose(part.mean(), arrays[f"obj/{theirs}_{name}"], rtol=1e-9)
        np.testing.assert_allclose(reference.log_q, arrays["obj/log_qzx"], rtol=1e-9)
        np.testing.assert_allclose(reference.kl.mean(), arrays["obj/kl"], rtol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parts_add_up_to_the_kl_estimate(latent, estimator):
    parts = decompose(latent, 100, estimator)
    np.testing.assert_allclose(sum(parts), latent.log_q - latent.log_p, atol=1e-5)


@pytest.mark.parametrize("num_examples", [6, 7, 100])
def test_stratified_weights_sum_to_one_with_the_own_sample_on_the_diagonal(num_examples):
    weights = np.exp(log_weights(6, num_examples, "stratified"))
    np.testing.assert_allclose(weights.sum(1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(np.diag(weights), 1.0 / num_examples, rtol=1e-6)
    remainder = (num_examples - 5) / (num_examples * 5)
    np.testing.assert_allclose(np.diag(weights, 1), remainder, rtol=1e-6)


def test_stratified_q_of_z_is_right_on_average(latent):
    """B = N: over all places of the odd weight, the estimate averages to the mean of all q(z|x)."""
    location, scale = latent.posterior
    exact = np.exp(Normal(location[None], scale[None]).log_prob(latent.z[:1, None])).prod(-1).mean()
    estimates = []
    for shift in range(5):
        order = np.concatenate([[0], 1 + np.roll(np.arange(5), shift)])
        turned = latent_of(latent.z[order], Normal(location[order], scale[order]))
        parts = decompose(turned, 6, "stratified")
        estimates.append(np.exp(turned.log_q[0] - parts.mutual_information[0]))
    assert np.mean(estimates) == pytest.approx(float(exact), rel=1e-5)


def test_published_column_weights():
    """As the flat stride of the public code leaves them, written out for B = 4, N = 10."""
    weights = np.exp(log_weights(4, 10, "stratified_column"))
    own, rest, third = 1 / 10, 7 / 30, 1 / 3
    expected = [[own, rest, third, third]] * 4
    expected[2] = [rest, rest, third, third]
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_published_weights_per_dimension(latent):
    once = decompose(latent, 100, "stratified_column")
    often = decompose(latent, 100, "stratified_per_dim")
    np.testing.assert_allclose(once.dimension_wise_kl, often.dimension_wise_kl, atol=1e-5)
    assert (often.total_correlation < once.total_correlation).all()


def test_padding_does_not_count(latent):
    mask = jnp.array([1.0, 1, 1, 1, 0, 0])
    four = latent_of(latent.z[:4], Normal(latent.posterior.loc[:4], latent.posterior.scale[:4]))
    for estimator in ("weighted", "stratified"):
        padded = decompose(latent, 100, estimator, mask)
        for part, alone in zip(padded, decompose(four, 100, estimator), strict=True):
            np.testing.assert_allclose(part[:4], alone, atol=1e-5)


@pytest.fixture(scope="module")
def losses(tiny_batch):
    """Loss and metrics of objectives on one model, at the same parameters and noise."""
    model = ConvVAE((8, 8, 1), 3, "burda")
    params, state = jax.jit(elbo(model).init)(jax.random.key(0), tiny_batch)

    def evaluate(objective):
        args = (params, state, tiny_batch, jax.random.key(1), STEP, True)
        loss, (metrics, _) = jax.jit(objective.loss, static_argnums=5)(*args)
        return float(loss), {name: np.asarray(value) for name, value in metrics.items()}

    evaluate.model = model
    return evaluate


def test_with_all_weights_one_it_is_the_elbo(losses):
    ours, _ = losses(beta_tcvae(losses.model, num_examples=1000, beta=1.0))
    assert ours == pytest.approx(losses(elbo(losses.model))[0], rel=1e-6)


def test_weights_multiply_their_parts(losses):
    kwargs = {"num_examples": 1000, "alpha": 2.0, "beta": 4.0, "gamma": 0.5}
    loss, metrics = losses(beta_tcvae(losses.model, **kwargs))
    parts = [metrics[n] for n in ("mutual_information", "total_correlation", "dimension_wise_kl")]
    expected = metrics["reconstruction"] + metrics["kl"] + np.dot([1.0, 3.0, -0.5], parts)
    assert loss == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_examples": 1}, "num_examples: expected at least 2"),
        ({"num_examples": 9, "estimator": "exact"}, "estimator: expected one of"),
    ],
)
def test_impossible_settings_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        beta_tcvae(ConvVAE((8, 8, 1), 3, "burda"), **kwargs)


def test_a_batch_that_does_not_fit_is_blamed_on_its_size(latent):
    with pytest.raises(ValueError, match="batch_size: expected at most num_examples = 5 at once"):
        decompose(latent, 5)
    one = latent_of(latent.z[:1], Normal(latent.posterior.loc[:1], latent.posterior.scale[:1]))
    with pytest.raises(ValueError, match="batch_size: expected at least 2 images at once"):
        decompose(one, 5)


def test_padding_beyond_the_training_set_does_not_count(latent):
    """Four images in an evaluation's batch of 6, of a set of 5: as alone."""
    mask = jnp.array([1.0, 1, 1, 1, 0, 0])
    four = latent_of(latent.z[:4], Normal(latent.posterior.loc[:4], latent.posterior.scale[:4]))
    for estimator in ESTIMATORS:
        padded = decompose(latent, 5, estimator, mask)
        for part, alone in zip(padded, decompose(four, 5, estimator), strict=True):
            np.testing.assert_allclose(part[:4], alone, atol=1e-5)


def test_a_test_set_larger_than_the_training_set_is_taken_as_it_is(latent):
    for estimator in ESTIMATORS:
        larger = decompose(latent, 5, estimator, jnp.ones(6))
        for part, whole in zip(larger, decompose(latent, 6, estimator), strict=True):
            np.testing.assert_allclose(part, whole, atol=1e-5)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_one_image_that_counts_tells_nothing(latent, estimator):
    mask = jnp.array([1.0, 0, 0, 0, 0, 0])
    assert all(np.isnan(part[0]) for part in decompose(latent, 100, estimator, mask))


def test_without_a_number_of_examples_nothing_is_trained(losses):
    with pytest.raises(ValueError, match="num_examples: expected the number of training images"):
        losses(beta_tcvae(losses.model))
