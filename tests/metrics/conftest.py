"""Codes and scores of disentanglement_lib, and small codes whose scores are known."""

import jax
import numpy as np
import pytest

NAMES = ("identity", "rotation", "noisy", "duplicate", "partial")


class Reference:
    """The reference arrays: `codes(name)`, `factors`, rows of a seed, and arrays by key."""

    def __init__(self, path):
        self.arrays = dict(np.load(path))
        self.factors = self.arrays["factors"].astype(np.int32)

    def __getitem__(self, key):
        return self.arrays[key]

    def codes(self, name):
        return self.arrays[f"codes/{name}"]

    def rows(self, seed=0):
        return self.arrays[f"idx_train_s{seed}"], self.arrays[f"idx_test_s{seed}"]

    def sampled(self, ours, name, metric, tolerance):
        """Whether a sampled score lies within the tolerance of the reference's seeds."""
        theirs = self.arrays[f"score/{name}/{metric}"]
        error = 4 * np.sqrt(2 * theirs.var(ddof=1) / len(theirs))
        return abs(ours - theirs.mean()) <= max(error, tolerance)


@pytest.fixture(scope="session")
def reference(vectors):
    return Reference(vectors("disentanglement.npz"))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="session")
def grid():
    """Factors [1080, 3] of a complete 3 x 4 x 5 grid, 18 times over, int32."""
    sizes = (3, 4, 5)
    levels = np.stack(np.unravel_index(np.arange(60), sizes), axis=1)
    return np.tile(levels, (18, 1)).astype(np.int32)


@pytest.fixture(scope="session")
def perfect(grid):
    """Codes [1080, 3], one per factor."""
    return (grid / grid.std(0)).astype(np.float32)


@pytest.fixture(scope="session")
def useless():
    """Codes [1080, 3] of noise."""
    return np.random.default_rng(0).normal(size=(1080, 3)).astype(np.float32)


@pytest.fixture(scope="session")
def dead(perfect):
    """The perfect codes and two that never change."""
    return np.concatenate([perfect, np.zeros_like(perfect[:, :2])], axis=1)


@pytest.fixture(scope="session")
def entangled(perfect):
    """A random rotation of the perfect codes."""
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    return (perfect @ rotation).astype(np.float32)


@pytest.fixture
def key():
    return jax.random.key(3)
