"""The metrics' benchmark: our scores are those of its NumPy versions, and it prints every row."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra `metrics`")

from sklearn.exceptions import ConvergenceWarning

from experiments.benchmarks import metrics as benchmark


@pytest.fixture
def small(monkeypatch):
    """Constants that finish in seconds."""
    for name, value in (("NUM_TRAIN", 1500), ("NUM_TEST", 1000), ("BATCH", 16), ("ROUNDS", 1)):
        monkeypatch.setattr(benchmark, name, value)


@pytest.mark.parametrize("name", ["mig", "irs", "unsupervised"])
def test_deterministic_scores_agree(name, small):
    codes, factors = benchmark.given_codes()
    entry = benchmark.SUITE[name]
    ours = benchmark.ours_on(codes, factors, entry)
    assert ours == pytest.approx(entry.numpy(codes, np.random.default_rng(1)), abs=0.05)


@pytest.mark.slow
def test_every_row_is_printed(small, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        benchmark.metric_by_metric()
    printed = capsys.readouterr().out
    assert all(f"\n{name} " in printed for name in benchmark.SUITE)
