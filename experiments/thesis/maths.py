"""The identities of chapter 3, each computed in two ways."""

from collections.abc import Callable, Mapping
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from vaejax.distributions import Normal, kl_multivariate_normal, kl_normal
from vaejax.types import Array, Metrics

PUSH_FORWARDS: Mapping[str, Callable[[Array], Array]] = {
    "z": lambda z: z,
    r"z / 10 + z / \|z\|": lambda z: z / 10 + z / jnp.linalg.norm(z, axis=-1, keepdims=True),
    r"z^2 / \|z\|": lambda z: z**2 / jnp.linalg.norm(z, axis=-1, keepdims=True),
}
"""g of figure 3.3 by its formula, points [N, 2] to points [N, 2]; the square is elementwise."""


def multivariate_kl_check(seed: int, size: int, num_samples: int = 100_000) -> dict[str, float]:
    """Eq. 3.9 for two random Gaussians with full covariances, and its Monte-Carlo estimate.

    Args:
        seed: of all draws, also of the two Gaussians.
        size: k, their dimension.
        num_samples: draws of the estimate E_p[log p - log q].

    Returns:
        `closed_form`, `monte_carlo` and its `standard_error`, nats; and `as_printed`, the same
        average with the second quadratic form subtracted, as Eq. A.2 has it.
    """
    random = np.random.default_rng(seed)
    means, roots = random.normal(size=(2, size)), random.normal(size=(2, size, size))
    covs = roots @ roots.swapaxes(1, 2) + 0.5 * np.eye(size)
    p, q = (stats.multivariate_normal(mean, cov) for mean, cov in zip(means, covs, strict=True))
    x = p.rvs(num_samples, random_state=random)
    log_p, log_q = p.logpdf(x), q.logpdf(x)
    constants = np.linalg.slogdet(covs[1])[1] + size * np.log(2 * np.pi)  # log_q and A.2 differ by
    metrics = {
        "closed_form": kl_multivariate_normal(means[0], covs[0], means[1], covs[1]),
        **_estimate(log_p - log_q),
        "as_printed": (log_p + log_q).mean() + constants,
    }
    return {"size": size, **_floats(metrics)}


def standard_kl_check(
    means: Array, log_vars: Array, *, rng: Array, num_samples: int = 1_000
) -> dict[str, float]:
    """Eq. 3.10 averaged over the posteriors of a model, and its Monte-Carlo estimate.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        rng: key.
        num_samples: draws from every posterior.

    Returns:
        `closed_form`, `monte_carlo` and its `standard_error`, nats per image.
    """
    posterior = Normal.from_log_var(jnp.asarray(means), jnp.asarray(log_vars))
    return _floats(_standard_kl_check(posterior, rng, num_samples))


@partial(jax.jit, static_argnums=2)
def _standard_kl_check(posterior: Normal, rng: Array, num_samples: int) -> Metrics:
    prior = Normal.standard(posterior.loc)

    def estimate(rng: Array) -> Array:  # from one sample of every posterior
        z = posterior.sample(rng)
        return (posterior.log_prob(z) - prior.log_prob(z)).sum(-1).mean()

    return {
        "closed_form": kl_normal(posterior, prior).sum(-1).mean(),
        **_estimate(jax.lax.map(estimate, jax.random.split(rng, num_samples))),
    }


def _estimate(values: Array | np.ndarray) -> Metrics:
    """Mean of independent draws [S] and its standard error."""
    error = values.std(ddof=1) / len(values) ** 0.5
    return {"monte_carlo": values.mean(), "standard_error": error}


def _floats(metrics: Metrics) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def mean_image_error(images: np.ndarray) -> float:
    """Cross-entropy of images [N, H, W, C] in [0, 1] under their own mean, nats per image.

    What a decoder that ignores its code can do at best.
    """
    mean = np.clip(images.mean(0, dtype=np.float64), 1e-12, 1 - 1e-12)
    return float(-(mean * np.log(mean) + (1 - mean) * np.log1p(-mean)).sum())
