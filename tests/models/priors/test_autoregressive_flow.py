"""The prior of an autoregressive flow: its density, its draws, and the IAF posterior that it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import SMALLEST_NVAE, abstract, latent_noise, random_variables
from vaejax.models import NVAE, ConvVAE
from vaejax.models.posteriors import iaf
from vaejax.models.priors import Context, autoregressive_flow

MODEL = ConvVAE((8, 8, 1), 3, "toy", prior=autoregressive_flow(num_flows=2, hidden=(6,)))
NOISE = latent_noise(MODEL, 16)


def random_flow(shape, reach=0.4):
    part = autoregressive_flow(num_flows=2, hidden=(4,))
    z = np.zeros((1, *shape), np.float32)
    shapes = jax.eval_shape(lambda: part.init(jax.random.key(0), z, Context(), method="log_prob"))
    rng = np.random.default_rng(0)
    uniform = lambda x: rng.uniform(-reach, reach, x.shape).astype(np.float32)  # noqa: E731
    return part, jax.tree.map(uniform, shapes)


@pytest.mark.parametrize("shape", [(4,), (2, 2, 2)])
def test_draws_are_of_its_density(shape):
    """Of the change of variables: log N(noise) - log |det dz / dnoise|; and noise comes back."""
    part, variables = random_flow(shape)
    noise = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)

    @jax.jit
    def found(noise):
        def codes(noise):
            return part.apply(variables, noise, Context(), 1.0, method="from_noise")

        def first(noise):
            return codes(noise.reshape(1, *shape)).ravel()

        z = codes(noise)
        density = part.apply(variables, z, Context(), method="log_prob")
        terms = part.apply(variables, z, Context(), method="log_prob_terms")
        again = part.apply(variables, z, Context(), method="to_noise")
        warm = part.apply(variables, noise, Context(), 0.5, method="from_noise")
        return density, terms, again, jax.jacrev(first)(noise[0].ravel()), warm, codes(0.5 * noise)

    density, terms, again, jacobian, warm, halved = found(noise)
    log_det = np.linalg.slogdet(np.asarray(jacobian, np.float64))[1]
    expected = scipy.stats.norm.logpdf(noise[0]).sum() - log_det
    assert density[0] == pytest.approx(expected, rel=1e-4) and abs(log_det) > 1e-3
    assert terms.shape == (3, shape[-1])
    np.testing.assert_allclose(terms.sum(1), density, rtol=1e-5)
    np.testing.assert_allclose(again, noise, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(warm, halved)


def test_at_first_it_is_the_standard_prior(tiny_batch):
    @jax.jit
    def both(noise):
        variables = MODEL.init(jax.random.key(0), tiny_batch, noise=noise)
        params = dict(variables["params"])
        del params["prior"]
        plain, plain_variables = MODEL.clone(prior=ConvVAE.prior), {"params": params}
        passes, images = zip(
            *(
                (
                    model.apply(given, tiny_batch, noise=noise),
                    model.apply(given, {**noise, "pixels": ()}, method="from_noise"),
                )
                for model, given in ((MODEL, variables), (plain, plain_variables))
            ),
            strict=True,
        )
        return passes, images

    (through, plain), images = both(NOISE)
    np.testing.assert_allclose(through.log_weight, plain.log_weight, rtol=1e-6)
    np.testing.assert_allclose(through.latents[0].log_p, plain.latents[0].log_p, rtol=1e-6)
    np.testing.assert_allclose(*images, rtol=1e-6)
    (latent,) = through.latents
    np.testing.assert_allclose(latent.kl_terms.sum(1), latent.kl, rtol=1e-4, atol=1e-5)
    assert latent.posterior is not None and latent.kl_dims is None
    assert MODEL.posterior_parts == ("encoder",)


class ThroughTheFlow(ConvVAE):
    """A model with an IAF posterior whose decoder reads f(z), where z = f^-1(z_0)."""

    def _outputs(self, features, train):
        return super()._outputs(self.posterior.flow.inverse(features), train)


def test_it_is_an_iaf_posterior_before_a_deeper_decoder(tiny_batch):
    """VLAE, section 3.2: the same flow on either side gives the same bound of the same noise."""
    model = ThroughTheFlow((8, 8, 1), 3, "toy", posterior=iaf(num_flows=2, hidden=(6,)))
    variables = random_variables(MODEL, 0.4)
    params = dict(variables["params"])
    flow = jax.tree.map(lambda x: x, params.pop("prior"))
    theirs = abstract(model)[1]["params"]["posterior"]["flow"]
    for name, step in flow["flow"].items():  # which is to look at the image nowhere
        kernel = theirs[name]["network"]["context"]["kernel"]
        step["network"]["context"] = {"kernel": np.zeros(kernel.shape, kernel.dtype)}

    @jax.jit
    def both(noise):
        flow_prior = MODEL.apply(variables, tiny_batch, noise=noise)
        posterior = model.apply({"params": {**params, "posterior": flow}}, tiny_batch, noise=noise)
        return flow_prior, posterior

    prior, posterior = both(NOISE)
    np.testing.assert_allclose(prior.log_weight, posterior.log_weight, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(prior.log_px, posterior.log_px, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(prior.latents[0].kl, posterior.latents[0].kl, rtol=1e-5, atol=1e-4)
    assert np.abs(prior.latents[0].z - posterior.latents[0].z).max() > 0.1
    assert np.abs(prior.latents[0].log_q - posterior.latents[0].log_q).max() > 0.01


def test_a_deep_hierarchy_takes_it_for_its_top_group():
    """A grid of codes: the pass, and a draw of the prior."""
    model = NVAE(
        (8, 8, 1),
        groups=(1, 1),
        **SMALLEST_NVAE,
        prior=autoregressive_flow(num_flows=1, hidden=(4,)),
    )
    output, variables = abstract(model)
    assert "prior" in str(jax.tree_util.tree_structure(variables["params"]))
    assert output.latents[0].kl.shape == (2,)
    images = jax.eval_shape(
        lambda v: model.apply(
            v, model.noise(jax.random.split(jax.random.key(0), 2)), method="from_noise"
        ),
        variables,
    )
    assert images.shape == (2, 8, 8, 1)
    assert jnp.issubdtype(images.dtype, jnp.floating)
