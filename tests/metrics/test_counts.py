"""Every count that a metric takes refuses what its score is not defined for."""

import inspect

import pytest

from vaejax import metrics

LEAST = {
    "beta_vae_score": {"num_train": 1, "num_eval": 1, "batch_size": 1},
    "dci": {"num_train": 2, "num_test": 1},
    "dci_lasso": {"num_train": 2, "num_test": 1},
    "density_mig": {"num_points": 2, "num_samples": 1},
    "downstream_accuracy": {"num_labels": 1, "num_test": 1},
    "evaluate": {"num_points": 2},
    "factor_vae_score": {"num_train": 1, "num_eval": 1, "batch_size": 2},
    "importance_weighted": {"num_samples": 1, "chunk": 1},
    "infomec": {"num_points": 2, "num_neighbours": 1},
    "irs": {"num_bins": 2},
    "mig": {"num_bins": 2},
    "modularity_explicitness": {"num_train": 2, "num_test": 2, "num_bins": 2},
    "sap": {"num_train": 2, "num_test": 1},
    "standard_draws": {"num_samples": 1},
    "unsupervised_scores": {"num_bins": 2},
}
CASES = [(metric, count) for metric, counts in LEAST.items() for count in counts]


def call(name, given, **counts):
    function = getattr(metrics, name)
    wanted = inspect.signature(function).parameters
    return function(**{key: value for key, value in given.items() if key in wanted}, **counts)


def test_no_count_is_forgotten():
    for name, function in inspect.getmembers(metrics, inspect.isfunction):
        counts = [
            p for p in inspect.signature(function).parameters if p.startswith(("num_", "batch_"))
        ]
        if counts and name != "discretise":
            assert set(counts) <= set(LEAST[name]), name


@pytest.mark.parametrize(("name", "count"), CASES)
def test_counts(name, count, perfect, grid, key):
    given = {"codes": perfect, "means": perfect, "log_vars": 0 * perfect, "factors": grid}
    given |= {"rng": key, "log_weights": None, "num_samples": 3}
    if name == "density_mig" or count == "num_samples":
        given.pop("num_samples")
    least = LEAST[name][count]
    for value in (least - 1, 0, -3, 2.5, True):
        value = (value,) if count == "num_labels" else value
        with pytest.raises(ValueError, match=f"^{count}: expected"):
            call(name, given, **{count: value})


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("factor_vae_score", {"min_std": -0.1}, "min_std: expected a number >= 0"),
        ("active_units", {"min_variance": float("nan")}, "min_variance: expected a number >= 0"),
        ("dci", {"penalty": float("inf")}, "penalty: expected a number >= 0"),
        ("infomec", {"min_share": 1.0}, r"min_share: expected a number in \[0, 1\)"),
        ("infomec", {"prune": "std"}, "prune: expected 'range' or 'iqr'"),
    ],
)
def test_thresholds(name, arguments, message, perfect, grid, key):
    given = {"codes": perfect, "factors": grid, "rng": key}
    with pytest.raises(ValueError, match=message):
        call(name, given, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("beta_vae_score", {"num_train": 1, "num_eval": 1, "batch_size": 1}),
        ("factor_vae_score", {"num_train": 1, "num_eval": 1, "batch_size": 2}),
        ("infomec", {"num_neighbours": 1}),
        ("mig", {"num_bins": 2}),
        ("density_mig", {"num_samples": 1}),
        ("downstream_accuracy", {"num_labels": (1,), "num_test": 1}),
    ],
)
def test_the_least_counts_are_enough(name, arguments, perfect, grid, key):
    given = {"codes": perfect, "means": perfect, "log_vars": 0 * perfect, "factors": grid}
    for value in call(name, {**given, "rng": key}, **arguments).values():
        assert (value >= 0).all() if hasattr(value, "all") else value >= 0
