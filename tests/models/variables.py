"""What the methods of a model are called with in tests."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from vaejax.training.state import TrainState, create_train_state
from vaejax.types import Array, Batch, Noise, Objective

SMALLEST_NVAE: dict[str, int] = dict(  # all of its sizes but those of groups
    latent_channels=2,
    encoder_features=2,
    decoder_features=2,
    preprocess_cells=1,
    postprocess_cells=1,
    encoder_cells=1,
    decoder_cells=1,
)


def noise_of(model: Any, num_images: int, seed: int = 9) -> Noise:
    """Noise of so many images."""
    return model.noise(jax.random.split(jax.random.key(seed), num_images))


def latent_noise(model: Any, num_images: int, seed: int = 9) -> Noise:
    """Noise of the groups of so many images, in no time: nothing is compiled."""
    rng = np.random.default_rng(seed)
    shapes = [(num_images, *shape) for shape in model.latent_shapes]
    return {"latent": tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)}


def init(model: Any, rng: Array, num_images: int = 1) -> dict[str, Any]:
    """The variables of a model; traceable."""
    batch = {"image": jnp.zeros((num_images, *model.image_shape))}
    return model.init(rng, batch, noise=noise_of(model, num_images), train=False)


def abstract(model: Any, num_images: int = 2) -> tuple[Any, Any]:
    """Shapes of the output of a pass and of the variables."""
    batch = {"image": jnp.zeros((num_images, *model.image_shape))}
    noise = noise_of(model, num_images)
    return jax.eval_shape(lambda: model.init_with_output(jax.random.key(0), batch, noise=noise))


def abstract_images(model: Any, num_images: int = 2) -> Any:
    """The shape of the images that codes are decoded to."""
    noise = noise_of(model, num_images)
    variables = abstract(model, num_images)[1]
    return jax.eval_shape(functools.partial(model.apply, method="from_noise"), variables, noise)


def random_variables(model: Any, reach: float, seed: int = 0) -> dict[str, Any]:
    """Variables drawn from a uniform distribution, in no time: nothing is compiled."""
    return _drawn(abstract(model, 1)[1], reach, seed)


def random_state(
    objective: Objective, optimizer: optax.GradientTransformation, batch: Batch, reach: float
) -> TrainState:
    """A state before the first step, of which only the parameters are random, as above."""
    create = functools.partial(create_train_state, objective, optimizer)
    state = jax.eval_shape(create, jax.random.key(0), batch)
    params = _drawn(state.params, reach)
    others = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), state.model_state)
    return TrainState(np.int32(0), params, params, others, optimizer.init(params))


def _drawn(tree: Any, reach: float, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: rng.uniform(-reach, reach, leaf.shape).astype(leaf.dtype), tree
    )
