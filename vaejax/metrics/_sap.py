"""Separated attribute predictability.

Kumar, Sattigeri, Balakrishnan, "Variational Inference of Disentangled Latent Concepts from
Unlabeled Observations", ICLR 2018, section 3; constants of Locatello et al., 2019.

A one-dimensional classifier cannot single out a factor's middle levels, and the second best code
does as well as chance: perfect codes score far below 1.
"""

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics._mig import leads
from vaejax.metrics.inputs import checked_codes, checked_factors, checked_values
from vaejax.metrics.left_out import varying
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import Split, train_test_rows
from vaejax.metrics.standardise import standardised
from vaejax.metrics.svm import svm_accuracies
from vaejax.metrics.tracing import namespace, precise
from vaejax.types import AnyArray, Array


def sap(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    rows: Split | None = None,
    continuous: bool = False,
) -> Scores:
    """By how much the best single code predicts each factor better than the second best does.

    Args:
        codes: [N, D].
        factors: [N, F] integers; real numbers too if `continuous`.
        rng: key, draws the rows; not traced.
        num_train: rows to fit to.
        num_test: other rows, to score on.
        rows: which to fit to and which to score on, instead of drawn ones.
        continuous: predict by a line (squared correlation) instead of a support vector machine.

    Returns:
        `sap` in [0, 1], and `predictability` [D, F]: accuracies, or squared correlations. A factor
        that does not vary among the rows to fit to is left out, its predictability 0.
    """
    check_counts(num_train=(num_train, 2), num_test=(num_test, 1))
    codes = checked_codes(codes)
    factors = (checked_values if continuous else checked_factors)(factors, len(codes))
    train, test = rows or train_test_rows(rng, len(codes), num_train, num_test)
    kept = varying(("rows to fit to", factors[train]))
    factors = factors[:, kept.columns]
    if continuous:
        predictability = squared_correlations(codes[train], factors[train])
    else:
        predictability = svm_accuracies(codes[train], factors[train], codes[test], factors[test])
    return scores(
        {
            "sap": leads(predictability).mean(),
            "predictability": kept.spread(predictability),
        },
        left_out=kept.left_out,
        num_train=len(train),
        num_test=len(test),
        continuous=continuous,
    )


def squared_correlations(codes: AnyArray, factors: np.ndarray) -> AnyArray:
    """cov^2 / (var var) of every code with every factor, [D, F]; 0 for one that does not vary."""
    (x,), (y,) = standardised(precise(codes)), standardised(np.asarray(factors, np.float64))
    return namespace(x).minimum((x.T @ y.astype(x.dtype) / len(x)) ** 2, 1.0)
