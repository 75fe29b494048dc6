"""A network over pixels alone, of classes, and given a map or the code of a VAE."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.models.variables import abstract
from vaejax.models import NVAE, Autoregressive, ConvVAE, DenseHierarchy
from vaejax.models.autoregressive import gated_pixelcnn, pixelcnn_pp
from vaejax.objectives import elbo
from vaejax.objectives.views import reconstruct

SHAPE = (6, 6, 1)
TINY = partial(
    gated_pixelcnn, features=4, num_layers=2, kernel_size=3, first_kernel_size=3, head_features=4
)
IMAGES = jnp.asarray(np.random.default_rng(0).integers(0, 2, (6, *SHAPE)), jnp.float32)
LABELS = jnp.arange(6) % 3


@pytest.fixture(scope="module")
def of_classes():
    """An objective, its parameters and state, and a batch, of a model that looks at labels."""
    objective = elbo(Autoregressive(SHAPE, TINY(), num_classes=3))
    batch = {"image": IMAGES, "label": LABELS}
    return objective, *jax.jit(objective.init)(jax.random.key(0), batch), batch


@pytest.fixture(scope="module")
def completed(of_classes):
    objective, params, state, batch = of_classes
    known = jnp.zeros((6, 6, 6)).at[:, :3].set(1)
    noise = objective.views.noise(jax.random.split(jax.random.key(1), 6))
    complete = jax.jit(objective.views.complete)
    return known, lambda known: complete(params, state, batch, known, noise)


def test_the_bound_is_the_likelihood(of_classes):
    objective, params, state, batch = of_classes
    loss, (metrics, _) = objective.loss(params, state, batch, jax.random.key(2), 0, True)
    noise = objective.views.noise(jax.random.split(jax.random.key(3), 6))
    exact = objective.views.log_weight(params, state, batch, noise)
    np.testing.assert_allclose(-loss, exact.mean(), rtol=1e-5)
    assert "kl" not in metrics


def test_classes_differ(of_classes):
    objective, params, state, batch = of_classes
    noise = objective.views.noise(jax.random.split(jax.random.key(3), 6))
    weight = partial(objective.views.log_weight, params, state)
    others = {**batch, "label": (LABELS + 1) % 3}
    assert (abs(weight(batch, noise) - weight(others, noise)) > 1e-4).all()
    with pytest.raises(ValueError, match="num_classes: expected batches with labels"):
        weight({"image": IMAGES}, noise)


def test_known_pixels_stay_as_they_are(completed):
    known, complete = completed
    images = complete(known)
    np.testing.assert_array_equal(images[:, :3], IMAGES[:, :3])
    assert (np.asarray(images[:, 3:]) != np.asarray(IMAGES[:, 3:])).any()
    assert set(np.unique(images)) <= {0.0, 1.0}
    np.testing.assert_array_equal(complete(jnp.ones_like(known)), IMAGES)


def test_what_is_completed_from_nothing_is_a_sample(completed, of_classes):
    objective, params, state, batch = of_classes
    known, complete = completed
    uses = objective.views.noise(jax.random.split(jax.random.key(1), 6))
    with_labels = (*uses[:-1], batch["label"])  # the same classes, which come last
    samples = objective.views.from_noise(params, state, with_labels)
    np.testing.assert_array_equal(complete(jnp.zeros_like(known)), samples)


@pytest.mark.parametrize("conditioning", ["map", "vector"])
def test_a_vae_gives_it_a_map_or_its_code(conditioning):
    network = TINY(conditioning=conditioning, map_features=3)
    model = ConvVAE(SHAPE, widths=(4,), dense=(8,), latent_size=2, autoregressive=network)
    objective, batch = elbo(model), {"image": IMAGES}
    params, state = jax.jit(objective.init)(jax.random.key(0), batch)
    assert ("decoder" in params["model"]) == (conditioning == "map")
    loss = jax.jit(partial(objective.loss, train=True))
    value, (metrics, _) = loss(params, state, batch, jax.random.key(2), 0)
    np.testing.assert_allclose(value, metrics["reconstruction"] + metrics["kl"], rtol=1e-5)
    keys = jax.random.split(jax.random.key(1), 6)
    images = reconstruct(objective.views, params, state, batch, keys)
    assert images.shape == IMAGES.shape
    assert set(np.unique(images)) <= {0.0, 1.0}  # drawn, not averaged


def test_every_model_takes_one():
    for model in (
        DenseHierarchy(SHAPE, (2, 3), ((5,), (6,)), autoregressive=TINY()),
        NVAE(
            (8, 8, 1), groups=(1,), num_blocks=1, encoder_features=4, decoder_features=4,
            autoregressive=TINY(),
        ),
    ):  # fmt: skip
        assert "pixels" in abstract(model)[1]["params"]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: DenseHierarchy(
                SHAPE, (2,), ((5,),), autoregressive=TINY(conditioning="vector")
            ),
            "autoregressive: expected the conditioning 'map' of DenseHierarchy",
        ),
        (
            lambda: Autoregressive((5, 5, 1), pixelcnn_pp(features=4, num_layers=(1, 1))),
            "image_shape: expected a height and width divisible by 2",
        ),
        (lambda: Autoregressive(SHAPE, num_classes=-1), "num_classes: expected"),
    ],
)
def test_what_does_not_fit_is_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
