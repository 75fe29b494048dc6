"""The FactorVAE metric: which code varies least while one factor is held fixed.

Kim & Mnih, "Disentangling by Factorising", ICML 2018, section 4; constants of Locatello et al.,
2019.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.metrics.groups import FactorGroups, random_words
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.types import Array

VARIANCE_ROWS = 10_000  # from which the variances of the codes are estimated
CHUNK = 500  # votes held in memory at once


def factor_vae_score(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_eval: int = 5_000,
    batch_size: int = 64,
    min_std: float = 0.05,
) -> dict:
    """Accuracy of a majority vote from the code of least normalised variance to the fixed factor.

    Args:
        codes: [N, D].
        factors: [N, F] integers, F >= 2.
        rng: key.
        num_train: votes that decide which factor each code stands for.
        num_eval: votes that are scored.
        batch_size: rows per vote, all with the same value of one factor.
        min_std: codes with a smaller standard deviation are left out.

    Returns:
        `factor_vae_score` in [0, 1] on the second set of votes, `factor_vae_score_train` on the
        first, `num_active`, and the two tables of `votes_train` and `votes_eval` [F, D].
        Both scores are 0 where no code is active.
    """
    codes = checked_codes(codes)
    groups = FactorGroups.of(checked_factors(factors, len(codes), at_least=2))
    vote_rng, rows_rng = jax.random.split(rng)
    rows = groups.rows(random_words(rows_rng, (VARIANCE_ROWS,)))
    variances, active = active_codes(codes[np.asarray(rows)], min_std)
    chunks = -(-(num_train + num_eval) // CHUNK)
    scale = np.where(active, variances, np.nan)
    factor, code = _votes(vote_rng, codes, groups, scale, chunks, batch_size)
    factor, code = (np.asarray(x).reshape(-1)[: num_train + num_eval] for x in (factor, code))
    tables = np.zeros((2, groups.levels.shape[1], codes.shape[1]), np.int64)
    if active.any():
        np.add.at(tables, ((np.arange(len(code)) >= num_train).astype(int), factor, code), 1)
    train, test = vote_accuracy(*tables)
    return {
        "factor_vae_score": test,
        "factor_vae_score_train": train,
        "num_active": int(active.sum()),
        "votes_train": tables[0],
        "votes_eval": tables[1],
    }


def active_codes(codes: np.ndarray, min_std: float = 0.05) -> tuple[np.ndarray, np.ndarray]:
    """Variances [D] of codes [N, D] (unbiased), and which have a deviation of `min_std` or more."""
    variances = codes.var(0, ddof=1, dtype=np.float64)
    return variances, (variances > 0) & (np.sqrt(variances) >= min_std)


def vote_accuracy(votes_train: np.ndarray, votes_eval: np.ndarray) -> tuple[float, float]:
    """Share of the votes of each table [F, D] for the factor that `votes_train` gives the code."""
    factor_of = votes_train.argmax(0)
    every = np.arange(votes_train.shape[1])
    train, test = (
        float(votes[factor_of, every].sum() / max(votes.sum(), 1))
        for votes in (votes_train, votes_eval)
    )
    return train, test


@partial(jax.jit, static_argnums=(4, 5))
def _votes(rng, codes, groups, scale, chunks: int, batch_size: int) -> tuple[Array, Array]:
    """Fixed factors and winning codes, each [chunks, CHUNK]."""
    words = random_words(rng, (chunks, CHUNK, batch_size + 2))

    def vote(words: Array) -> tuple[Array, Array]:  # [CHUNK, batch_size + 2]
        factor = (words[:, :1] % groups.levels.shape[1]).astype(jnp.int32)
        rows = groups.rows_like(words[:, 2:], groups.rows(words[:, 1:2]), factor)
        variances = codes[rows].var(1, ddof=1)  # [CHUNK, D]
        return factor[:, 0], jnp.nanargmin(variances / scale[None], axis=1)

    return jax.lax.map(vote, words)
