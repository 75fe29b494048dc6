"""What evaluations are told of metrics agrees with what the metrics themselves take."""

import inspect

import pytest

from vaejax import metrics
from vaejax.metrics import METRICS, Metric

GIVEN = {"codes", "means", "log_vars", "kls", "factors", "rng", "rows", "say"}


@pytest.mark.parametrize("name", METRICS)
def test_a_record_says_what_its_function_takes(name):
    metric, parameters = METRICS[name], inspect.signature(METRICS[name].function).parameters
    assert metric.function is getattr(metrics, name)
    first = [{"means": "codes"}.get(p, p) for p in parameters][: len(metric.takes)]
    assert tuple(first) == metric.takes
    assert GIVEN & set(list(parameters)[len(metric.takes) :]) <= {"rng", "rows", "say"}
    assert metric.draws == ("rng" in parameters) and metric.says == ("say" in parameters)
    optional = {p for p in metric.takes if p in parameters and parameters[p].default is None}
    assert optional == set(metric.optional)
    sizes = metric.sizes(metric.settings, 100_000, 7_000)
    assert (len(sizes) == 2) == ("rows" in parameters)


def test_every_metric_of_codes_and_nothing_else_is_there():
    of_tables = {
        name
        for name, function in inspect.getmembers(metrics, inspect.isfunction)
        if {"codes", "means"} & set(inspect.signature(function).parameters)
    }
    # One compares several models; the others return no number.
    assert set(METRICS) == of_tables - {"udr", "correlation_ratio", "standard_draws", "evaluate"}


@pytest.mark.parametrize(
    ("name", "num_images", "sizes"),
    [
        ("mig", 500, (500,)),
        ("mig", 50_000, (7_000,)),
        ("infomec", 50_000, (10_000,)),
        ("sap", 50_000, (10_000, 5_000)),
        ("sap", 300, (200, 100)),
        ("downstream_accuracy", 50_000, (10_000, 5_000)),
        ("downstream_accuracy", 300, (100, 200)),
    ],
)
def test_sizes(name, num_images, sizes):
    assert METRICS[name].sizes(METRICS[name].settings, num_images, 7_000) == sizes


def test_only_trees_are_slow():
    slow = [name for name, metric in METRICS.items() if metric.slow(metric.settings)]
    assert slow == ["dci"]
    assert not METRICS["dci"].slow({**METRICS["dci"].settings, "predictor": "lasso"})


def test_a_record_is_called_as_its_function(perfect, grid):
    assert METRICS["mig"](perfect, grid)["mig"] == metrics.mig(perfect, grid)["mig"]


def test_settings_are_what_is_left_to_choose():
    assert METRICS["sap"].settings == {
        "num_train": 10_000,
        "num_test": 5_000,
        "continuous": False,
    }
    assert Metric(lambda z, v, power=2: {}).settings == {"power": 2}
