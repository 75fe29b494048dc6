"""How many latents carry anything about the image.

Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, section 5.2.

The published threshold is low: at a variance of 0.01 a latent may carry 0.02 nats. The KL says how
much those that count really do.
"""

import math

import numpy as np

from vaejax.core.checks import check_number
from vaejax.metrics.inputs import NotFinite, checked_codes
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import centred
from vaejax.metrics.tracing import is_traced, namespace, precise
from vaejax.types import AnyArray


def active_units(
    codes: AnyArray, kls: AnyArray | None = None, *, min_variance: float = 0.01
) -> Scores:
    """The number of codes whose posterior mean varies over images, and what they carry.

    Args:
        codes: posterior means [N, D].
        kls: KL of every code's posterior from its prior [N, D], nats; `Latent.kl_dims`.
        min_variance: of a code that counts.

    Returns:
        `active_units`, and the `code_variances` [D]. Where `kls` are given also `code_kls` [D],
        nats averaged over images; `active_kl`, their sum over the codes that count; and
        `weakest_active_kl`, the least of them, 0 where none counts.
    """
    check_number("min_variance", min_variance, lambda v: 0 <= v < math.inf, "a number >= 0")
    codes = checked_codes(codes)
    variances = precise(centred(codes)).var(0)
    active = variances > min_variance
    found = {"active_units": active.sum(), "code_variances": variances}
    if kls is not None:
        means = _mean_kls(kls, codes)
        xp = namespace(means, active)
        weakest = xp.where(active, means, math.inf).min()
        found["code_kls"] = means
        found["active_kl"] = xp.where(active, means, 0.0).sum()
        found["weakest_active_kl"] = xp.where(active.any(), weakest, 0.0)
    return scores(found, min_variance=min_variance)


def _mean_kls(kls: AnyArray, codes: AnyArray) -> AnyArray:
    """KLs [N, D] of codes [N, D] averaged over images, [D]."""
    kls = precise(kls)
    if kls.shape != codes.shape:
        raise ValueError(f"kls: expected {codes.shape}, as codes, got {kls.shape}")
    means = kls.mean(0)
    if not is_traced(means) and not np.isfinite(means).all():
        column = int(np.isfinite(means).argmin())
        raise NotFinite(f"kls: expected finite numbers, got {means[column]} for code {column}")
    return means
