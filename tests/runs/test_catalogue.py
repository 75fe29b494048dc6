"""What there is, as it is read from the source, is what a configuration may name."""

import pytest

from vaejax import data, distributions, evaluators, metrics, models, objectives
from vaejax.evaluators import Evaluator
from vaejax.models import autoregressive, posteriors, priors
from vaejax.runs import catalogue
from vaejax.runs.config import ConfigError
from vaejax.runs.config_defaults import type_hints
from vaejax.runs.config_lookup import named
from vaejax.runs.config_paths import config_names
from vaejax.runs.docstrings import summary
from vaejax.types import Objective

# By kind: the package and the type as `runs` knows them, and what takes objects, which no
# configuration can hold.
KINDS = {
    "data sets": (data, data.Splits, {"holdout"}),
    "models": (models, None, set()),
    "likelihoods": (distributions, distributions.Likelihood, set()),
    "posteriors": (posteriors, posteriors.Posterior, set()),
    "priors": (priors, priors.Prior, set()),
    "networks over pixels": (autoregressive, autoregressive.PixelNetwork, set()),
    "objectives": (objectives, Objective, {"add_penalties", "variational"}),
    "evaluators": (evaluators, Evaluator, set()),
}


@pytest.mark.parametrize("kind", catalogue.PACKAGES)
def test_the_names_are_those_that_can_be_named(kind):
    package, returns, takes_objects = KINDS[kind]
    found = catalogue.names_of(kind)
    for name, line in found.items():
        assert line and line == summary(named("config", name, package, returns).__doc__)
    public = {name for name, value in vars(package).items() if callable(value) and name[0] != "_"}
    if returns is not None:
        public = {n for n in public if type_hints(getattr(package, n)).get("return") == returns}
    assert set(found) == public - takes_objects
    for name in takes_objects:  # which a misspelt name was once said to mean
        with pytest.raises(ConfigError, match=f"unknown '{name}'; did you mean") as refused:
            named("config", name, package, returns)
        assert str(sorted(found)) in str(refused.value)


def test_the_metrics_are_those_of_evaluations():
    found = catalogue.metrics()
    assert set(found) == set(metrics.METRICS) and all(found.values())


def test_configurations_have_a_line():
    found = catalogue.configurations()
    assert [c.name for c in found] == config_names() and all(c.about for c in found)
    assert {"quickstart", "collapse_gaussian"} <= {c.name for c in found if not c.needs_data}
    assert catalogue.header_of(catalogue.FOLDER / "none.py") == ""
