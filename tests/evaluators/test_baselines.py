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
