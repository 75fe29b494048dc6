"""A table of codes: what every image's code is, and what it is a code of."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """The codes of N images, and what they are codes of.

    Attributes:
        means: posterior means [N, D]; the codes themselves where the posterior is no Gaussian.
        log_vars: log-variances of the posteriors [N, D]; None where they are no Gaussians.
        factors: [N, F].
        kls: KLs of the posteriors from the model's prior [N, D], nats; None where there are none.
        names: of the factors, for messages; none calls them by their columns.
    """

    means: np.ndarray
    log_vars: np.ndarray | None
    factors: np.ndarray
    kls: np.ndarray | None = None
    names: tuple[str, ...] = ()

    def rows(self, chosen: np.ndarray) -> "Table":
        """Some rows of it."""
        arrays = {name: array for name, array in self._arrays().items() if array is not None}
        return self._replace(**{name: array[chosen] for name, array in arrays.items()})

    def of_factors(self, chosen: Sequence[int]) -> "Table":
        """It with some of the factors only, which are called as they were."""
        names = self.factor_names()
        return self._replace(
            factors=self.factors[:, list(chosen)], names=tuple(names[k] for k in chosen)
        )

    def factor_names(self) -> tuple[str, ...]:
        """What the factors are called in messages [F]."""
        return self.names or tuple(f"column {k}" for k in range(self.factors.shape[1]))

    def columns(self) -> dict[str, np.ndarray | None]:
        """Its columns by the names that a `Metric` takes them by."""
        return {"codes": self.means, **self._arrays()}

    def _arrays(self) -> dict[str, np.ndarray | None]:
        arrays = self._asdict()
        del arrays["names"]
        return arrays


def varying(factors: np.ndarray) -> list[int]:
    """The columns of factors [N, F] that take more than one value."""
    return np.flatnonzero(factors.max(0) > factors.min(0)).tolist()
