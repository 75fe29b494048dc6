"""The beta-TCVAE: the KL taken apart into mutual information, total correlation and the rest.

    E_x KL(q(z|x) || p(z)) = I(x; z) + KL(q(z) || prod_d q(z_d)) + sum_d KL(q(z_d) || p(z_d))

Reference:
    Chen, Li, Grosse, Duvenaud, "Isolating Sources of Disentanglement in VAEs", NeurIPS 2018:
    Eq. 2 (the parts), appendix C.1 (minibatch-weighted) and C.2 (minibatch-stratified sampling).
"""

import math
from typing import Any, Literal, cast, get_args

import jax.numpy as jnp

from vaejax.core.checks import check_number, is_traced
from vaejax.core.mesh import shard_index
from vaejax.distributions import Parts, log_aggregate, log_densities, log_marginals
from vaejax.objectives.bound import Reduction, batch_mean, gaussian_latent, variational
from vaejax.types import Array, Batch, Gaussian, Latent, Objective, VAEOutput

Estimator = Literal[
    "weighted", "stratified", "weighted_unnormalised", "stratified_column", "stratified_per_dim"
]


def beta_tcvae(
    model: Any,
    *,
    num_examples: int | None = None,
    beta: float = 6.0,
    alpha: float = 1.0,
    gamma: float = 1.0,
    estimator: Estimator = "stratified",
    reduction: Reduction = "sum",
) -> Objective:
    """Reconstruction + alpha mutual information + beta total correlation + gamma dimension-wise KL.

    It is computed as KL + (alpha - 1) MI + (beta - 1) TC + (gamma - 1) dwKL with the analytic KL,
    which the three parts add up to in expectation: less noise, and exact where all weights are 1.

    Args:
        model: a flax module returning `VAEOutput` with one Gaussian latent [B, D].
        num_examples: N, images in the training set. A run knows it and fills it in; nothing can be
            trained without.
        beta: weight of the total correlation.
        alpha: weight of the mutual information of image and code.
        gamma: weight of the dimension-wise KL.
        estimator: of q(z) from a batch, "weighted" or "stratified"; three more reproduce published
            code: "weighted_unnormalised" leaves out the constant log(B N) (disentanglement_lib),
            "stratified_column" puts the weights of the diagonal in the first column (the authors'
            own, and all that followed it), "stratified_per_dim" does so and counts the weights of
            q(z) once per dimension (disentangling-vae, PyTorch-VAE).
        reduction: of the reconstruction over pixels; see `variational`.

    Returns:
        An objective that also reports `mutual_information`, `total_correlation` and
        `dimension_wise_kl` (nats per image).
    """
    if num_examples is not None:
        check_number("num_examples", num_examples, lambda x: x >= 2, "at least 2")
    for name, weight in (("beta", beta), ("gamma", gamma)):
        check_number(name, weight, lambda x: 0 <= x < math.inf, "a number >= 0")
    check_number("alpha", alpha, math.isfinite, "a finite number")  # below 0: rewarded information
    if estimator not in get_args(Estimator):
        raise ValueError(f"estimator: expected one of {get_args(Estimator)}, got {estimator!r}")

    def divergence(kl: Array, output: VAEOutput, batch: Batch, step: Array):
        del step
        if num_examples is None:
            raise ValueError("num_examples: expected the number of training images, got None")
        latent, mask = gaussian_latent(output.latents, "beta_tcvae"), batch.get("mask")
        parts = decompose(latent, num_examples, estimator, mask)
        metrics = {name: batch_mean(part, mask) for name, part in parts._asdict().items()}
        weights = (alpha, beta, gamma)
        pairs = zip(weights, metrics.values(), strict=True)
        return kl + sum((weight - 1.0) * part for weight, part in pairs), metrics

    return variational(model, divergence, reduction, Parts._fields)


def decompose(
    latent: Latent,
    num_examples: int,
    estimator: Estimator = "stratified",
    mask: Array | None = None,
) -> Parts:
    """The parts of the KL, estimated from one sample per image of a batch.

    q(z) is seen through the batch alone: of few images the parts are noisy and biased, whatever N
    is. Of a single one that counts they are NaN.

    Args:
        latent: z [B, D] with a Gaussian posterior; 2 <= B <= N, of a batch filled up by a mask too,
            but for its padding.
        num_examples: N.
        estimator: see `beta_tcvae`.
        mask: [B], 1 for examples that count, which come first; None counts all. Of more than N that
            count (a large test set), q(z) is that of as many.
    """
    if shard_index() is not None:
        raise ValueError(
            "estimator: expected jit or a sharded mesh; pmap shows only a shard of q(z)"
        )
    batch_size = latent.z.shape[0]
    if batch_size < 2:
        raise ValueError(
            f"batch_size: expected at least 2 images at once to tell q(z) from, got {batch_size}"
        )
    if mask is None and not is_traced(num_examples) and batch_size > num_examples:
        raise ValueError(
            f"batch_size: expected at most num_examples = {num_examples} at once, got {batch_size}"
        )
    q = cast(Gaussian, latent.posterior)
    log_q = log_densities(latent.z, q)  # [B, D, B]: log q(z_jd | x_i)
    log_w = log_weights(batch_size, num_examples, estimator, mask)
    log_prod_qz = log_marginals(log_q, log_w)
    if estimator == "stratified_per_dim":
        log_w = latent.z.shape[1] * log_w
    log_qz = log_aggregate(log_q, log_w)
    return Parts(latent.log_q - log_qz, log_qz - log_prod_qz, log_prod_qz - latent.log_p)


def log_weights(
    batch_size: int, num_examples: int, estimator: Estimator, mask: Array | None = None
) -> Array:
    """log of how much posterior i counts in q(z_j), [B, B].

    Rows of the stratified weights sum to 1: 1 / N for the posterior that z_j was drawn from, 1 / M
    for the M = B - 1 others, save for (N - M) / (N M) for one of them, here the next in the batch.
    """
    mask = jnp.ones(batch_size) if mask is None else mask
    count = mask.sum()
    row, column = jnp.arange(batch_size)[:, None], jnp.arange(batch_size)[None]
    n, m = jnp.maximum(num_examples, count), jnp.maximum(count - 1, 1)
    if estimator == "weighted":
        weights = jnp.full((batch_size, batch_size), 1.0 / (count * n))
    elif estimator == "weighted_unnormalised":
        weights = jnp.ones((batch_size, batch_size))
    else:
        remainder = (n - m) / (n * m)
        own, other = column == row, column == jnp.where(row + 1 < count, row + 1, 0)
        if estimator != "stratified":
            corner = (row == m - 1) & (column == 0)
            own, other = (column == 0) & ~corner, (column == 1) | corner
        weights = jnp.where(own, 1.0 / n, jnp.where(other, remainder, 1.0 / m))
    seen = jnp.where(mask[None] > 0, jnp.log(weights), -jnp.inf)
    return jnp.where(count > 1, seen, jnp.nan)  # from one image q(z) cannot be told
