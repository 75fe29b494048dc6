"""Active units of a linear hierarchy, whose posterior means are known."""

from types import SimpleNamespace

import flax.linen as nn
import jax
import numpy as np
import pytest

from tests.leaves.pixels import PixelModel
from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource
from vaejax.evaluators import Context, active_units
from vaejax.models import DenseHierarchy
from vaejax.objectives import elbo
from vaejax.types import Latent, VAEOutput

# z1 = (w x + t e, 0.7 + e'), of which the second is dead; the mean of z2 is k times the first.
IMAGES = np.random.default_rng(0).random((600, 1, 2, 1)).astype(np.float32)
W, T, K = np.array([1.5, -1.0], np.float32), 0.4, 0.5
MODEL = DenseHierarchy((1, 2, 1), latent_sizes=(1, 2), hidden=((), ()))


def layer(kernel, bias, log_scale):
    kernel = np.asarray(kernel, np.float32)
    return {
        "mean": {"kernel": kernel, "bias": np.asarray(bias, np.float32)},
        "log_scale": {"kernel": 0 * kernel, "bias": np.asarray(log_scale, np.float32)},
    }


ENCODER = {
    "group_1": layer(np.stack([W, 0 * W], 1), [0.2, 0.7], [np.log(T), 0.0]),
    "group_0": layer([[K], [0.0]], [0.1], [0.0]),
}
DECODER = {"group_1": layer([[1.0, 0.0]], [0.0, 0.7], [0.0, 0.0])}  # for KLs, which do not count
PARAMS = {"encoder": ENCODER, "decoder": DECODER}
STATE = SimpleNamespace(ema_params={"model": PARAMS}, model_state={})


def found(**kwargs):
    splits = {"train": ArraySource(IMAGES), "test": ArraySource(IMAGES[:3])}
    context = Context(elbo(MODEL), splits, data_mesh(), seed=0)
    return dict(active_units(context, **{"batch_size": 64, **kwargs})(STATE))


def test_variances_are_those_of_the_means_of_the_first_images():
    scores = found(num_samples=300)
    means = IMAGES[:500].reshape(500, 2) @ W + 0.2
    expected = means.var()
    np.testing.assert_allclose(scores["code_variances/1"], [expected, 0.0], rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(scores["code_means/1"], [means.mean(), 0.7], rtol=1e-5)
    np.testing.assert_allclose(scores["code_variances/0"], K**2 * expected, rtol=0.03)
    np.testing.assert_allclose(scores["code_means/0"], K * means.mean() + 0.1, rtol=0.01)
    assert (scores["active_units"], scores["active_units/0"], scores["active_units/1"]) == (2, 1, 1)
    assert scores["num_images"] == 500
    assert found(min_variance=0.9 * K**2 * expected)["active_units"] == 2
    assert found(num_samples=300, min_variance=1.1 * K**2 * expected)["active_units/0"] == 0
    few = found(num_images=10)["code_variances/1"][0]
    np.testing.assert_allclose(few, means[:10].var(), rtol=1e-5)


def test_with_one_sample_that_sample_varies_too():
    """Var k (w x + t e) = k^2 (Var w x + t^2), within 4 standard errors of a variance of 500."""
    variance = found()["code_variances/0"]
    expected = K**2 * ((IMAGES[:500].reshape(500, 2) @ W).var() + T**2)
    np.testing.assert_allclose(variance, expected, rtol=4 * np.sqrt(2 / 500))
    assert expected > 1.3 * K**2 * (IMAGES.reshape(600, 2) @ W).var()


def test_numbers_do_not_depend_on_the_batch_size():
    for name, value in found(num_samples=2).items():
        np.testing.assert_allclose(found(num_samples=2, batch_size=8)[name], value, rtol=1e-5)


class Uniform(nn.Module):
    """A model whose codes are not Gaussian."""

    def setup(self):
        self.weight = self.param("weight", nn.initializers.zeros, ())

    def __call__(self, batch, *, noise=None, codes=None, train=False):
        return VAEOutput(batch["image"].sum((1, 2, 3)), self.encode(batch))

    def encode(self, batch, noise=None):
        z = self.weight * batch["image"].sum((1, 2))
        return (Latent(z, z[:, 0], z[:, 0], z[:, 0]),)


@pytest.mark.parametrize(
    ("model", "kwargs", "message"),
    [
        (MODEL, {"split": "validation"}, "split: expected one of"),
        (MODEL, {"num_images": 1}, "num_images: expected at least 2, got 1"),
        (MODEL, {"num_samples": 0}, "num_samples: expected at least 1, got 0"),
        (MODEL, {"min_variance": -1.0}, "min_variance: expected a number >= 0, got -1"),
        (MODEL, {"batch_size": 12}, "batch_size: expected a positive multiple of 8 devices, got"),
        (Uniform(), {}, "active_units: expected a model with Gaussian posteriors, got another"),
        (PixelModel((1, 2, 1)), {}, "active_units: expected .* view 'encode'"),
    ],
)
def test_mistakes_are_told_before_anything_compiles(model, kwargs, message):
    context = Context(elbo(model), {"train": ArraySource(IMAGES)}, data_mesh(), seed=0)
    with pytest.raises(ValueError, match=f"^{message}"):
        active_units(context, **kwargs)


def test_a_model_of_one_group_has_its_number_of_active_units(context, state):
    scores = dict(active_units(context, batch_size=64)(state))
    assert scores["active_units"] == scores["active_units/0"] <= 3
    assert scores["code_variances/0"].shape == (3,)
    assert jax.tree.all(jax.tree.map(np.isfinite, scores["code_variances/0"].tolist()))
