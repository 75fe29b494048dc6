"""A table of codes: what every image's code is, and what it is a code of."""

from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """The codes of N images, and what they are codes of.

    Attributes:
        means: posterior means [N, D]; the codes themselves where the posterior is no Gaussian.
        log_vars: log-variances of the posteriors [N, D]; None where they are no Gaussians.
        factors: [N, F].
        kls: KLs of the posteriors from the model's prior [N, D], nats; None where there are none.
    """

    means: np.ndarray
    log_vars: np.ndarray | None
    factors: np.ndarray
    kls: np.ndarray | None = None

    def rows(self, chosen: np.ndarray) -> "Table":
        """Some rows of it."""
        return Table._make(None if array is None else array[chosen] for array in self)

    def columns(self) -> dict[str, np.ndarray | None]:
        """Its columns by the names that a `Metric` takes them by."""
        return {"codes": self.means, **self._asdict()}


def varying(factors: np.ndarray) -> np.ndarray:
    """The columns of factors [N, F] that take more than one value."""
    return factors[:, factors.max(0) > factors.min(0)]
