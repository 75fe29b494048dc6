"""Where the KL of a VAE goes: information about the image, and what is left of it.

    1/N sum_n KL(q(z | x_n) || p(z)) = I(n; z) + KL(q(z) || p(z)),   q(z) = 1/N sum_n q(z | x_n)
    KL(q(z) || p(z)) = KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d))

n, the number of an image, is a random variable with N equal values; I(n; z) is what a code tells of
it, at most log N. q(z) is the mixture over all N images, never an estimate of it from a batch.

References:
    Hoffman & Johnson, ELBO surgery: yet another way to carve up the variational evidence lower
    bound, 2016.
    Chen et al., Isolating Sources of Disentanglement in VAEs, 2018, Eq. 2 (the second line).
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts, is_traced
from vaejax.core.platform import on_cpu
from vaejax.distributions import (
    Normal,
    kl_normal,
    log_aggregate,
    log_densities,
    log_marginals,
)
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray, Array

CPU_BLOCK, BLOCK = 2**19, 2**26  # densities held at once: a cache's worth, and an accelerator's


class Draws(NamedTuple):
    """Codes drawn from the Gaussian posteriors of N images, S of each.

    Attributes:
        means: of the posteriors, [N, D].
        log_vars: of the posteriors, [N, D].
        z: the draws, [S, N, D].
        log_p: log p(z) of each, [S, N] nats. Of a hierarchy q(z | x) q(y | z), of which z alone
            looks at the image: log p(y, z) - log q(y | z).
        kl: KL(q(z | x_n) || p(z)), [S, N] nats: in closed form, equal for all draws of an image,
            or estimated from each.
    """

    means: AnyArray
    log_vars: AnyArray
    z: AnyArray
    log_p: AnyArray
    kl: AnyArray


def standard_draws(
    means: AnyArray, log_vars: AnyArray, *, rng: Array, num_samples: int = 2
) -> Draws:
    """Draws from posteriors whose prior is N(0, I), with the KL in closed form.

    Args:
        means, log_vars: of the posteriors of N images, [N, D].
        rng: key.
        num_samples: S, draws of each.
    """
    check_counts(num_samples=(num_samples, 1))
    posterior = Normal.from_log_var(jnp.asarray(means), jnp.asarray(log_vars))
    noise = jax.random.normal(rng, (num_samples, *posterior.loc.shape))
    z = Normal(*(parameter[None] for parameter in posterior)).at(noise)
    kl = kl_normal(posterior, Normal.standard(posterior.loc)).sum(-1)
    log_p = Normal.standard(z).log_prob(z).sum(-1)
    return Draws(means, log_vars, z, log_p, jnp.broadcast_to(kl[None], log_p.shape))


def elbo_surgery(draws: Draws, *, factorised: bool = True, block: int | None = None) -> Scores:
    """The parts of the mean KL, and how far off each may be.

    I(n; z) is log N less the mean entropy of q(n | z), so that it lies between 0 and log N for
    every draw; the others are means of log-densities. They meet the KL in expectation only, so that
    `gap` says whether N, S and the arithmetic sufficed. A standard error is that of the draws: the
    N images are all there are, and drawn equally often.

    Args:
        draws: S >= 2 of each of N >= 2 images.
        factorised: whether the coordinates of the prior are independent; without, the KL of the
            marginals does not follow from their densities, and is left out with the total
            correlation.
        block: draws whose densities under all N posteriors are held at once, [block, N] numbers; by
            default as many as the processor takes well. It changes no number.

    Returns:
        `kl` (the left side), `mutual_information`, `marginal_kl` (their sum, but for chance),
        `total_correlation` and `dimension_wise_kl` (the two parts of the latter), `gap`, the KL
        less its two parts, each with its standard error, `_se`; and `log_n`, the most that
        `mutual_information` can be. All in nats per image.
    """
    draws = _checked(draws)
    num_samples, num_images, _ = draws.z.shape
    if block is None:
        block = max(1, (CPU_BLOCK if on_cpu() else BLOCK) // num_images)
    check_counts(block=(block, 1))
    information, log_qz, log_product = _aggregate(draws, block, factorised)
    terms = {
        "kl": draws.kl,
        "mutual_information": information,
        "marginal_kl": log_qz - draws.log_p,
        "gap": draws.kl - information - (log_qz - draws.log_p),
    }
    if factorised:
        terms["total_correlation"] = log_qz - log_product
        terms["dimension_wise_kl"] = log_product - draws.log_p
    found: dict[str, AnyArray | float] = {"log_n": math.log(num_images)}
    for name, values in terms.items():
        found[name], found[f"{name}_se"] = drawn_mean(values)
    return scores(found, num_samples=num_samples, num_images=num_images)


def drawn_mean(values: AnyArray) -> tuple[AnyArray, AnyArray]:
    """The mean of a number over S draws of each of N images, [S, N], and its standard error.

    Every image is drawn equally often, so that only the spread within an image is chance.
    """
    values = precise(values)
    variance = values.var(0, ddof=1).mean()
    return values.mean(), namespace(values).sqrt(variance / values.size)


@functools.partial(jax.jit, static_argnums=(1, 2))
def _aggregate(draws: Draws, block: int, factorised: bool) -> tuple[Array, Array, Array]:
    """Of each draw [S, N]: log N less the entropy of q(n | z), log q(z), log prod_d q(z_d)."""
    posterior = Normal.from_log_var(jnp.asarray(draws.means), jnp.asarray(draws.log_vars))
    num_images, size = posterior.loc.shape
    log_n = math.log(num_images)
    log_weights = jnp.full((1, num_images), -log_n)
    by_dimension = jax.tree.map(lambda x: x.T[:, :, None], posterior)  # [D, N, 1]

    def of_block(z: Array) -> tuple[Array, Array, Array]:  # [b, D]
        def add(sums: tuple[Array, Array], one: tuple[Array, Normal]):  # one dimension at a time,
            log_q = log_densities(*one)  # [b, 1, N]: so that this stays in a processor's cache
            product = log_marginals(log_q, log_weights) if factorised else 0.0
            return (sums[0] + log_q[:, 0], sums[1] + product), None

        nothing = jnp.zeros((block, num_images)), jnp.zeros(block)
        dimensions = z.T[:, :, None], by_dimension
        (log_q, log_product), _ = jax.lax.scan(add, nothing, dimensions)
        log_qz = log_aggregate(log_q[:, None], log_weights)
        log_ratio = log_q - log_qz[:, None]  # log q(z | x_n) / q(z) = log N q(n | z)
        weights = jnp.exp(log_ratio - log_n)  # q(n | z)
        information = jnp.where(weights > 0, weights * log_ratio, 0.0).sum(1)
        return jnp.clip(information, 0.0, log_n), log_qz, log_product  # beyond is rounding

    flat = draws.z.reshape(-1, size)  # [S N, D]
    blocks = -(-len(flat) // block)
    padded = jnp.pad(flat, ((0, blocks * block - len(flat)), (0, 0)))
    found = jax.lax.map(of_block, padded.reshape(blocks, block, size))
    information, log_qz, log_product = (
        x.reshape(-1)[: len(flat)].reshape(draws.kl.shape) for x in found
    )
    return information, log_qz, log_product


def _checked(draws: Draws) -> Draws:
    """Draws in float32 or float64 of shapes that fit, and finite where they are at hand."""
    draws = Draws(*(x if is_traced(x) else np.asarray(x) for x in draws))
    if draws.z.ndim != 3 or draws.z.shape[0] < 2 or draws.z.shape[1] < 2:
        raise ValueError(
            f"z: expected [S, N, D] with at least 2 draws of 2 images, got shape {draws.z.shape}"
        )
    of_images, of_draws = draws.z.shape[1:], draws.z.shape[:2]
    for name, shape in zip(
        Draws._fields, (of_images,) * 2 + (None,) + (of_draws,) * 2, strict=True
    ):
        array = getattr(draws, name)
        if shape is not None and array.shape != shape:
            raise ValueError(f"{name}: expected {list(shape)}, as z, got shape {array.shape}")
        if not is_traced(array) and not np.isfinite(array).all():
            raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    return draws
