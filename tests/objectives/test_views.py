"""What can be looked at, by a dense model and two hierarchies, against the models themselves."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import random_variables
from vaejax.distributions import bernoulli
from vaejax.models import NVAE, ConvVAE, DenseHierarchy
from vaejax.models.priors import standard
from vaejax.objectives import add_penalties, elbo, factor_vae, spectral
from vaejax.objectives.views import interpolate, need, noise_of, reconstruct, views_of
from vaejax.types import VAEOutput, Views

MODELS = {
    "dense": partial(ConvVAE, (8, 8, 1), 3, "burda"),
    "layers": partial(DenseHierarchy, (8, 8, 1), (2, 3), ((8,), (16,))),
    "deep": partial(
        NVAE,
        (8, 8, 1),
        bernoulli(),
        groups=(1, 1),
        latent_channels=2,
        encoder_features=2,
        decoder_features=2,
        squeeze_excite=False,
        memory="store",
        num_blocks=0,
        preprocess_cells=1,
        postprocess_cells=1,
        encoder_cells=1,
        decoder_cells=1,
    ),
}
SIZE = 4
KEYS = jax.random.split(jax.random.key(2), SIZE)


class Given:
    """A model's views and what they are called with."""

    def __init__(self, make):
        self.model = make()
        self.views = views_of(self.model)
        self.variables = random_variables(self.model, 0.25)
        if statistics := self.variables.get("batch_stats"):
            self.variables["batch_stats"] = jax.tree.map(lambda x: 0.6 + x, statistics)
        self.params = {"model": self.variables["params"]}
        self.state = {k: v for k, v in self.variables.items() if k != "params"}
        self.noise = self.views.noise(KEYS)

        self._compiled = {}

    def __call__(self, view, *args, **kwargs):
        """A view by name, or what is made of them, compiled once for all tests."""
        function = getattr(self.views, view) if isinstance(view, str) else partial(view, self.views)
        key = (view, *kwargs)
        if key not in self._compiled:
            self._compiled[key] = jax.jit(partial(function, **kwargs))
        return self._compiled[key](self.params, self.state, *args)


@pytest.fixture(scope="module", params=MODELS)
def given(request):
    return Given(MODELS[request.param])


@pytest.fixture(scope="module")
def batch(tiny_batch):
    return jax.tree.map(lambda array: array[:SIZE], tiny_batch)


def test_views_of_equal_models_are_the_same_object():
    for make in MODELS.values():
        assert views_of(make()) is views_of(make())
    assert views_of(MODELS["dense"]()) is not views_of(MODELS["dense"](prior=standard(2.0)))


def test_wrappers_of_objectives_keep_the_views():
    model = MODELS["dense"]()
    penalised = add_penalties(elbo(model, beta=4.0), spectral(dict, weight=1.0))
    assert elbo(model).views is penalised.views is factor_vae(model).views is views_of(model)


def test_noise_is_one_array_per_group_and_the_keys_of_pixels(given):
    shapes = given.model.latent_shapes
    assert [entry.shape for entry in given.noise] == [*((SIZE, *s) for s in shapes), (SIZE,)]
    turned = given.views.noise(KEYS[::-1])  # each image's from its own key
    for entry, other in zip(given.noise[:-1], turned[:-1], strict=True):
        np.testing.assert_array_equal(other[::-1], entry)


def test_samples_are_decoded_codes_of_the_prior(given):
    codes = given("prior_codes", given.noise)
    assert [code.shape[1:] for code in codes] == list(given.model.latent_shapes)
    np.testing.assert_allclose(codes[0], given.noise[0], rtol=1e-5)  # N(0, I)
    images = given("from_noise", given.noise)
    np.testing.assert_allclose(given("decode", codes, KEYS), images, rtol=1e-4, atol=1e-5)
    assert images.shape == (SIZE, 8, 8, 1)


def test_codes_that_are_missing_are_drawn_from_the_key_of_their_image(given):
    """From nothing at all: the samples of these keys, at any temperature."""
    nothing = [None] * len(given.model.latent_shapes)
    for temperature in (1.0, 0.5):
        drawn = given("decode", nothing, KEYS, temperature)
        expected = given("from_noise", given.noise, temperature)
        np.testing.assert_allclose(drawn, expected, rtol=1e-4, atol=1e-5)


def test_temperature_shrinks_noise_and_has_an_entry_per_array(given):
    half = (*(0.5 * entry for entry in given.noise[:-1]), given.noise[-1])
    expected = given("from_noise", half)
    for temperature in (0.5, (0.5,) * len(given.noise)):
        images = given("from_noise", given.noise, temperature)
        np.testing.assert_allclose(images, expected, rtol=1e-4, atol=1e-5)


def test_pixels_can_be_drawn(given):
    draws = given("from_noise", given.noise, draw=True)
    assert set(np.unique(draws)) <= {0.0, 1.0}
    means = np.asarray(given("from_noise", given.noise))
    inside = (means > 0.2) & (means < 0.8)
    assert np.any(np.abs(draws - means)[inside] > 0.1)


def test_encoding_is_the_pass_of_the_model(given, batch):
    noise = {"latent": given.noise[:-1]}
    expected = jax.jit(given.model.apply)(given.variables, batch, noise=noise)
    latents = given("encode", batch, given.noise)
    jax.tree.map(
        partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4), latents, expected.latents
    )
    top = given("encode", batch)[0]
    np.testing.assert_allclose(top.z, top.posterior.loc, rtol=1e-5, atol=1e-6)


def test_log_weights_are_log_p_of_x_and_z_less_log_q_by_scipy(given, batch):
    """With densities of its own making: Bernoulli pixels, Gaussian codes."""
    weights = given("log_weight", batch, given.noise)
    latents = given("encode", batch, given.noise)
    codes = [latent.z for latent in latents]
    p, x = (np.asarray(a, "d") for a in (given("decode", codes, KEYS), batch["image"]))
    log_px = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum((1, 2, 3))
    log_q = sum(
        scipy.stats.norm.logpdf(z, q.loc, q.scale).reshape(SIZE, -1).sum(1)
        for z, q in ((latent.z, latent.posterior) for latent in latents)
    )
    top = scipy.stats.norm.logpdf(codes[0]).reshape(SIZE, -1).sum(1)
    np.testing.assert_allclose(latents[0].log_p, top, rtol=1e-4)
    log_p = sum(np.asarray(latent.log_p, "d") for latent in latents)
    np.testing.assert_allclose(weights, log_px + log_p - log_q, rtol=1e-3, atol=1e-2)


def test_reconstructions_are_decoded_means(given, batch):
    images = given(reconstruct, batch, KEYS)
    codes = [latent.z for latent in given("encode", batch)]
    np.testing.assert_allclose(images, given("decode", codes, KEYS), rtol=1e-4, atol=1e-5)
    noise = given("to_noise", batch)
    np.testing.assert_allclose(images, given("from_noise", noise), rtol=1e-3, atol=1e-4)


def test_interpolation_leads_from_one_reconstruction_to_the_other(given, batch):
    first, second = ({"image": batch["image"][i : i + 2]} for i in (0, 2))
    way = given(interpolate, first, second, num_steps=4)
    assert way.shape == (2, 4, 8, 8, 1)
    expected = given(reconstruct, batch, KEYS)
    np.testing.assert_allclose(way[:, 0], expected[:2], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(way[:, -1], expected[2:], rtol=1e-3, atol=1e-4)
    assert not np.allclose(way[:, 1], way[:, 2], atol=1e-4)


def test_a_path_is_a_great_circle_and_holds_the_pixels(given):
    a, b = given.noise, given.views.noise(jax.random.split(jax.random.key(5), SIZE))
    way = given.views.path(a, b, 3)
    assert [entry.shape[:2] for entry in way] == [(SIZE, 3)] * len(a)
    for first, second, entry in zip(a[:-1], b[:-1], way[:-1], strict=True):
        u, v = (np.asarray(noise, "d").reshape(SIZE, -1) for noise in (first, second))
        norms = [np.linalg.norm(noise, axis=1) for noise in (u, v)]
        angle = np.arccos((u * v).sum(1) / (norms[0] * norms[1]))
        middle = (u + v) / (2 * np.cos(angle / 2))[:, None]  # sin(a / 2) / sin(a) of both
        np.testing.assert_allclose(entry[:, 1].reshape(SIZE, -1), middle, rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(*(jax.random.key_data(way[-1][:, t]) for t in (0, 2)))


def test_statistics_of_samples_replace_those_of_training():
    given, dense = Given(MODELS["deep"]), Given(MODELS["dense"])
    adapted = given("adapt", given.noise)
    moved = jax.tree.map(jnp.subtract, adapted["batch_stats"], given.state["batch_stats"])
    assert min(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(moved["decoder_1"])) > 0
    assert not jax.tree.leaves(jax.tree.map(jnp.any, moved.get("preprocess_0", {})))
    assert dense.views.adapt is not None  # a model without statistics has nothing to adapt
    assert dense("adapt", dense.noise) == {}


class Pixels(nn.Module):
    """A model of images alone that draws for itself."""

    @nn.compact
    def __call__(self, batch, *, noise=None, codes=None, train=False):
        logit = self.param("logit", nn.initializers.zeros, ())
        assert set(noise) == {"key"}
        return VAEOutput(logit * batch["image"].sum((1, 2, 3)))


def test_a_model_that_says_little_has_few_views(batch):
    views = views_of(Pixels())
    assert {name for name, view in views._asdict().items() if view is not None} == {
        "noise",
        "log_weight",
    }
    params = {"model": {"logit": jnp.asarray(2.0)}}
    (keys,) = views.noise(KEYS)
    np.testing.assert_array_equal(*map(jax.random.key_data, (keys, KEYS)))
    weights = views.log_weight(params, {}, batch, (keys,))
    np.testing.assert_allclose(weights, 2.0 * batch["image"].sum((1, 2, 3)), rtol=1e-6)
    assert noise_of(Pixels(), KEYS)["key"] is KEYS


def test_what_is_missing_is_said_with_what_is_there(batch):
    message = (
        r"reconstructions: expected an objective with the view 'encode', got \['noise', "
        r"'log_weight'\]"
    )
    views = views_of(Pixels())
    with pytest.raises(ValueError, match=message):
        reconstruct(views, {}, {}, batch, KEYS)
    with pytest.raises(ValueError, match=r"mine: expected .* 'decode', got \[\]"):
        need(Views(), "decode", "mine")
    assert need(views, "noise", "mine") is views.noise


def test_interpolation_has_two_ends(given, batch):
    with pytest.raises(ValueError, match="num_steps: expected at least 2, got 1"):
        interpolate(given.views, given.params, given.state, batch, batch, 1)


class OneWay:
    """A normal prior that does not say what its codes were drawn from."""

    def log_prob(self, z, context):
        return standard().log_prob(z, context)

    def from_noise(self, noise, context, temperature):
        return standard().from_noise(noise, context, temperature)

    def to_noise(self, z, context):
        return None

    def normal(self, z):
        return None


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_codes_that_cannot_be_standardised_are_not_interpolated(make, batch):
    model = make(prior=OneWay())
    views, keys = views_of(model), jax.random.split(jax.random.key(0), SIZE)
    params, state = jax.eval_shape(elbo(model).init, keys[0], {**batch, "position": jnp.arange(4)})
    with pytest.raises(ValueError, match="prior: expected one whose codes can be turned into"):
        jax.eval_shape(partial(interpolate, views, num_steps=3), params, state, batch, batch)
    latents = jax.eval_shape(views.encode, params, state, batch, views.noise(keys))
    assert latents[0].kl.shape == (SIZE,) and latents[0].kl_dims is None  # a draw's estimate
