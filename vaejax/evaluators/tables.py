"""Tables of codes, of a model or of a baseline: every image is encoded once, for all metrics.

Higgins et al., beta-VAE, 2017, table 1 (baselines).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import Source, eval_batches
from vaejax.evaluators.baselines import ica, pca, pixels
from vaejax.evaluators.context import Context, some_examples
from vaejax.parallel import batch_sharding
from vaejax.randomness import named
from vaejax.train_state import TrainState
from vaejax.types import Array

BASELINES = ("ground_truth", "ica", "pca", "pixels", "untrained")
NUM_FIT = 2_000  # images that PCA and ICA are fitted to
CPU_BATCH = 16  # images whose activations stay in the processor's cache


class Table(NamedTuple):
    """The codes of N images: posterior means and log-variances [N, D], and factors [N, F]."""

    means: np.ndarray
    log_vars: np.ndarray
    factors: np.ndarray


class Tables:
    """Makes tables of codes, of a model or a baseline, over the same images.

    Args:
        context: of the run.
        sources: the images, in the order of `factors`.
        factors: [N, F].
        batch_size: images per batch over all devices.
    """

    def __init__(
        self, context: Context, sources: Sequence[Source], factors: np.ndarray, batch_size: int
    ):
        self._context, self._sources, self._factors = context, sources, factors
        self._batch_size = batch_size
        on_cpu = context.mesh.size == 1 and context.mesh.devices.flat[0].platform == "cpu"
        self._encode = self._encode_batch = _encoder(context.model)
        if on_cpu and batch_size % CPU_BATCH == 0:
            self._encode_batch = _encoder_by_parts(context.model)

    def of_model(self, state: TrainState) -> Table:
        """Of the averaged parameters."""
        params = state.ema_params["model"]
        return self._table(lambda images: self._encode_batch(params, state.model_state, images))

    def of_baseline(self, name: str, state: TrainState, rng: Array) -> Table:
        """Of one of `BASELINES`; it has as many codes as the model, where that can be chosen."""
        if name == "ground_truth":
            codes = self._factors.astype(np.float32)
            return Table(codes, np.full_like(codes, -10.0), self._factors)
        some = some_examples(self._sources[0], NUM_FIT)
        images = some.images(np.arange(len(some)))
        if name == "untrained":
            params, model_state = jax.jit(self._context.objective.init)(rng, {"image": images[:1]})
            return self._table(lambda x: self._encode_batch(params["model"], model_state, x))
        if name == "pixels":
            represent = pixels(self._sources[0].image_shape)
        else:
            latent_size = self._latent_size(state, images)
            fit = {"pca": pca, "ica": functools.partial(ica, rng=named(rng, "ica"))}[name]
            represent = fit(np.asarray(images), latent_size)

        def narrow(images: Array) -> tuple[Array, Array]:  # a code without noise
            codes = represent(images)
            return codes, jnp.full_like(codes, -10.0)

        return self._table(jax.jit(narrow))

    def _latent_size(self, state: TrainState, images: Array) -> int:
        """D, the number of the model's codes."""
        shapes = jax.eval_shape(
            self._encode, state.ema_params["model"], state.model_state, images[:1]
        )
        return shapes[0].shape[1]

    def _table(self, represent: Callable[[Array], tuple[Array, Array]]) -> Table:
        sharding, means, log_vars = batch_sharding(self._context.mesh), [], []
        for source in self._sources:
            for batch in eval_batches(source, self._batch_size, sharding=sharding):
                real = np.asarray(batch["mask"]) > 0
                mean, log_var = jax.device_get(represent(batch["image"]))
                means.append(mean[real])
                log_vars.append(log_var[real])
        return Table(np.concatenate(means), np.concatenate(log_vars), self._factors)


@functools.lru_cache(maxsize=8)
def _encoder(model: Any) -> Callable[..., tuple[Array, Array]]:
    """Means and log-variances of images, compiled once for all runs that share a model."""

    @jax.jit
    def encode(params: Any, model_state: Any, images: Array) -> tuple[Array, Array]:
        latents = model.apply({"params": params, **model_state}, images, method="encode")
        if len(latents) != 1 or latents[0].z.ndim != 2:
            raise ValueError("model: expected one group of latents [B, D]")
        posterior = latents[0].posterior
        return posterior.loc, 2.0 * jnp.log(posterior.scale)

    return encode


@functools.lru_cache(maxsize=8)
def _encoder_by_parts(model: Any) -> Callable[..., tuple[Array, Array]]:
    """As `_encoder`, of a multiple of `CPU_BATCH` images, so many at a time."""
    encode = _encoder(model)

    @jax.jit
    def encode_by_parts(params: Any, model_state: Any, images: Array) -> tuple[Array, Array]:
        parts = images.reshape(-1, CPU_BATCH, *images.shape[1:])
        codes = jax.lax.map(lambda part: encode(params, model_state, part), parts)
        return jax.tree.map(lambda array: array.reshape(len(images), -1), codes)

    return encode_by_parts


def varying(factors: np.ndarray) -> np.ndarray:
    """The columns of factors [N, F] that take more than one value."""
    return factors[:, factors.max(0) > factors.min(0)]
