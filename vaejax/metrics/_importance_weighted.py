"""The importance-weighted estimate of log p(x), of any number of samples in constant memory.

Reference: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, Eq. 8.
"""

from collections.abc import Callable

from vaejax.core.checks import check_counts
from vaejax.distributions import over_samples
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
    check_counts(chunk=(chunk, 1))

    def of_samples(samples: Array) -> tuple[Array, Array]:
        log_w = log_weights(samples)  # [k, B]
        return log_w, log_w

    bound, mean = over_samples(of_samples, num_samples, chunk)
    return {"log_likelihood": bound, "elbo": mean}
