"""Metrics of a table of codes as data: the function, and what it is to be given.

Whoever scores tables (`vaejax.evaluators.disentanglement`) reads it here, for a metric of the
library (`METRICS`) and for anyone's own alike.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from vaejax.metrics._active_units import active_units
from vaejax.metrics._beta_vae_score import beta_vae_score
from vaejax.metrics._dci import dci
from vaejax.metrics._dci_lasso import dci_lasso
from vaejax.metrics._density_mig import density_mig
from vaejax.metrics._downstream_accuracy import downstream_accuracy
from vaejax.metrics._factor_vae_score import factor_vae_score
from vaejax.metrics._frobenius_distance import frobenius_distance
from vaejax.metrics._infomec import infomec
from vaejax.metrics._irs import irs
from vaejax.metrics._mig import mig
from vaejax.metrics._modularity_explicitness import modularity_explicitness
from vaejax.metrics._sap import sap
from vaejax.metrics._unsupervised_scores import unsupervised_scores
from vaejax.metrics.split import divided

Settings = Mapping[str, Any]
Sizes = Callable[[Settings, int, int], tuple[int, ...]]
"""`(settings, num_images, num_points) -> ` the images that a score is of, `num_points` of so many
where nothing else is said: one number, or one to fit a predictor to and one to score it on."""


def as_asked(settings: Settings, num_images: int, num_points: int) -> tuple[int, ...]:
    """As many as are asked for."""
    return (min(num_points, num_images),)


def drawn(settings: Settings, num_images: int, num_points: int) -> tuple[int, ...]:
    """Of a metric that draws rows itself, its own `num_points`."""
    return (min(settings["num_points"], num_images),)


def fitted(settings: Settings, num_images: int, num_points: int) -> tuple[int, ...]:
    """Of a metric that fits a predictor, its own `num_train` and `num_test`."""
    return divided(num_images, settings["num_train"], settings["num_test"])


def labelled(settings: Settings, num_images: int, num_points: int) -> tuple[int, ...]:
    """Of one that fits to several numbers of labels, the largest that leaves images to score on."""
    numbers = np.atleast_1d(settings["num_labels"]).tolist()
    num_train = max((n for n in numbers if n < num_images), default=num_images)
    return num_train, min(settings["num_test"], num_images - num_train)


class Metric(NamedTuple):
    """A metric of a table of N codes.

    Attributes:
        function: `(*takes, **settings) -> ` numbers (and arrays, which do not count) by name.
        takes: its first arguments: of "codes", "log_vars" and "kls", all [N, D], and "factors"
            [N, F].
        optional: those of them that may be None; log-variances are, of codes without a Gaussian
            posterior, and KLs, of codes whose KL does not come apart.
        draws: whether it takes a key `rng`.
        sizes: how many images a score is of. Where these are two numbers, the function also takes
            `rows`, those to fit to and those to score on.
        slow: `settings -> ` whether it takes minutes, and is to be repeated only if asked for.
        says: whether it takes `say`, to be told of its progress.
        units: of what it returns, as pairs of name and unit; what is not there has none.
        highest: names of what is the better the higher it is, of what it returns; what dead codes
            have the best value of is not among it.
    """

    function: Callable[..., Mapping[str, Any]]
    takes: tuple[str, ...] = ("codes", "factors")
    optional: tuple[str, ...] = ()
    draws: bool = False
    sizes: Sizes = as_asked
    slow: Callable[[Settings], bool] = lambda settings: False
    says: bool = False
    units: tuple[tuple[str, str], ...] = ()
    highest: tuple[str, ...] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """As the function, so that a record can be named and called wherever that can be."""
        return self.function(*args, **kwargs)

    @property
    def settings(self) -> dict[str, Any]:
        """What can be chosen, by name: all arguments but those that the evaluation gives."""
        parameters = list(inspect.signature(self.function).parameters.values())
        chosen = parameters[len(self.takes) :]
        return {p.name: p.default for p in chosen if p.name not in ("rng", "rows", "say")}


DCI = ("disentanglement", "completeness", "informativeness_test")

METRICS: Mapping[str, Metric] = {
    "active_units": Metric(
        active_units,
        takes=("codes", "kls"),
        optional=("kls",),
        units=(("active_kl", "nats/image"), ("weakest_active_kl", "nats/image")),
    ),
    "beta_vae_score": Metric(beta_vae_score, draws=True, highest=("beta_vae_score",)),
    "dci": Metric(
        dci,
        draws=True,
        sizes=fitted,
        slow=lambda settings: settings["predictor"] == "trees",
        says=True,
        highest=DCI,
    ),
    "dci_lasso": Metric(
        dci_lasso, draws=True, sizes=fitted, highest=tuple(f"dci_lasso_{name}" for name in DCI)
    ),
    "density_mig": Metric(
        density_mig,
        takes=("codes", "log_vars", "factors"),
        draws=True,
        sizes=drawn,
        highest=("density_mig",),
    ),
    "downstream_accuracy": Metric(downstream_accuracy, draws=True, sizes=labelled),
    "factor_vae_score": Metric(factor_vae_score, draws=True, highest=("factor_vae_score",)),
    "frobenius_distance": Metric(frobenius_distance, takes=("codes", "log_vars")),
    "infomec": Metric(infomec, draws=True, sizes=drawn, highest=("infom", "infoc", "infoe")),
    "irs": Metric(irs, highest=("irs",)),
    "mig": Metric(mig, highest=("mig",)),
    "modularity_explicitness": Metric(
        modularity_explicitness, draws=True, sizes=fitted, highest=("modularity", "explicitness")
    ),
    "sap": Metric(sap, draws=True, sizes=fitted, highest=("sap",)),
    "unsupervised_scores": Metric(
        unsupervised_scores,
        takes=("codes",),
        units=(("gaussian_total_correlation", "nats"), ("mutual_info_score", "nats")),
    ),
}
