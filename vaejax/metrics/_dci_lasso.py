"""DCI by linear regression, under a name of its own.

Eastwood & Williams, "A Framework for the Quantitative Evaluation of Disentangled Representations",
ICLR 2018, section 4.3 (the lasso).
"""

from vaejax.metrics._dci import dci
from vaejax.metrics.scores import Scores
from vaejax.metrics.split import Split
from vaejax.types import AnyArray, Array


def dci_lasso(
    codes: AnyArray,
    factors: AnyArray,
    *,
    rng: Array,
    num_train: int = 10_000,
    num_test: int = 5_000,
    rows: Split | None = None,
    penalty: float = 0.01,
) -> Scores:
    """`dci` with the lasso, milliseconds where trees take minutes.

    Its scores are others than those of trees, as tables of papers mostly have them: each name says
    which it is.

    Args:
        codes, factors, rng, num_train, num_test, rows, penalty: as of `dci`.

    Returns:
        As `dci`, each name with `dci_lasso_` in front.
    """
    found = dci(
        codes,
        factors,
        rng=rng,
        num_train=num_train,
        num_test=num_test,
        rows=rows,
        predictor="lasso",
        penalty=penalty,
    )
    return Scores({f"dci_lasso_{name}": value for name, value in found.items()}, found.record)
