"""Images of the sizes that people have: a training step, and samples, of tiny networks."""

import jax
import numpy as np
import pytest

from vaejax.distributions import bernoulli, gaussian
from vaejax.models import NVAE, ConvVAE
from vaejax.objectives import elbo
from vaejax.recipes.own import halvings
from vaejax.training.optimizers import make_optimizer
from vaejax.training.state import create_train_state
from vaejax.training.step import make_train_step

TINY = dict(
    latent_channels=1,
    encoder_features=2,
    decoder_features=2,
    preprocess_cells=1,
    postprocess_cells=1,
    encoder_cells=1,
    decoder_cells=1,
)


def trains_and_samples(model):
    """One step of a model is finite, and what it makes up are images of its shape."""
    objective, optimizer = elbo(model), make_optimizer("adam", learning_rate=1e-3)
    batch = {"image": jax.random.bernoulli(jax.random.key(0), 0.5, (2, *model.image_shape)) * 1.0}

    @jax.jit
    def step_and_sample(batch):  # one program: compiling is what takes the time
        state = create_train_state(objective, optimizer, jax.random.key(1), batch)
        state, metrics = make_train_step(objective, optimizer)(state, batch, jax.random.key(2))
        views, keys = objective.views, jax.random.split(jax.random.key(3), 3)
        noise = views.noise(keys)
        return metrics["elbo"], views.from_noise(state.params, state.model_state, noise, 1.0)

    found, samples = step_and_sample(batch)
    assert np.isfinite(found)
    assert samples.shape == (3, *model.image_shape)
    assert np.isfinite(samples).all()


SIZES = [(28, 28), (32, 32), (64, 64), (128, 128), (28, 20)]
SHAPES = [(*size, channels) for size in SIZES for channels in (1, 3)]
SOON = [(28, 28, 1), (64, 64, 3), (28, 20, 3)]  # each compiles for seconds


@pytest.mark.parametrize(
    "shape", [s if s in SOON else pytest.param(s, marks=pytest.mark.slow) for s in SHAPES], ids=str
)
def test_conv_vae(shape):
    widths = (2,) * halvings(shape)
    trains_and_samples(ConvVAE(shape, 2, None, gaussian(), widths=widths, dense=(4,)))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (32, 64)])
def test_nvae(size, channels):
    shape = (*size, channels)
    trains_and_samples(NVAE(shape, gaussian(), groups=(1, 1), **TINY))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_nvae_of_padded_digits(channels):
    """28 x 28 in 32 x 32, of which the border is not scored: three scales fit."""
    trains_and_samples(NVAE((32, 32, channels), bernoulli(border=2), groups=(1, 1, 1), **TINY))
