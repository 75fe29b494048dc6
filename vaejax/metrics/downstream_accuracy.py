"""How well a linear classifier tells the factors from codes, by the number of labels it may see.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", ICML 2019, section 5.5; here with the fixed penalty C = 1.
"""

from collections.abc import Sequence

from vaejax.metrics.inputs import checked_codes, checked_factors
from vaejax.metrics.logistic import multinomial
from vaejax.metrics.split import Split, disjoint_rows
from vaejax.metrics.tracing import each, namespace, plain
from vaejax.types import Array


def downstream_accuracy(
    codes: Array,
    factors: Array,
    *,
    rng: Array,
    num_labels: Sequence[int] = (10, 100, 1_000, 10_000),
    num_test: int = 5_000,
    rows: Split | None = None,
) -> dict:
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
    codes = checked_codes(codes)
    levels = checked_factors(factors, len(codes))
    sizes = sorted(n for n in num_labels if 0 < n < len(codes))
    if not sizes:
        raise ValueError(f"num_labels: expected numbers in [1, {len(codes)}), got {num_labels}")
    if rows is None:
        rows = disjoint_rows(rng, len(codes), sizes[-1], min(num_test, len(codes) - sizes[-1]))
    train, test = rows
    xp, num_classes = namespace(codes), int(levels.max()) + 1
    deviation = codes[train].std(0)
    scale = xp.where(deviation > 0, deviation, 1.0)[None]
    x, x_test = ((codes[part] - codes[train].mean(0)[None]) / scale for part in (train, test))
    scores = {}
    for size in sizes:

        def accuracy(level: Array, level_test: Array, size: int = size) -> Array:
            model = multinomial(x[:size], level, num_classes=num_classes, l2=1.0)
            return model.accuracy(x_test, level_test)

        accuracies = each(xp, accuracy, levels[train[:size]].T, levels[test].T)
        scores[f"downstream_accuracy/{size}"] = accuracies.mean()
    first, last = (scores[f"downstream_accuracy/{size}"] for size in (sizes[0], sizes[-1]))
    scores["downstream_efficiency"] = first / xp.where(last > 0, last, 1.0)
    return plain(scores)
