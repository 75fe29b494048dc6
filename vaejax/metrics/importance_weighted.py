"""The importance-weighted estimate of log p(x), of any number of samples in constant memory.

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, Eq. 8.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from vaejax.core.checks import check_counts
from vaejax.types import Array


def importance_weighted(
    log_weights: Callable[[Array], Array], num_samples: int, *, chunk: int = 1
) -> dict[str, Array]:
    """log p(x) >= E[log 1/K sum_k w_k] >= E[log w], w_k = p(x, z_k) / q(z_k | x).

    Args:
        log_weights: from the numbers of k samples, [k] int32, to their log w [k, B], nats; pure.
        num_samples: K.
        chunk: k, samples held at once. The weights of the others are only ever summed.

    Returns:
        `log_likelihood` [B], log 1/K sum_k w_k, and `elbo` [B], the mean of log w over the same
        samples and never larger; nats.
    """
    check_counts(num_samples=(num_samples, 1), chunk=(chunk, 1))
    chunk = min(chunk, num_samples)

    def add(i: Array, sums: tuple[Array, Array]) -> tuple[Array, Array]:
        log_sum, total = sums
        samples = i * chunk + jnp.arange(chunk)
        log_w = log_weights(samples)  # [k, B]
        counts = (samples < num_samples)[:, None]  # all, but for the last chunk
        of_chunk = jax.nn.logsumexp(jnp.where(counts, log_w, -jnp.inf), axis=0)
        return jnp.logaddexp(log_sum, of_chunk), total + jnp.where(counts, log_w, 0.0).sum(0)

    weights = jax.eval_shape(log_weights, jax.ShapeDtypeStruct((chunk,), jnp.int32))
    nothing = jnp.zeros(weights.shape[1:], weights.dtype)
    num_chunks = -(-num_samples // chunk)
    log_sum, total = jax.lax.fori_loop(0, num_chunks, add, (nothing - jnp.inf, nothing))
    return {"log_likelihood": log_sum - jnp.log(num_samples), "elbo": total / num_samples}
