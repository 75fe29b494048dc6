import time

import jax
import numpy as np
import pytest

from vaejax.evaluators.baselines import ica, pca, pixels


@pytest.fixture(scope="module")
def mixed():
    """Images [2000, 4, 4, 1] that are linear in three independent uniform sources [2000, 3]."""
    rng = np.random.default_rng(0)
    sources = rng.uniform(-1, 1, (2000, 3))
    return sources, (sources @ rng.normal(size=(3, 16))).reshape(-1, 4, 4, 1).astype(np.float32)


def test_principal_components_are_white(mixed):
    codes = np.asarray(pca(mixed[1], 3)(mixed[1]))
    np.testing.assert_allclose(np.cov(codes, rowvar=False), np.eye(3), atol=2e-3)


def test_independent_components_are_the_sources(mixed):
    sources, images = mixed
    codes = np.asarray(ica(images, 3, jax.random.key(0))(images))
    match = np.abs(np.corrcoef(codes, sources, rowvar=False)[:3, 3:])
    assert (match.max(0) > 0.97).all() and (match.max(1) > 0.97).all()


def test_large_images_are_averaged():
    images = np.arange(2 * 64 * 64, dtype=np.float32).reshape(2, 64, 64, 1)
    codes = np.asarray(pixels((64, 64, 1))(images))
    assert codes.shape == (2, 256)
    assert codes[0, 0] == images[0, :4, :4].mean()


def test_too_many_components_are_refused(mixed):
    with pytest.raises(ValueError, match="latent_size: expected fewer"):
        pca(mixed[1], 4)


@pytest.mark.parametrize(
    ("shape", "latent_size"),
    [((300, 30, 20, 1), 10), ((300, 30, 20, 1), 100), ((300, 6, 5, 2), 2), ((300, 6, 5, 2), 40)],
)
def test_principal_components_are_those_of_the_singular_values(shape, latent_size):
    """Of fewer images than pixels and of more, few and many; spectra fall as those of pictures."""
    rng = np.random.default_rng(1)
    flat = rng.normal(size=(shape[0], 60)) / np.arange(1, 61) @ rng.normal(size=(60, 600))
    flat = flat[:, : np.prod(shape[1:])] + 0.01 * rng.normal(size=(shape[0], np.prod(shape[1:])))
    flat = (flat + 3.0).astype(np.float32)
    codes = np.asarray(pca(flat.reshape(shape), latent_size)(flat.reshape(shape)))
    left, spread, _ = np.linalg.svd(flat.astype(np.float64) - flat.mean(0), full_matrices=False)
    expected = np.sqrt(len(flat)) * left[:, :latent_size]
    signs = np.sign((codes * expected).sum(0))[None]
    np.testing.assert_allclose(codes * signs, expected, atol=2e-3 * spread[0] / spread[latent_size])


def test_images_that_are_all_the_same_have_no_components():
    with pytest.raises(ValueError, match="latent_size: expected fewer components than 1"):
        pca(np.ones((5, 2, 2, 1), np.float32), 1)


def test_large_images_are_fitted_to_in_seconds():
    """2,000 of 4,096 pixels, as evaluations do: the thin SVD took a minute of CPU time."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2000, 40)) / np.arange(1, 41) @ rng.normal(size=(40, 4096))
    images = images.reshape(-1, 64, 64, 1).astype(np.float32)
    began = time.process_time()
    pca(images, 10)
    assert time.process_time() - began < 10.0
