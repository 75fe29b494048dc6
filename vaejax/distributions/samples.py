"""Averages over samples of log-weights and of all else, of any number of them in constant memory.

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, Eq. 8.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.types import Array

OfSamples = Callable[[Array], tuple[Any, Any]]
"""From the numbers of k samples, [k] int32, to trees of logarithms and of values, [k, ...]."""


def over_samples(
    of_samples: OfSamples, num_samples: int, chunk: int | None = None
) -> tuple[Any, Any]:
    """log 1/K sum_k exp(logs_k) and 1/K sum_k values_k, leaf by leaf, without the axis of samples.

    Differentiated, the samples of a chunk are computed again backwards, where there are several:
    memory holds those of one chunk, for any number of samples.

    Args:
        of_samples: pure; asked for numbers beyond the last, whose results do not count, where the
            chunks do not divide the samples.
        num_samples: K.
        chunk: samples held at once, at most; None holds all.
    """
    check_counts(num_samples=(num_samples, 1))
    chunk = num_samples if chunk is None else chunk
    check_counts(chunk=(chunk, 1))
    num_chunks = -(-num_samples // chunk)
    size = -(-num_samples // num_chunks)  # the chunks are of one size, and few samples too many

    @jax.jit  # so that it is traced once, for its shapes and for the loop
    def of_chunk(place: Array) -> tuple[Any, Any]:
        """log sum_k exp(logs_k) and sum_k values_k of one chunk."""
        samples = place * size + jnp.arange(size)
        logs, values = of_samples(samples)
        if num_chunks * size > num_samples:  # not all of the last chunk count
            logs, values = (
                jax.tree.map(lambda x, n=nothing: _where(samples < num_samples, x, n), tree)
                for tree, nothing in ((logs, -jnp.inf), (values, 0))
            )
        log_sums = jax.tree.map(lambda x: jax.nn.logsumexp(x, axis=0), logs)
        return log_sums, jax.tree.map(lambda x: x.sum(0), values)

    def add(carried: tuple[Array, Any, Any], _: None) -> tuple[tuple[Array, Any, Any], None]:
        place, log_sums, totals = carried
        more = recomputed(place)
        log_sums = jax.tree.map(jnp.logaddexp, log_sums, more[0])
        return (place + 1, log_sums, jax.tree.map(jnp.add, totals, more[1])), None

    if num_chunks == 1:
        log_sums, totals = of_chunk(jnp.int32(0))
    else:
        recomputed = jax.checkpoint(of_chunk, prevent_cse=False)  # a loop prevents it already
        shapes = jax.eval_shape(of_chunk, jax.ShapeDtypeStruct((), jnp.int32))
        nothing = (
            jax.tree.map(lambda x, n=value: jnp.full(x.shape, n, x.dtype), tree)
            for tree, value in zip(shapes, (-jnp.inf, 0), strict=True)
        )
        start = (jnp.int32(0), *nothing)
        (_, log_sums, totals), _ = jax.lax.scan(add, start, length=num_chunks)
    log_means = jax.tree.map(lambda x: x - jnp.log(num_samples), log_sums)
    return log_means, jax.tree.map(lambda x: x / num_samples, totals)


def _where(counts: Array, x: Array, nothing: float) -> Array:
    """`x` [k, ...] for the samples that count, [k]."""
    return jnp.where(counts.reshape(-1, *[1] * (x.ndim - 1)), x, jnp.asarray(nothing, x.dtype))
