"""Passes of a trained model over many images or codes, some at a time, on all devices."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.mesh import batch_sharding
from vaejax.core.randomness import stream
from vaejax.data import Source, data_rng, eval_batches
from vaejax.evaluators import Context
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import need
from vaejax.pictures.sampler import compiled
from vaejax.runs.door import entering, what_is_missing
from vaejax.types import AnyArray, Array, Batch, Views

BATCH = 64  # images that are computed at once, over all devices
AS_THEY_ARE = ("path", "num_dims")  # views not to be compiled: a number of steps is a shape

Images = AnyArray | Source


class Passes:
    """What the questions to a trained model have in common.

    Args:
        context: of the run.
        like: images of the run, as which others are prepared.
        section: `config.data`, for messages.

    Attributes:
        views: of the objective, compiled.
    """

    def __init__(self, context: Context, like: Source, section: Mapping[str, Any]):
        self._mesh, self._like, self._section = context.mesh, like, section
        self._rng = stream(context.seed, "pictures")
        self.views = Views._make(
            compiled(view) if callable(view) and name not in AS_THEY_ARE else view
            for name, view in context.objective.views._asdict().items()
        )

    def view(self, name: str, who: str) -> Callable[..., Any]:
        """A view, compiled; a ValueError that says who needs it, where there is no such."""
        return need(self.views, name, who)

    def keys(self, places: AnyArray) -> Array:
        """A key for every image by its place [n], of what is drawn in its picture."""
        return example_keys(self._rng, jnp.asarray(places, jnp.int32))

    def shown(self, images: AnyArray) -> np.ndarray:
        """Images of the model as they are looked at, in [0, 1]."""
        return np.asarray(self._like.pictures(jnp.asarray(images)))

    def size(self, count: int, most: int = BATCH) -> int:
        """Images at once: a power of two, so that few sizes are compiled, shared by the devices."""
        size = min(most, 1 << max(count - 1, 0).bit_length())
        return -(-size // self._mesh.size) * self._mesh.size

    def over(
        self, of_batch: Callable[[Batch], Any], images: Images, labels: AnyArray | None = None
    ) -> Any:
        """What a function of a batch says of all images, trees of arrays [N, ...]."""
        parts = list(self.parts(of_batch, images, labels))
        return jax.tree.map(lambda *some: np.concatenate(some), *parts)

    def parts(
        self, of_batch: Callable[[Batch], Any], images: Images, labels: AnyArray | None = None
    ) -> Iterator[Any]:
        """The same, batch by batch."""
        source = self._entering(images, labels)
        size = self.size(len(source))
        if source is images:  # of many uses: what decodes it is worth compiling
            batches: Any = eval_batches(source, size, sharding=batch_sharding(self._mesh))
        else:
            batches = self._batches(source, size)
        for batch in batches:
            with what_is_missing():
                found = jax.device_get(of_batch(batch))
            yield _real(found, batch)

    def pairs(
        self, of_pair: Callable[[Batch, Batch], Any], first: Images, second: Images, most: int
    ) -> Any:
        """As `over`, of batches of two times N images beside each other, `most` at once."""
        one, other = self._entering(first, None), self._entering(second, None)
        if len(one) != len(other):
            raise ValueError(f"second: expected {len(one)} images, got {len(other)}")
        size, parts = self.size(len(one), most), []
        for pair in zip(self._batches(one, size), self._batches(other, size), strict=True):
            with what_is_missing():
                parts.append(_real(jax.device_get(of_pair(*pair)), pair[0]))
        return jax.tree.map(lambda *some: np.concatenate(some), *parts)

    def _entering(self, images: Images, labels: AnyArray | None) -> Source:
        return entering(images, labels, self._like, self._section)

    def _batches(self, source: Source, size: int) -> Iterator[Batch]:
        """As `eval_batches`, with the same numbers, but nothing is compiled for the source."""
        rng = jax.random.fold_in(data_rng(0), 0)  # that of evaluations
        for places, real in pieces(len(source), size):
            mask = (np.arange(size) < real).astype(np.float32)
            batch = {**source.batch(places, rng), "mask": mask}
            yield jax.device_put(batch, batch_sharding(self._mesh))


def pieces(count: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Places [size] of `count` rows, `size` at a time, and how many of them are real.

    The last row stands in where a piece is filled up.
    """
    for first in range(0, count, size):
        yield np.minimum(first + np.arange(size), count - 1), min(size, count - first)


def _real(found: Any, batch: Batch) -> Any:
    """The rows of a batch that are no padding."""
    real = np.asarray(batch["mask"]) > 0
    return jax.tree.map(lambda x: x[real], found)
