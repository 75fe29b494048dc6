"""How many latents carry anything about the image.

Burda, Grosse, Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, section 5.2.

The published threshold is low: at a variance of 0.01 a latent may carry 0.02 nats. The KL says how
much those that count really do.
"""

import math

import numpy as np

from vaejax.core.checks import check_number
from vaejax.metrics.inputs import checked_codes, checked_posteriors
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import bounded, centred
from vaejax.metrics.tracing import is_traced, namespace, precise
from vaejax.types import AnyArray


def active_units(
    codes: AnyArray,
    log_vars: AnyArray | None = None,
    *,
    code_kls: AnyArray | None = None,
    min_variance: float = 0.01,
) -> Scores:
    """The number of codes whose posterior mean varies over images, and what they carry.

    Args:
        codes: posterior means [N, D].
        log_vars: log-variances of the posteriors [N, D], for their KL from a standard normal prior.
        code_kls: those KLs themselves, [D] nats averaged over images, in place of `log_vars` where
            the prior is another one.
        min_variance: of a code that counts.

    Returns:
        `active_units`, and the `code_variances` [D]. Where `log_vars` or `code_kls` are given also
        `code_kls` [D], nats averaged over images; `active_kl`, their sum over the codes that
        count; and `weakest_active_kl`, the least of them, 0 where none counts.
    """
    check_number("min_variance", min_variance, lambda v: 0 <= v < math.inf, "a number >= 0")
    if log_vars is not None and code_kls is not None:
        raise ValueError("code_kls: expected no log_vars beside them, got both")
    if log_vars is None:
        codes = checked_codes(codes)
    else:
        codes, log_vars = checked_posteriors(codes, log_vars, "codes")
        code_kls = standard_normal_kls(codes, log_vars)
    variances = precise(centred(codes)).var(0)
    active = variances > min_variance
    found = {"active_units": active.sum(), "code_variances": variances}
    if code_kls is not None:
        kls = _checked_kls(code_kls, codes.shape[1])
        xp = namespace(kls, active)
        weakest = xp.where(active, kls, math.inf).min()
        found["code_kls"] = kls
        found["active_kl"] = xp.where(active, kls, 0.0).sum()
        found["weakest_active_kl"] = xp.where(active.any(), weakest, 0.0)
    return scores(found, min_variance=min_variance)


def standard_normal_kls(means: AnyArray, log_vars: AnyArray) -> AnyArray:
    """KL(N(mean, exp(log_var)) || N(0, 1)) of each code, averaged over images, [D] nats.

    Args:
        means, log_vars: [N, D].
    """
    xp, log_vars = namespace(means, log_vars), bounded(log_vars)
    return 0.5 * (precise(means) ** 2 + xp.expm1(log_vars) - log_vars).mean(0)


def _checked_kls(kls: AnyArray, num_codes: int) -> AnyArray:
    kls = kls if is_traced(kls) else np.asarray(kls, np.float64)
    if kls.shape != (num_codes,):
        raise ValueError(f"code_kls: expected [{num_codes}], one per code, got shape {kls.shape}")
    if not is_traced(kls) and not np.isfinite(kls).all():
        column = int(np.isfinite(kls).argmin())
        raise ValueError(f"code_kls: expected finite numbers, got {kls[column]} for code {column}")
    return kls
