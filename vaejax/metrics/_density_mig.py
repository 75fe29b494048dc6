"""The mutual information gap as its authors estimate it, from posterior densities.

Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in VAEs", NeurIPS 2018, section 4
and appendix B. On dSprites they leave out the shape: pass `factors[:, 1:]`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts
from vaejax.core.randomness import named
from vaejax.metrics._mig import information_gaps
from vaejax.metrics.discrete import factor_entropies
from vaejax.metrics.draws import below, random_words
from vaejax.metrics.inputs import checked_factors, checked_posteriors
from vaejax.metrics.left_out import varying
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import disjoint_rows
from vaejax.metrics.standardise import centred, deviations, nonzero, standardised
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray, Array

CHUNK = 8  # samples whose densities under all N posteriors are held at once
WIDEST = 1e12  # posterior scale in units of a code's deviation; the narrowest is its inverse


def density_mig(
    means: AnyArray,
    log_vars: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_points: int = 10_000,
    num_samples: int = 1_000,
) -> Scores:
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
        `density_mig`, the mean of `gaps` [F], and `mutual_information` [D, F] in nats. A factor
        that does not vary among the rows drawn is left out, its gap and information 0.
    """
    check_counts(num_points=(num_points, 2), num_samples=(num_samples, 1))
    means, log_vars = checked_posteriors(means, log_vars)
    levels = checked_factors(factors, len(means))
    if len(means) > num_points:
        rows, _ = disjoint_rows(named(rng, "rows"), len(means), num_points, 0)
        means, log_vars, levels = means[rows], log_vars[rows], levels[rows]
    kept = varying(("rows drawn", levels))
    levels = levels[:, kept.columns]
    chunks = -(-num_samples // CHUNK)
    information = _information(rng, *_relative(means, log_vars), levels, chunks)
    information = namespace(information).maximum(information, 0.0)
    gaps = information_gaps(information, factor_entropies(levels))
    return scores(
        {
            "density_mig": gaps.mean(),
            "gaps": kept.spread(gaps[None])[0],
            "mutual_information": kept.spread(information),
        },
        left_out=kept.left_out,
        num_points=len(levels),
        num_samples=chunks * CHUNK,
    )


def _relative(means: AnyArray, log_vars: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Means and scales of posteriors [N, D] in units of each code's deviation, about its mean.

    No information depends on either. Scales are kept within float32: one narrower than all
    differences between means, or wider than all, might as well be narrower or wider still.
    """
    xp, (relative,) = namespace(means, log_vars), standardised(means)
    unit = xp.log(nonzero(deviations(centred(means))))[None]
    limit = np.log(WIDEST)
    return relative, xp.exp(xp.clip(0.5 * precise(log_vars) - unit, -limit, limit))


@partial(jax.jit, static_argnums=4)
def _information(rng, means, scales, levels, chunks: int) -> AnyArray:
    """I(z_d; v_k) [D, F], nats, averaged over chunks * CHUNK samples."""
    words = random_words(rng, (chunks, CHUNK, 2 * means.shape[1] + 1))
    rows, dim = below(words[..., 0], len(means)), means.shape[1]
    uniform = (words[..., 1:] + 0.5) * 2.0**-32
    radius, angle = uniform[..., :dim], uniform[..., dim:]
    noise = jnp.sqrt(-2.0 * jnp.log(radius)) * jnp.cos(2.0 * jnp.pi * angle)  # Box & Muller, 1958
    narrowness = 1.0 / scales

    def ratio(row: AnyArray, noise: AnyArray) -> AnyArray:
        z = means[row] + scales[row] * noise  # [D]
        # Relative to the height of the one that z is drawn from, and so in its bulk.
        distances = (z[None] - means) * narrowness
        density = jnp.exp(-0.5 * distances**2) * (narrowness * scales[row][None])  # [N, D]
        same = (levels == levels[row][None]).astype(means.dtype)  # [N, F]
        within = density.T @ same / same.sum(0)[None]  # [D, F]
        return jnp.log(within) - jnp.log(density.mean(0))[:, None]

    ratios = jax.lax.map(lambda pair: jax.vmap(ratio)(*pair).mean(0), (rows, noise))
    return ratios.mean(0)
