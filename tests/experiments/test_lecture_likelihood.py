"""The table of the lecture on likelihoods: its runs, its rows, and what it says of them."""

import pytest

from experiments.likelihood import estimators, table
from experiments.likelihood.table import Cell
from experiments.likelihood.table_text import as_markdown
from tests.data.idx_files import random_arrays, write_mnist
from vaejax.runs.setup import build


def rows(**nlls):
    cells = {
        "vae": Cell("mnist", 1, "VAE", 1),
        "vae5": Cell("mnist", 1, "VAE", 5),
        "iwae5": Cell("mnist", 1, "IWAE", 5),
        "iwae50": Cell("mnist", 1, "IWAE", 50),
    }
    return [
        {**cells[name]._asdict(), "seeds": list(nll), "nll": list(nll.values())}
        for name, nll in nlls.items()
    ]


def test_gaps_pair_the_seeds_that_both_have():
    found = table.gaps_of(
        rows(
            vae={0: 90.0, 1: 92.0, 2: 94.0},
            iwae5={0: 89.0, 1: 90.0, 2: 91.0},
            iwae50={0: 88.0, 2: 90.0},
        )
    )
    gaps = {(gap["of"].k, gap["than"].objective): gap for gap in found}
    assert gaps[5, "VAE"]["nats"] == pytest.approx(2.0)  # 1, 2 and 3
    half = 4.302653 / 3**0.5  # Student's t of two degrees of freedom, standard deviation 1
    low, high = gaps[5, "VAE"]["interval"]
    assert (low, high) == pytest.approx((2.0 - half, 2.0 + half), rel=1e-5)
    assert gaps[50, "VAE"]["nats"] == pytest.approx(3.0)  # seeds 0 and 2
    assert gaps[50, "IWAE"]["nats"] == pytest.approx(1.0)


def test_an_iwae_of_one_sample_is_the_vae(tmp_path):
    members = table.members_of(table.SIZES["published"], {}, tmp_path)
    assert set(members) == {
        Cell(data, layers, *rest)
        for data in ("mnist", "omniglot")
        for layers in (1, 2)
        for rest in (("VAE", 1), ("VAE", 5), ("VAE", 50), ("IWAE", 5), ("IWAE", 50))
    }
    for cell, runs in members.items():
        config = runs[0].config
        assert len(runs) == 3 and config.model.num_layers == cell.layers
        assert config.objective.num_samples == cell.k
        assert config.objective.name == {"VAE": "elbo", "IWAE": "iwae"}[cell.objective]
    assert Cell("mnist", 1, "IWAE", 1).published == Cell("mnist", 1, "VAE", 1).published


def test_runs_can_be_built(tmp_path):
    write_mnist(tmp_path, random_arrays())
    size = table.SIZES["smoke"]
    for cell, runs in table.members_of(size, {"mnist": tmp_path}, tmp_path / "runs").items():
        assert len(build(runs[0].config).model.latent_shapes) == cell.layers


def test_omniglot_of_another_split_is_marked(tmp_path):
    config = table.config_of("omniglot", 1, "VAE", "smoke", tmp_path)
    assert config.data.name == "omniglot"
    config = table.config_of("omniglot", 1, "VAE", "smoke", tmp_path / "chardata.mat")
    assert config.data.name == "omniglot_chardata"
    row = {
        **Cell("omniglot", 1, "VAE", 1)._asdict(),
        "seeds": [0],
        "mean": 100.0,
        "interval": (float("nan"), float("nan")),
        "active_units": ["7"],
        "without_inactive": [-0.0123],
        "num_images": 10,
        "published": (108.11, "28"),
        "comparable": False,
    }
    line = as_markdown([row], []).splitlines()[2]
    assert line == (
        "| omniglot (another split) | 1 | VAE | 1 | 100.00 (108.11) | 7 (28) | -0.012 | 1 | 10 |"
    )


def test_the_table_as_text():
    """Rows, a sentence, and the gaps."""
    row = {
        **Cell("mnist", 2, "IWAE", 50)._asdict(),
        "seeds": [0, 1],
        "mean": 90.0,
        "interval": (89.0, 91.0),
        "active_units": ["26+7", "100+50"],
        "without_inactive": [0.002, None],
        "num_images": 500,
        "published": (82.90, "26+7"),
        "comparable": True,
    }
    gaps = table.gaps_of(rows(vae={0: 90.0, 1: 92.0}, iwae5={0: 89.0, 1: 90.8}))
    text = as_markdown([row], gaps)
    assert text.splitlines()[2] == (
        "| mnist | 2 | IWAE | 50 | 90.00 [89.00, 91.00] (82.90) | 26+7, 100+50 (26+7) "
        "| +0.002, - | 2 | 500 |"
    )
    assert text.endswith("| mnist | 1 | IWAE, k = 5 | VAE, k = 1 | 1.10 [-0.17, 2.37] |\n")


def test_variances_are_those_of_the_formula():
    assert [estimators.formula(d) for d in (1, 10, 50)] == [7.5, 138.0, 2678.0]
    found = {
        (row["estimator"], row["dim"]): row["variance"]
        for row in estimators.rows(estimators.Size((10,), 30))
    }
    assert found["score function", 10] == pytest.approx(138.0, rel=0.15)
    assert found["reparameterised", 10] == pytest.approx(1.0, rel=0.15)
    assert 1 < found["leave one out, K = 50", 10] < 138.0 / 7
    assert found["leave one out, K = 50", 10] < found["leave one out, K = 5", 10] < 138.0
