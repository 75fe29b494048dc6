"""Codes at hand, scored: the table, what is not in it, and what is refused."""

import math
import sys

import numpy as np
import pytest

from vaejax import metrics
from vaejax.metrics import evaluate

NAMES = ("shape", "x", "y")


@pytest.fixture
def mixed(perfect):
    """The perfect codes with noise, so that no score is certain."""
    return perfect + 0.3 * np.random.default_rng(0).normal(size=perfect.shape).astype(np.float32)


def test_each_score_has_its_interval_and_its_conventions(mixed, grid):
    scores = {"mig": {"num_bins": 10}, "sap": {}, "dci_lasso": {"penalty": 0.02}}
    found = evaluate(mixed, grid, scores=scores, factor_names=NAMES)
    assert list(found.scores) == list(scores) and not found.left_out and not found.notes
    mig = found.scores["mig"]
    assert mig["mig"].low < mig["mig"].value < mig["mig"].high
    assert mig["mig"].value == metrics.mig(mixed, grid, num_bins=10)["mig"]
    record = {"codes": "means", "num_bins": 10, "num_images": 1080, "interval": "5 halves"}
    assert record.items() <= mig.record.items()
    assert found.scores["dci_lasso"].record["predictor"] == "lasso"
    assert found.shape == (1080, 3, 3) and found.factor_names == NAMES
    drawn = evaluate(mixed, grid, scores=["mig"], sampled=True, repeats=1).scores["mig"]
    assert drawn.record["codes"] == "samples" and drawn.record["interval"] == "none"
    assert math.isnan(drawn["mig"].low)


def test_by_default_there_is_all_that_does_not_take_minutes(mixed, grid, monkeypatch):
    asked = []

    def scored(chosen, *args, **kwargs):
        asked.extend(chosen)
        return iter(())

    monkeypatch.setattr(sys.modules["vaejax.metrics._evaluate"], "scored", scored)
    with pytest.raises(ValueError, match="none can be computed"):
        evaluate(mixed, grid)
    assert {one.name for one in asked} == set(metrics.METRICS) - {"dci"}


def test_what_cannot_be_computed_is_a_line(mixed, grid):
    scores = ["frobenius_distance", "mig", "density_mig"]
    found = evaluate(mixed, grid, scores=scores)
    assert list(found.scores) == ["mig"]
    lacks = "log_vars: expected [N, D], got none"
    assert found.left_out == {"frobenius_distance": lacks, "density_mig": lacks}
    assert f"no density_mig: {lacks}" in str(found).splitlines()
    found = evaluate(mixed, grid, scores=scores[:1], log_vars=0 * mixed)
    assert not found.left_out and found.scores["frobenius_distance"]


def test_a_warning_is_said_once_and_names_the_factor(mixed, grid):
    """Few rows, a constant factor and one with a lone value; five scores that each would say so."""
    factors = np.concatenate([np.full_like(grid[:, :1], 7), grid], axis=1)[::4]
    factors[0, 2] = 9
    names = ("colour", *NAMES)
    scores = ["mig", "sap", "irs", "dci_lasso", "modularity_explicitness"]
    found = evaluate(mixed[::4], factors, scores=scores, factor_names=names, repeats=1)
    assert set(found.scores) == set(scores) and found.factor_names == NAMES
    assert len(set(found.notes)) == len(found.notes)
    few = [note for note in found.notes if "270 points; scores of fewer than 1000" in note]
    assert len(few) == 1 and str(found).count("270 points") == 1
    assert "factors: colour is constant and does not count" in found.notes
    assert "irs: left out: factors: 1 values of x that occur once" in found.notes


def test_columns_of_codes_are_not_called_by_factors(mixed, grid):
    far = mixed.copy()
    far[0, 1] = 1e4
    (note,) = evaluate(far, grid, scores=["mig"], factor_names=NAMES, repeats=1).notes
    assert "of column 1 lie within the width of one of 20" in note
    log_vars = np.where(mixed > 1, np.nan, mixed)
    scores = ["frobenius_distance", "mig"]
    found = evaluate(mixed, grid, scores=scores, factor_names=NAMES, log_vars=log_vars)
    assert found.left_out["frobenius_distance"].endswith("NaN or infinity in column 0")


def test_what_is_said_after_a_factor_is_left_out_names_the_right_one(mixed, grid):
    """The first factor has a rare value that the drawn rows lack, the third lone ones."""
    rare, lone = np.arange(1080) < 2, grid[:, 0].copy()
    lone[540:560] = np.arange(7, 27)
    factors = np.stack([rare, grid[:, 1], lone], axis=1)
    told = set()
    for seed in range(3):
        found = evaluate(
            mixed, factors, scores=["irs", "mig"], factor_names=NAMES, repeats=1, seed=seed,
            num_points=700,
        )  # fmt: skip
        if "shape" in "".join(found.scores["irs"].record["left_out"]):
            (dropped, *lost) = found.scores["irs"].record["left_out"]
            assert dropped.startswith("factors: shape has") and lost
            assert all(text.endswith("values of y that occur once") for text in lost)
            told |= set(found.notes)
    assert any("values of y that occur once" in text for text in told)
    assert not any("column" in text for text in told)


def test_halves_do_not_say_again_what_is_known_of_few_images(mixed, grid):
    factors = np.concatenate([grid, np.arange(1080)[:, None] // 2], axis=1)[::18]
    found = evaluate(mixed[::18], factors, scores=["mig"])
    assert not any("in 30 rows" in note for note in found.notes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_whole_numbers_are_factors_in_whatever_type_they_come(mixed, grid, dtype):
    given = (grid % 2).astype(dtype)
    scores = {"scores": ["mig"], "repeats": 1}
    assert evaluate(mixed, given, **scores) == evaluate(mixed, grid % 2, **scores)


BAD = [
    (lambda z, v: (np.where(z > 1, np.nan, z), v), "codes: expected finite numbers, .* column 0"),
    (lambda z, v: (z[:, :, None], v), r"codes: expected \[N, D\], got shape \(1080, 3, 1\)"),
    (lambda z, v: (z[:1], v[:1]), "codes: expected at least 2 points, got 1"),
    (lambda z, v: (z, v[:-1]), r"factors: expected \[1080, F\], got shape \(1079, 3\)"),
    (lambda z, v: (z, v[:, 0]), r"factors: expected \[1080, F\], got shape \(1080,\)"),
    (lambda z, v: (z, v + 0.5), "factors: expected integers, got float64; .*np.unique"),
    (lambda z, v: (z, 0 * v), "factors: expected at least 2 values each, all columns are constant"),
]


@pytest.mark.parametrize(("change", "message"), BAD)
def test_codes_and_factors_that_say_nothing_are_refused(perfect, grid, change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        evaluate(*change(perfect, grid), scores=["mig"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": ["mgi"]}, "scores: expected some of .*, got 'mgi'; did you mean 'mig'"),
        ({"scores": "mig, sapp"}, "scores: .* got 'sapp'; did you mean 'sap'"),
        ({"scores": []}, "scores: expected some of .*, got none"),
        ({"scores": " ,"}, "scores: expected some of .*, got none"),
        ({"repeats": 0}, "num_repeats: expected at least 1"),
        ({"factor_names": ["x"]}, r"factor_names: expected one for each of 3 factors, got \['x'\]"),
        ({"log_vars": np.zeros((2, 3))}, r"log_vars: expected \(1080, 3\), as codes, got \(2, 3\)"),
    ],
)
def test_what_is_asked_for_wrongly_is_refused(perfect, grid, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        evaluate(perfect, grid, **arguments)


def test_nothing_that_can_be_computed_is_an_error_with_the_reasons(perfect, grid):
    with pytest.raises(ValueError, match="scores: none can be computed; density_mig: log_vars"):
        evaluate(perfect, grid, scores=["density_mig"])


def test_trees_say_how_long_before_the_first_and_then_every_factor(mixed, grid):
    pytest.importorskip("sklearn")
    said = []
    found = evaluate(mixed[:120], grid[:120] % 2, scores=["dci"], say=said.append)
    assert [line.split(",")[0] for line in said] == [
        "dci: trees for 3 factors",
        "dci: factor 1 of 3",
        "dci: factor 2 of 3",
        "dci: factor 3 of 3",
    ]
    assert "about" in said[0] and "to go" in said[1] and "to go" not in said[3]
    assert found.scores["dci"].record["interval"] == "none"
