"""The mutual information gap as its authors estimate it, from posterior densities.

Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in VAEs", NeurIPS 2018, section 4
and appendix B. On dSprites they leave out the shape: pass `factors[:, 1:]`.
"""

from functools import partial

import jax
import jax.numpy as jnp

from vaejax.metrics.discrete import factor_entropies
from vaejax.metrics.draws import below, random_words
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.mig import information_gaps
from vaejax.metrics.split import disjoint_rows
from vaejax.metrics.tracing import namespace, plain
from vaejax.types import Array

CHUNK = 8  # samples whose densities under all N posteriors are held at once


def density_mig(
    means: Array,
    log_vars: Array,
    factors: Array,
    *,
    rng: Array,
    num_points: int = 10_000,
    num_samples: int = 1_000,
) -> dict:
    """`mig` of samples of the posterior rather than its mean, without a histogram.

    I(z_d; v_k) = E[log q(z_d | v_k) - log q(z_d)], where q(z_d) is the mixture of the N posteriors
    and q(z_d | v_k) that of those with the same v_k. The cost is `num_samples` *
    `num_points` * D densities.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        factors: [N, F] integers, of the same images.
        rng: key; not traced where N > num_points.
        num_points: posteriors in the mixture, drawn of a larger table; the authors take them all.
        num_samples: z drawn for the expectation; the authors' 10,000 take long on a CPU.

    Returns:
        `density_mig`, the mean of `gaps` [F], and `mutual_information` [D, F] in nats.
    """
    means, log_vars = checked_codes(means, "means"), checked_codes(log_vars, "log_vars")
    if means.shape != log_vars.shape:
        raise ValueError(f"log_vars: expected {means.shape}, as means, got {log_vars.shape}")
    levels = checked_factors(factors, len(means))
    if len(means) > num_points:
        rows, _ = disjoint_rows(rng, len(means), num_points, 0)
        means, log_vars, levels = means[rows], log_vars[rows], levels[rows]
    chunks = -(-num_samples // CHUNK)
    information = _information(rng, means, log_vars, levels, chunks)
    information = namespace(information).maximum(information, 0.0)
    gaps = information_gaps(information, factor_entropies(levels))
    return plain({"density_mig": gaps.mean(), "gaps": gaps, "mutual_information": information})


@partial(jax.jit, static_argnums=4)
def _information(rng, means, log_vars, levels, chunks: int) -> Array:
    """I(z_d; v_k) [D, F], nats, averaged over chunks * CHUNK samples."""
    words = random_words(rng, (chunks, CHUNK, 2 * means.shape[1] + 1))
    rows, dim = below(words[..., 0], len(means)), means.shape[1]
    uniform = (words[..., 1:] + 0.5) * 2.0**-32
    radius, angle = uniform[..., :dim], uniform[..., dim:]
    noise = jnp.sqrt(-2.0 * jnp.log(radius)) * jnp.cos(2.0 * jnp.pi * angle)  # Box & Muller, 1958
    scales = jnp.exp(0.5 * log_vars)

    def ratio(row: Array, noise: Array) -> Array:
        z = means[row] + scales[row] * noise  # [D]
        # The constants of the densities cancel; z lies in the bulk of one of them at least.
        density = jnp.exp(-0.5 * ((z[None] - means) / scales) ** 2) / scales  # [N, D]
        same = (levels == levels[row][None]).astype(means.dtype)  # [N, F]
        within = density.T @ same / same.sum(0)[None]  # [D, F]
        return jnp.log(within) - jnp.log(density.mean(0))[:, None]

    ratios = jax.lax.map(lambda pair: jax.vmap(ratio)(*pair).mean(0), (rows, noise))
    return ratios.mean(0)
