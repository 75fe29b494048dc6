"""Tables of codes, of a model or of a baseline: every image is encoded once, for all metrics.

Higgins et al., beta-VAE, 2017, table 1 (baselines).
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.mesh import batch_sharding, check_batch_size
from vaejax.core.platform import on_cpu
from vaejax.core.randomness import named
from vaejax.data import Source, eval_batches
from vaejax.evaluators.baselines import Represent, ica, pca, pixels
from vaejax.evaluators.context import Context, some_examples
from vaejax.evaluators.encoders import (
    CPU_BATCH,
    checked_size,
    encoder,
    encoder_by_parts,
)
from vaejax.metrics.table import Table
from vaejax.objectives.views import need
from vaejax.training.state import TrainState
from vaejax.types import Array, Batch

BASELINES = ("ground_truth", "ica", "pca", "pixels", "untrained")
NUM_FIT = 2_000  # images that PCA and ICA are fitted to


class Tables:
    """Makes tables of codes, of a model or a baseline, over the same images.

    Args:
        context: of the run; its objective has the view `encode`, of one group of vectors [B, D].
        sources: the images, in the order of `factors`.
        factors: [N, F].
        batch_size: images per batch over all devices.
        who: needs the tables, for messages.
        gaussian: those who need log-variances too, for messages.
        names: of the factors, for messages.

    Attributes:
        latent_size: D, the number of the model's codes.

    Raises:
        ValueError: the model has other codes, or none.
    """

    def __init__(
        self,
        context: Context,
        sources: Sequence[Source],
        factors: np.ndarray,
        batch_size: int,
        who: str,
        gaussian: Sequence[str] = (),
        names: Sequence[str] = (),
    ):
        check_batch_size(context.mesh.size, batch_size)
        self._context, self._sources, self._factors = context, sources, factors
        self._batch_size, self._names = batch_size, tuple(names)
        view = need(context.objective.views, "encode", who)
        batch = sources[0].abstract_batch(batch_size)
        self.latent_size = checked_size(context.objective, batch, who, gaussian)
        by_parts = on_cpu() and context.mesh.size == 1 and batch_size % CPU_BATCH == 0
        self._encode = encoder_by_parts(view) if by_parts else encoder(view)

    def of_model(self, state: TrainState) -> Table:
        """Of the averaged parameters."""
        params, model_state = state.ema_params, state.model_state
        return self._table(lambda batch: self._encode(params, model_state, batch))

    def of_baseline(self, name: str, rng: Array) -> Table:
        """Of one of `BASELINES`; it has as many codes as the model, where that can be chosen."""
        if name == "ground_truth":
            codes = self._factors.astype(np.float32)
            narrow_log_vars = np.full_like(codes, -10.0)
            return Table(codes, narrow_log_vars, self._factors, names=self._names)
        if name == "untrained":
            some = some_examples(self._sources[0], self._batch_size)
            batch = some.batch(np.arange(len(some)))
            params, model_state = jax.jit(self._context.objective.init)(rng, batch)
            return self._table(lambda batch: self._encode(params, model_state, batch))
        if name == "pixels":
            represent = pixels(self._sources[0].image_shape)
        else:
            some = some_examples(self._sources[0], NUM_FIT)
            fits: dict[str, Callable[..., Represent]] = {
                "pca": pca,
                "ica": functools.partial(ica, rng=named(rng, "ica")),
            }
            represent = fits[name](np.asarray(some.images(np.arange(len(some)))), self.latent_size)

        def narrow(images: Array) -> tuple[Array, Array, None]:  # a code without noise
            codes = represent(images)
            return codes, jnp.full_like(codes, -10.0), None

        compiled = jax.jit(narrow)
        return self._table(lambda batch: compiled(batch["image"]))

    def _table(self, represent: Callable[[Batch], tuple[Array | None, ...]]) -> Table:
        sharding, parts = batch_sharding(self._context.mesh), []
        for source in self._sources:
            for batch in eval_batches(source, self._batch_size, sharding=sharding):
                columns = jax.device_get((represent(batch), batch["mask"]))
                parts.append(jax.tree.map(lambda x, mask=columns[1]: x[mask > 0], columns[0]))
        means, log_vars, kls = jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)
        return Table(means, log_vars, self._factors, kls, self._names)
