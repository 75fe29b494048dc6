"""PixelVAE: the bound by hand, codes from above to below, the protocol of a model, its parts."""

from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import abstract, latent_noise, random_state, random_variables
from vaejax import jit_step, make_optimizer, make_train_step, pmap_step
from vaejax.distributions import bernoulli, kl_normal
from vaejax.models import PixelVAE
from vaejax.models.autoregressive import Pixels, gated_pixelcnn
from vaejax.models.pixel_vae_layers import Decoder
from vaejax.models.posteriors import gaussian, iaf
from vaejax.models.priors import Context, autoregressive_flow, pixel_prior, standard
from vaejax.nn.causal import Given
from vaejax.objectives import elbo
from vaejax.objectives.views import interpolate, views_of

NETWORK = gated_pixelcnn(
    features=4,
    num_layers=2,
    kernel_size=3,
    first_kernel_size=3,
    head_features=8,
    map_features=3,
)
ONE_LAYER = gated_pixelcnn(
    features=4, num_layers=1, first_kernel_size=3, head_features=8, map_features=3
)
TINY = partial(PixelVAE, (8, 8, 1), latent_channels=2, widths=(4, 5))
MODEL = TINY(vector_size=3, grid_prior=pixel_prior(NETWORK), autoregressive=NETWORK)
NOISE = latent_noise(MODEL, 16)
KEYS = jax.random.split(jax.random.key(1), 16)


@partial(jax.jit, static_argnums=0)
def passed(model, variables, batch, **given):
    return model.apply(variables, batch, **given)


@pytest.fixture(scope="module")
def variables():
    return random_variables(MODEL, 0.6)


@pytest.fixture(scope="module")
def drawn(variables, tiny_batch):
    return jax.device_get(passed(MODEL, variables, tiny_batch, noise=NOISE))


def test_the_vector_is_the_top_group(drawn):
    assert MODEL.latent_shapes == ((3,), (2, 2, 2))
    assert [latent.z.shape for latent in drawn.latents] == [(16, 3), (16, 2, 2, 2)]
    assert TINY(strides=(2, 1)).latent_shapes == ((4, 4, 2),)
    assert MODEL.posterior_parts == ("encoder",)


def test_codes_are_those_of_the_noise_and_independent_given_the_image(drawn, variables, tiny_batch):
    """q(z_1 | x) q(z_2 | x), Gaussians: other noise of one group leaves the other."""
    for latent, noise in zip(drawn.latents, NOISE["latent"], strict=True):
        q = latent.posterior
        np.testing.assert_allclose(latent.z, q.loc + q.scale * noise, rtol=1e-5, atol=1e-6)
        log_q = scipy.stats.norm.logpdf(latent.z, q.loc, q.scale)
        np.testing.assert_allclose(latent.log_q, log_q.reshape(16, -1).sum(1), rtol=1e-4)
    others = {"latent": (NOISE["latent"][0] + 1.0, NOISE["latent"][1])}
    top, grid = passed(MODEL, variables, tiny_batch, noise=others).latents
    assert np.abs(top.z - drawn.latents[0].z).min() > 1e-3
    np.testing.assert_array_equal(grid.z, drawn.latents[1].z)


def test_the_bound_is_made_of_its_parts(drawn, variables, tiny_batch):
    """log p(x | z_1) + log p(z_2) + log p(z_1 | z_2) - log q, each of the part itself."""
    top, grid = drawn.latents
    np.testing.assert_allclose(top.log_p, scipy.stats.norm.logpdf(top.z).sum(1), rtol=1e-5)
    standard_normal = kl_normal(top.posterior, type(top.posterior).standard(top.z))
    np.testing.assert_allclose(top.kl_dims, standard_normal, rtol=1e-4, atol=1e-6)
    params = variables["params"]

    @jax.jit
    def parts(z_2, z_1):
        prior = {"params": params["grid_prior"]}
        context = Context((z_2,))
        log_p = MODEL.grid_prior.apply(prior, z_1, context, method="log_prob_terms")
        sizes = (MODEL.architecture, MODEL.num_residual_blocks)
        given = Decoder(*sizes, MODEL.num_outputs).apply({"params": params["decoder"]}, z_1)
        pixels = Pixels(NETWORK, bernoulli(), MODEL.image_shape)
        images = tiny_batch["image"]
        return log_p, pixels.apply({"params": params["pixels"]}, images, Given(map=given))

    log_p, log_px = parts(top.z, grid.z)
    np.testing.assert_allclose(grid.log_p, log_p.sum(1), rtol=1e-4)
    np.testing.assert_allclose(drawn.log_px, log_px, rtol=1e-4)
    np.testing.assert_allclose(grid.kl, grid.log_q - grid.log_p, rtol=1e-4, atol=1e-5)
    assert grid.kl_dims is None and grid.kl_terms.shape == (16, 2)
    q = scipy.stats.norm(grid.posterior.loc, grid.posterior.scale)
    terms = q.logpdf(grid.z).sum((1, 2)) - log_p
    np.testing.assert_allclose(grid.kl_terms, terms, rtol=1e-3, atol=1e-4)
    bound = log_px + top.log_p + log_p.sum(1) - top.log_q - grid.log_q
    np.testing.assert_allclose(drawn.log_weight, bound, rtol=1e-4)


def test_given_codes_have_the_densities_of_the_drawn(drawn, variables, tiny_batch):
    codes = [latent.z for latent in drawn.latents]
    given = passed(MODEL, variables, tiny_batch, codes=codes)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), given, drawn)


INDEPENDENT = MODEL.clone(autoregressive=None)  # whose images are means


@pytest.fixture(scope="module")
def looked(tiny_batch):
    """What the views say: codes of the prior, mean codes and those of their noise, and images."""
    views, variables = views_of(INDEPENDENT), random_variables(INDEPENDENT, 0.6)
    params = {"model": variables["params"]}
    codes_of = jax.jit(partial(views.prior_codes, params, {}))

    @jax.jit
    def of_images(batch):
        means = views.encode(params, {}, batch)
        return [latent.z for latent in means], views.to_noise(params, {}, batch)

    @jax.jit
    def images(noise, codes, temperature):
        temperatures = (1.0, temperature)
        return (
            views.from_noise(params, {}, noise, temperatures),
            views.decode(params, {}, codes[:1], KEYS, temperatures),
        )

    noise = views.noise(KEYS)
    codes, (means, standardised) = codes_of(noise), of_images(tiny_batch)
    warm, cold = (images(noise, codes, temperature) for temperature in (1.0, 0.0))
    return jax.device_get((codes, means, codes_of(standardised), warm, cold))


def test_noise_of_images_is_that_of_their_mean_codes(looked):
    _, means, again, *_ = looked
    assert [z.shape for z in means] == [(16, 3), (16, 2, 2, 2)]
    for ours, theirs in zip(again, means, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_a_grid_that_is_not_given_is_drawn_given_the_vector(looked):
    codes, _, _, (warm, decoded), (cold, cold_decoded) = looked
    np.testing.assert_allclose(codes[0], INDEPENDENT.noise(KEYS)["latent"][0], rtol=1e-6)
    assert warm.shape == (16, 8, 8, 1) and np.ptp(warm, 0).max() > 0.1
    np.testing.assert_allclose(decoded, warm, rtol=1e-5)
    np.testing.assert_allclose(cold_decoded, cold, rtol=1e-5)
    assert np.abs(cold - warm).max() > 1e-2


def test_between_two_images_there_is_a_row(variables, tiny_batch):
    views, params = views_of(MODEL), {"model": variables["params"]}
    pair = {"image": tiny_batch["image"][:2]}
    row = jax.eval_shape(lambda: interpolate(views, params, {}, pair, pair, 3))
    assert row.shape == (2, 3, 8, 8, 1)


STANDARD, FLOW = standard(), autoregressive_flow(1, (4,))
OF_GRIDS = {"standard": STANDARD, "flow": FLOW, "pixels": pixel_prior(ONE_LAYER)}
OF_VECTORS = {"standard": STANDARD, "flow": FLOW}
POSTERIORS = {"gaussian": gaussian(), "iaf": iaf(1, (4,))}
DECODERS = {"independent": None, "autoregressive": ONE_LAYER}


@pytest.mark.parametrize("pixels", DECODERS)
@pytest.mark.parametrize("posterior", POSTERIORS)
@pytest.mark.parametrize(
    ("size", "prior"), [*((0, prior) for prior in OF_GRIDS), *((3, prior) for prior in OF_VECTORS)]
)
def test_parts_go_together(size, prior, posterior, pixels):
    model = TINY(
        vector_size=size,
        num_residual_blocks=0,
        prior=(OF_VECTORS if size else OF_GRIDS)[prior],
        grid_prior=pixel_prior(ONE_LAYER) if size else None,
        posterior=POSTERIORS[posterior],
        autoregressive=DECODERS[pixels],
    )

    def everything():
        batch = {"image": np.zeros((2, 8, 8, 1), np.float32)}
        noise = model.noise(KEYS[:2])
        output, variables = model.init_with_output(jax.random.key(0), batch, noise=noise)
        of_noise = model.apply(variables, noise, method="from_noise")
        standardised = model.apply(variables, batch, method="to_noise")["latent"]
        return output.log_weight, output.latents, of_noise, standardised

    log_weight, latents, images, noise = jax.eval_shape(everything)
    assert log_weight.shape == (2,) and images.shape == (2, 8, 8, 1)
    assert [x.shape[1:] for x in noise] == list(model.latent_shapes)
    terms = [x.kl_dims if x.kl_terms is None else x.kl_terms for x in latents]
    assert [x.shape[1:] for x in terms] == [shape[-1:] for shape in model.latent_shapes]


@pytest.fixture(scope="module")
def training(tiny_batch):
    """A step with free bits, wrapped for one device, and a state."""
    model = TINY(
        vector_size=3,
        num_residual_blocks=0,
        grid_prior=pixel_prior(ONE_LAYER),
        autoregressive=ONE_LAYER,
    )
    optimizer = make_optimizer("adam", learning_rate=1e-2, eps=1e-3)  # small gradients are small
    objective = elbo(model, free_bits=0.05)
    step = make_train_step(objective, optimizer)
    return step, jit_step(step, donate=False), random_state(objective, optimizer, tiny_batch, 0.2)


@pytest.mark.slow  # two programs, each compiled for seconds
def test_a_step_is_the_same_on_any_devices(training, tiny_batch):
    step, on_one, state = training
    results = []
    for wrapped, start in (
        (on_one, state),
        (pmap_step(step, 2), state),
    ):
        after, metrics = wrapped(start, tiny_batch, jax.random.key(1))
        results.append((after.params, metrics["grad_norm"]))
        assert np.isfinite(metrics["loss"])
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4), *results)


def test_it_learns(training, tiny_batch):
    _, step, state = training
    losses = []
    for _ in range(150):
        state, metrics = step(state, tiny_batch, jax.random.key(1))
        losses.append(float(metrics["loss"]))
    assert np.all(np.isfinite(losses))
    assert np.mean(losses[-10:]) < 0.7 * losses[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_shape": (8, 10, 1)}, r"image_shape: .* divisible by 4, got 8x10; .* smaller str"),
        ({"latent_channels": 0}, "latent_channels: expected at least 1, got 0"),
        ({"vector_size": -1}, "vector_size: expected at least 0, got -1"),
        ({"num_residual_blocks": -1}, "num_residual_blocks: expected at least 0"),
        ({"widths": ()}, "widths: expected the features of one or more convolutions"),
        ({"strides": (2, 2, 2)}, "strides: expected 2 numbers, as many as widths"),
        (
            {"vector_size": 3, "grid_prior": standard()},
            "grid_prior: expected a prior that looks at the vector above, such as pixel_prior, got "
            "Standard; without a vector",
        ),
        (
            {"grid_prior": pixel_prior()},
            r"grid_prior: expected None without a vector \(vector_size 0\), got PixelP",
        ),
        (
            {"autoregressive": gated_pixelcnn(conditioning="vector")},
            "autoregressive: expected the conditioning 'map' of PixelVAE",
        ),
    ],
)
def test_what_makes_no_model_is_refused_in_a_sentence(settings, message):
    with pytest.raises(ValueError, match=message):
        PixelVAE(**{"image_shape": (8, 8, 1), **settings})


def test_below_a_vector_there_is_a_pixel_prior_by_default():
    model = TINY(vector_size=3)
    assert model == TINY(vector_size=3, grid_prior=pixel_prior()) and model.grid_prior.looks_above
    assert TINY().grid_prior is None and hash(model) == hash(TINY(vector_size=3))


def test_a_vector_has_no_prior_of_grids():
    with pytest.raises(ValueError, match=r"prior: expected codes \[B, h, w, D\] of a pixel_prior"):
        abstract(TINY(vector_size=3, prior=pixel_prior(NETWORK)))
