"""Pictures show what they say: a model whose decoder is known, looked at through its panels."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource
from vaejax.distributions import Normal, normal_latent
from vaejax.evaluators import Context
from vaejax.objectives import elbo
from vaejax.pictures.run_pictures import PANEL_RANGE, Pictures, examples, figures
from vaejax.training.state import TrainState


class Bars(nn.Module):
    """Code (a, b): the left half of the image has the grey value a, the right half b."""

    def noise(self, keys):
        return {"latent": (jnp.full((len(keys), 2), 0.5),)}

    def encode(self, batch, noise=None):
        images = batch["image"]
        codes = jnp.stack([images[:, 0, 0, 0], images[:, 0, -1, 0]], axis=1)
        posterior = Normal(codes, jnp.array([[0.1, 1.0]]) * jnp.ones_like(codes))
        return (normal_latent(codes, posterior, Normal.standard(codes)),)

    def decode(self, codes, keys, temperature=1.0):
        (z,) = codes
        halves = jnp.repeat(z, 4, axis=1)  # [B, 8]
        return jnp.broadcast_to(halves[:, None, :, None], (len(z), 8, 8, 1))

    def from_noise(self, noise, temperature=1.0, draw=False):
        return self.decode(noise["latent"], None)

    def prior_codes(self, noise):
        return noise["latent"]


encoded: list[int] = []  # numbers of images with which `Counted` was traced


class Counted(nn.Module):
    """Codes are the images; those decoded together have the grey value of their number / 64."""

    def noise(self, keys):
        return {"latent": (jnp.zeros((len(keys), 8, 8, 1)),)}

    def encode(self, batch, noise=None):
        images = batch["image"]
        encoded.append(len(images))
        posterior = Normal.standard(images)
        return (normal_latent(images, posterior, posterior),)

    def decode(self, codes, keys, temperature=1.0):
        (z,) = codes
        return jnp.full_like(z, len(z) / 64)

    def from_noise(self, noise, temperature=1.0, draw=False):
        return self.decode(noise["latent"], None)


@pytest.fixture(scope="module")
def source():
    return ArraySource(np.random.default_rng(0).integers(0, 256, (30, 8, 8, 1)).astype(np.uint8))


def pictures_of(model, source):
    return Pictures(Context(elbo(model), {"test": source}, data_mesh(), 0), source)


@pytest.fixture(scope="module")
def pictures(source):
    return pictures_of(Bars(), source)


@pytest.fixture(scope="module")
def state():
    return TrainState(jnp.zeros((), jnp.int32), {"model": {}}, {"model": {}}, {}, ())


def test_panels_are_pictures(pictures, state):
    panels = pictures.of(state)
    assert set(panels) == {"reconstructions", "samples", "traversals"}
    for picture in panels.values():
        assert picture.dtype == np.uint8
        assert picture.ndim == 3 and picture.shape[2] == 3


def test_samples_are_the_models(pictures, state):
    expected = figures.samples(np.full((64, 8, 8, 1), 0.5))
    np.testing.assert_array_equal(pictures.samples(state), expected)


def test_samples_are_decoded_eight_at_a_time(source, state):
    expected = figures.samples(np.full((64, 8, 8, 1), 8 / 64))
    samples = pictures_of(Counted(), source).samples(state)
    np.testing.assert_array_equal(samples, expected)


def test_codes_that_are_maps_are_not_traversed_and_only_what_is_shown_is_encoded(source, state):
    """What is traced is counted: shapes are asked of one image, and 16 are encoded."""
    encoded.clear()
    pictures = pictures_of(Counted(), source)
    assert set(pictures.of(state)) == {"reconstructions", "samples"}
    assert pictures.traversal_frames(state) is None
    assert set(encoded) == {1, 16}


def test_a_traversal_moves_one_latent_and_holds_the_others(pictures, state):
    base = jnp.array([[0.25, 0.75]])
    images = pictures._traverse(state, base, PANEL_RANGE)  # [D, S, T, H, W, C]
    assert images.shape == (2, 1, len(PANEL_RANGE), 8, 8, 1)
    moved = np.clip(PANEL_RANGE, 0, 1)
    np.testing.assert_allclose(images[0, 0, :, 0, 0, 0], moved, rtol=1e-6)
    np.testing.assert_allclose(images[0, 0, :, 0, 7, 0], 0.75)
    np.testing.assert_allclose(images[1, 0, :, 0, 0, 0], 0.25)
    np.testing.assert_allclose(images[1, 0, :, 0, 7, 0], moved, rtol=1e-6)


def test_each_latent_may_have_its_own_values(pictures, state):
    values = np.array([[0.0, 0.5], [0.25, 1.0]])
    images = pictures._traverse(state, jnp.array([[0.25, 0.75]]), values)
    np.testing.assert_allclose(images[0, 0, :, 0, 0, 0], values[0])
    np.testing.assert_allclose(images[1, 0, :, 0, 7, 0], values[1])


def test_rows_go_over_the_values_that_images_have(pictures, source, state, monkeypatch):
    """Codes are the grey values of two corners; a row stays within those of the data."""
    seen = {}

    def traversals(images, kl, *, names, rows):
        seen.update(images=np.asarray(images), names=names)
        return np.zeros((1, 1, 3), np.uint8)

    monkeypatch.setattr(figures, "traversals", traversals)
    pictures.traversals(state)
    corners = source.images(np.arange(30))[:, 0, [0, -1], 0]  # [N, 2]
    ends = np.quantile(corners, [0.01, 0.99], axis=0).T  # [2, 2]
    np.testing.assert_allclose(seen["images"][0, [0, -1], 0, 0, 0], ends[0], rtol=1e-5)
    np.testing.assert_allclose(seen["images"][1, [0, -1], 0, -1, 0], ends[1], rtol=1e-5)
    held = seen["images"][1, 0, 0, 0, 0]  # what the other latent is, in the middle of the data
    nearest = ((corners - corners.mean(0)) ** 2).sum(1).argmin()
    np.testing.assert_allclose(held, corners[nearest, 0], rtol=1e-6)
    assert seen["names"] is None  # there are no factors


def test_latents_are_named_by_the_factors_that_they_follow(state):
    factors = np.stack(np.meshgrid(range(8), range(8)), -1).reshape(-1, 2)
    halves = np.repeat(30 * factors, 4, axis=1)[:, None, :, None]  # [N, 1, 8, 1]
    images = np.broadcast_to(halves, (64, 8, 8, 1)).astype(np.uint8)
    source = ArraySource(images, factors=factors, factor_names=("left", "right"))
    assert pictures_of(Bars(), source)._names(state) == ["left, 100 %", "right, 100 %"]


def test_frames_sweep_there_and_back(pictures, state):
    frames = pictures.traversal_frames(state)
    assert frames.dtype == np.uint8
    np.testing.assert_array_equal(frames[1], frames[-1])
    assert (frames[0] != frames[len(frames) // 2]).any()


def test_examples_are_random_images_of_the_data(source):
    shown = examples(source)
    assert shown.dtype == np.uint8
    tiles = {int(value) for value in np.unique(shown)}
    assert {int(value) for value in np.rint(255 * source.images(np.arange(30))).ravel()} <= tiles


def test_what_an_objective_has_no_views_for_is_left_out_and_said(source, state):
    objective = elbo(Bars())
    views = objective.views._replace(encode=None, prior_codes=None)
    context = Context(objective._replace(views=views), {"test": source}, data_mesh(), 0)
    pictures = Pictures(context, source)
    assert set(pictures.of(state)) == {"samples"}
    assert pictures.left_out() == [
        "no reconstructions: the objective has no view encode",
        "no traversals: the objective has no view encode",
    ]
    assert pictures.traversal_frames(state) is None
