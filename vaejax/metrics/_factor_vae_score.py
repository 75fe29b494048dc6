"""The FactorVAE metric: which code varies least while one factor is held fixed.

Kim & Mnih, "Disentangling by Factorising", ICML 2018, section 4; constants of Locatello et al.,
2019.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts, check_number
from vaejax.metrics.discrete import count
from vaejax.metrics.draws import random_rows, random_words
from vaejax.metrics.groups import FactorGroups
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.left_out import lone_levels
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.standardise import roundable
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray, Array

VARIANCE_ROWS = 10_000  # from which the variances of the codes are estimated
CHUNK = 500  # votes held in memory at once


def factor_vae_score(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    min_std: float = 0.05,
) -> Scores:
    """Accuracy of a majority vote from the code of least normalised variance to the fixed factor.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key.
        num_train: votes that decide which factor each code stands for.
        num_eval: votes that are scored.
        batch_size: rows per vote, at least 2, all with the same value of one factor, and each of
            them once where there are as many. Rows that share it with no other are left out.
        min_std: codes with a smaller standard deviation are left out.

    Returns:
        `factor_vae_score` in [0, 1] on the second set of votes, `factor_vae_score_train` on the
        first, `num_active`, and the two tables of `votes_train` and `votes_eval` [F, D].
        Both scores are 0 where no code is active.
    """
    check_counts(num_train=(num_train, 1), num_eval=(num_eval, 1), batch_size=(batch_size, 2))
    check_number("min_std", min_std, lambda v: 0 <= v < math.inf, "a number >= 0")
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes), at_least=2)
    groups, codes = FactorGroups.of(levels), roundable(codes)
    vote_rng, rows_rng = jax.random.split(rng)
    rows = random_rows(rows_rng, len(codes), VARIANCE_ROWS)
    xp, chunks = namespace(codes, rows), -(-(num_train + num_eval) // CHUNK)
    variances, active = active_codes(xp.take(codes, rows, axis=0), min_std)
    cells = xp.asarray(_votes(vote_rng, codes, groups, variances**0.5, active, chunks, batch_size))
    shape = len(groups.levels), codes.shape[1]
    parts = cells[:num_train], cells[num_train : num_train + num_eval]
    # Without an active code nobody votes.
    tables = [count(xp, part, shape[0] * shape[1]).reshape(shape) * active.any() for part in parts]
    train, test = vote_accuracy(*tables)
    return scores(
        {
            "factor_vae_score": test,
            "factor_vae_score_train": train,
            "num_active": active.sum(),
            "votes_train": tables[0],
            "votes_eval": tables[1],
        },
        left_out=lone_levels(levels),
        num_train=num_train,
        num_eval=num_eval,
        batch_size=batch_size,
        min_std=min_std,
    )


def active_codes(codes: AnyArray, min_std: float = 0.05) -> tuple[AnyArray, AnyArray]:
    """Variances [D] of codes [N, D] (unbiased), and which have a deviation of `min_std` or more."""
    variances = precise(codes).var(0, ddof=1)
    varies = (codes.max(0) > codes.min(0)) & (variances > 0)
    return variances, varies & (variances**0.5 >= min_std)


def vote_accuracy(votes_train: AnyArray, votes_eval: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Share of the votes of each table [F, D] for the factor that `votes_train` gives the code."""
    factor_of = votes_train.argmax(0)
    every = np.arange(votes_train.shape[1])
    train, test = (
        votes[factor_of, every].sum() / votes.sum().clip(min=1)
        for votes in (votes_train, votes_eval)
    )
    return train, test


@partial(jax.jit, static_argnums=(5, 6))
def _votes(rng, codes, groups, deviations, active, chunks: int, batch_size: int) -> AnyArray:
    """The cell of a table [F, D] that each vote falls in, [chunks * CHUNK]."""
    scale = 1.0 / jnp.where(active, deviations, 1.0).astype(codes.dtype)[None, None]
    words = random_words(rng, (chunks, CHUNK, batch_size + 2))

    def vote(words: AnyArray) -> AnyArray:  # [CHUNK, batch_size + 2]
        factor = (words[:, :1] % len(groups.levels)).astype(jnp.int32)
        rows = groups.distinct_like(words[:, 2:], groups.rows(words[:, 1:2], factor), factor)
        variances = (codes[rows] * scale).var(1, ddof=1)  # [CHUNK, D]
        code = jnp.where(active[None], variances, jnp.inf).argmin(1)
        return factor[:, 0] * codes.shape[1] + code

    return jax.lax.map(vote, words).reshape(-1)
