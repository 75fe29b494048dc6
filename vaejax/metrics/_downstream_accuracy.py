"""How well a linear classifier reads the factors off codes, by the number of labels it may see.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, section 5.5; here with the fixed penalty C = 1.
"""

from collections.abc import Sequence

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.scores import Scores, scores
from vaejax.metrics.split import Split, disjoint_rows
from vaejax.metrics.standardise import nonzero, standardised
from vaejax.metrics.tracing import each, namespace
from vaejax.types import AnyArray, Array


def downstream_accuracy(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_labels: Sequence[int] = (10, 100, 1_000, 10_000),
    num_test: int = 5_000,
    rows: Split | None = None,
) -> Scores:
    """Test accuracy of logistic regression, averaged over factors.

    Args:
        codes: [N, D].
        factors: [N, F] integers.
        rng: key, draws the rows; not traced.
        num_labels: sizes of the training set; those that leave no test rows are left out.
        num_test: other rows, to score on.
        rows: which to fit to, the first of them for fewer labels (all where they are too few), and
            which to score on, instead of drawn ones.

    Returns:
        `downstream_accuracy/<n>` in [0, 1] for every n of `num_labels`; also
        `downstream_efficiency`, the accuracy of the smallest over that of the largest.
    """
    sizes = np.atleast_1d(num_labels).tolist()
    for size in sizes:
        check_counts(num_labels=(size, 1))
    check_counts(num_test=(num_test, 1))
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes))
    sizes = sorted({size for size in sizes if size < len(codes)})
    if not sizes:
        raise ValueError(f"num_labels: expected numbers in [1, {len(codes)}), got {num_labels}")
    if rows is None:
        rows = disjoint_rows(rng, len(codes), sizes[-1], min(num_test, len(codes) - sizes[-1]))
    train, test = rows
    xp, num_classes = namespace(codes), int(levels.max()) + 1
    x, x_test = standardised(codes[train], codes[test])
    accuracies = {}
    for size in sizes:

        def accuracy(level: AnyArray, level_test: AnyArray, size: int = size) -> AnyArray:
            model = multinomial(x[:size], level, num_classes=num_classes, l2=1.0)
            return model.accuracy(x_test, level_test)

        of_factors = each(xp, accuracy, levels[train[:size]].T, levels[test].T)
        accuracies[size] = of_factors.mean()
    found = {f"downstream_accuracy/{size}": value for size, value in accuracies.items()}
    found["downstream_efficiency"] = accuracies[sizes[0]] / nonzero(accuracies[sizes[-1]])
    return scores(found, num_labels=tuple(sizes), num_test=len(test))
