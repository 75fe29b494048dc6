"""The IAF posterior: its density by the change of variables, in every place where q is asked."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import latent_noise, random_variables
from vaejax.distributions import Normal
from vaejax.models import ConvVAE, DenseHierarchy
from vaejax.models.posteriors import Inferred, gaussian, iaf
from vaejax.models.priors import Context, autoregressive_flow, latent_under, standard
from vaejax.models.pruning import without_units
from vaejax.objectives import elbo, iwae

MODEL = ConvVAE((8, 8, 1), 3, "toy", posterior=iaf(num_flows=2, hidden=(6,)))
PLAIN = ConvVAE((8, 8, 1), 3, "toy")
NOISE = latent_noise(MODEL, 16)


@pytest.fixture(scope="module")
def variables():
    return random_variables(MODEL, 0.4)


@pytest.fixture(scope="module")
def passes(variables, tiny_batch):
    """Outputs of drawn and of given codes; the latents of means; d z / d noise of an image."""

    @jax.jit
    def found(variables):
        drawn = MODEL.apply(variables, tiny_batch, noise=NOISE)
        given = MODEL.apply(variables, tiny_batch, codes=[drawn.latents[0].z])

        def code(noise):
            one = {"latent": (noise[None],)}
            (latent,) = MODEL.apply(
                variables, {"image": tiny_batch["image"][:1]}, noise=one
            ).latents
            return latent.z[0]

        means = MODEL.apply(variables, tiny_batch, method="encode")
        return drawn, given, means, jax.jacrev(code)(NOISE["latent"][0][0])

    return jax.device_get(found(variables))


def test_its_density_is_that_of_the_change_of_variables(passes):
    drawn, _, _, jacobian = passes
    log_det = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    expected = scipy.stats.norm.logpdf(NOISE["latent"][0][0]).sum() - log_det
    assert drawn.latents[0].log_q[0] == pytest.approx(expected, rel=1e-4)
    assert np.abs(np.triu(jacobian, 1)).max() > 1e-3  # both orders


def test_given_codes_have_the_densities_of_the_drawn(passes):
    drawn, given, _, _ = passes
    for ours, theirs in zip(*map(jax.tree.leaves, (given, drawn)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_kl_is_estimated_and_comes_apart_by_terms(passes):
    (latent,) = passes[0].latents
    assert latent.posterior is None and latent.kl_dims is None
    np.testing.assert_allclose(latent.kl, latent.log_q - latent.log_p, rtol=1e-5)
    assert latent.kl_terms.shape == (16, 3)
    np.testing.assert_allclose(latent.kl_terms.sum(1), latent.kl, rtol=1e-4, atol=1e-5)
    prior = scipy.stats.norm.logpdf(latent.z).sum(1)
    np.testing.assert_allclose(latent.log_p, prior, rtol=1e-5)


def test_means_are_of_no_noise(passes, variables, tiny_batch):
    (latent,) = passes[2]
    zeros = {"latent": (np.zeros((16, 3), np.float32),)}
    (again,) = MODEL.apply(variables, tiny_batch, zeros, method="encode")
    np.testing.assert_allclose(latent.z, again.z, rtol=1e-5)
    standardised = MODEL.apply(variables, tiny_batch, method="to_noise")
    np.testing.assert_allclose(standardised["latent"][0], latent.z, rtol=1e-5)


def test_at_first_it_is_the_gaussian_posterior(tiny_batch):
    @jax.jit
    def both(noise):
        variables = MODEL.init(jax.random.key(0), tiny_batch, noise=noise)
        params = dict(variables["params"])
        assert set(params) == {"encoder", "decoder", "posterior"}
        del params["posterior"]
        return (
            MODEL.apply(variables, tiny_batch, noise=noise),
            PLAIN.apply({"params": params}, tiny_batch, noise=noise),
        )

    through, plain = both(NOISE)
    np.testing.assert_allclose(through.log_px, plain.log_px, rtol=1e-6)
    np.testing.assert_allclose(through.log_weight, plain.log_weight, rtol=1e-6)
    assert MODEL.posterior_parts == ("encoder", "posterior") and PLAIN.posterior_parts == (
        "encoder",
    )


def inferred(shape, num_features):
    rng = np.random.default_rng(3)
    mean, log_scale = rng.normal(size=(2, 2, *shape)).astype(np.float32)
    features = rng.normal(size=(2, *shape[:-1], num_features)).astype(np.float32)
    noise = rng.normal(size=(2, *shape)).astype(np.float32)
    return Inferred(Normal(mean, np.exp(log_scale)), features), noise


def part_variables(part, said, noise, reach=0.4):
    """As `random_variables`, of a posterior that is in no model."""
    shapes = jax.eval_shape(lambda: part.init(jax.random.key(0), said, noise, method="from_noise"))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.uniform(-reach, reach, x.shape).astype(np.float32), shapes)


def test_grids_have_codes_and_densities_like_vectors():
    part, (said, noise) = iaf(num_flows=2, hidden=(4,)), inferred((2, 3, 2), 3)
    variables = part_variables(part, said, noise)

    @jax.jit
    def found(noise):
        drawn = part.apply(variables, said, noise, method="from_noise")
        again = part.apply(variables, said, drawn.z, method="at")

        def codes(first):
            one = jax.tree.map(lambda x: x[:1], said)
            return part.apply(variables, one, first.reshape(1, 2, 3, 2), method="from_noise").z

        jacobian = jax.jacrev(codes)(noise[0].ravel()).reshape(12, 12)
        return drawn, again, jacobian, latent_under(standard(), drawn, Context())

    drawn, again, jacobian, latent = jax.device_get(found(noise))
    np.testing.assert_allclose(again.log_q, drawn.log_q, rtol=1e-4, atol=1e-4)
    expected = scipy.stats.norm.logpdf(noise[0]).sum() - np.linalg.slogdet(jacobian)[1]
    assert drawn.log_q[0].sum() == pytest.approx(expected, rel=1e-4)
    assert latent.kl_terms.shape == (2, 2)
    np.testing.assert_allclose(latent.kl_terms.sum(1), latent.kl, rtol=1e-4)


def test_terms_of_one_flow_are_those_of_the_chain_rule():
    """log q(z_i | z_1 .. z_i-1) looks at no later coordinate and is a density of z_i."""
    part, (said, noise) = iaf(num_flows=1, hidden=(6,)), inferred((3,), 2)
    variables = part_variables(part, said, noise)
    at = jax.jit(lambda z: part.apply(variables, said, z, method="at").log_q)
    z = np.array(noise)
    z[1] = z[0]
    z[1, 2] += 1.0
    said = jax.tree.map(lambda x: np.repeat(x[:1], 2, 0), said)
    one, other = np.asarray(at(z))
    np.testing.assert_allclose(one[:2], other[:2], rtol=1e-5)
    assert abs(one[2] - other[2]) > 1e-3
    points = np.linspace(-40, 40, 8001, dtype=np.float32)
    said = jax.tree.map(lambda x: np.repeat(x[:1], len(points), 0), said)
    for i in range(3):
        z = np.repeat(noise[:1], len(points), 0)
        z[:, i] = points
        log_q = part.apply(variables, said, z, method="at").log_q[:, i]
        assert np.exp(log_q).sum() * (points[1] - points[0]) == pytest.approx(1.0, abs=1e-3)


def test_of_a_hierarchy_the_top_group_is_drawn_through_it(tiny_batch):
    model = DenseHierarchy(
        (8, 8, 1), latent_sizes=(2, 3), hidden=((4,), (5,)), posterior=iaf(1, (6,))
    )
    variables, noise = random_variables(model, 0.4), latent_noise(model, 16)

    @jax.jit
    def both(variables):
        drawn = model.apply(variables, tiny_batch, noise=noise)
        codes = [latent.z for latent in drawn.latents]
        return drawn, model.apply(variables, tiny_batch, codes=codes)

    drawn, given = both(variables)
    top, below = drawn.latents
    assert top.posterior is None and below.posterior is not None
    assert top.kl_terms.shape == (16, 2) and below.kl_dims.shape == (16, 3)
    np.testing.assert_allclose(given.log_weight, drawn.log_weight, rtol=1e-4)
    gone = [np.array([True, False]), np.zeros(3, bool)]
    with pytest.raises(ValueError, match=r"params: expected .* got one with .* \['posterior'\]"):
        without_units(variables["params"], gone, [np.zeros(2), np.zeros(3)])


class Looking:
    """A prior that asks for q(z | x)."""

    def normal(self, z):
        return None

    def log_prob(self, z, context):
        return context.posterior(jnp.zeros((1, 8, 8, 1))).log_prob(z).sum(1)


def test_a_prior_that_looks_at_the_posterior_is_told_that_it_is_no_gaussian(variables, tiny_batch):
    def evaluated(posterior):
        model = MODEL.clone(prior=Looking(), posterior=posterior)
        return jax.eval_shape(model.apply, variables, tiny_batch, noise=NOISE)

    assert evaluated(gaussian()).log_px.shape == (16,)
    with pytest.raises(ValueError, match="posterior: expected a Gaussian one for a prior that"):
        evaluated(MODEL.posterior)


@pytest.mark.parametrize("part", [iaf, autoregressive_flow])
def test_parts_that_are_equal_make_equal_models(part):
    assert part(2, (3,)) == part(2, (3,)) != part(1, (3,))
    assert hash(part(2, (3,))) == hash(part(2, (3,)))
    with pytest.raises(ValueError, match=re.escape("hidden: expected one or more widths >= 1")):
        part(2, (0,))


@pytest.mark.parametrize(
    ("make", "gradient"),
    [
        (elbo, "sticking_the_landing"),
        pytest.param(elbo, "score_function", marks=pytest.mark.slow),
        pytest.param(iwae, "doubly_reparameterised", marks=pytest.mark.slow),
    ],
)
def test_gradients_that_look_at_given_codes_have_the_values_of_the_drawn(
    make, gradient, variables, tiny_batch
):
    """The gradient of log q at a given z goes back through the inverse of the flow."""
    params = {"model": variables["params"]}
    batch = {**tiny_batch, "position": np.arange(16)}

    def found(**settings):
        loss = make(MODEL, num_samples=2, **settings).loss
        of = lambda p: loss(p, {}, batch, jax.random.key(0), jnp.int32(0), True)[0]  # noqa: E731
        return jax.jit(jax.value_and_grad(of))(params)

    (value, gradients), (expected, others) = found(gradient=gradient), found()
    assert value == pytest.approx(float(expected), rel=1e-5)
    own, other = (g["model"]["posterior"] for g in (gradients, others))
    for ours, theirs in zip(*map(jax.tree.leaves, (own, other)), strict=True):
        assert np.isfinite(ours).all() and not np.allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    shared = [g["model"]["decoder"] for g in (gradients, others)]
    for ours, theirs in zip(*map(jax.tree.leaves, shared), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)
