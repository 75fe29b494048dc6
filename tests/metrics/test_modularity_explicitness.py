import jax
import numpy as np
import pytest

from vaejax.metrics import modularity_explicitness
from vaejax.metrics._modularity_explicitness import explicitness, mean_roc_area, modularity


def test_equals_the_reference(reference, name):
    train, test = reference.rows()
    codes, factors = reference.codes(name), reference.factors
    areas = explicitness(codes[train], factors[train], codes[test], factors[test])
    fixed = f"fixed/{name}/s0/"
    np.testing.assert_allclose(areas, reference[fixed + "explicitness"], atol=2e-3)
    assert modularity(reference[fixed + "mi"]) == pytest.approx(
        float(reference[fixed + "modularity"])
    )


def test_sampled_scores(reference):
    codes, key = reference.codes("partial"), jax.random.key(0)
    scores = modularity_explicitness(codes, reference.factors, rng=key)
    theirs = "modularity_explicitness."
    assert reference.sampled(scores["modularity"], "partial", theirs + "modularity_score", 0.03)
    for ours, part in (("explicitness_train", "train"), ("explicitness", "test")):
        field = f"{theirs}explicitness_score_{part}"
        assert reference.sampled(scores[ours], "partial", field, 5e-3)


def test_rare_values_are_left_out_where_they_do_not_occur(perfect, useless, grid, key):
    factors, given = grid.copy(), {"rng": key, "num_train": 200, "num_test": 100}
    factors[:, 1] = np.arange(1080) < 2
    codes = perfect + useless
    with pytest.warns(UserWarning, match="left out: factors: column 1 has 1 value in the rows"):
        scores = modularity_explicitness(codes, factors, **given)
    expected = modularity_explicitness(codes, factors[:, [0, 2]], **given)
    for score, value in expected.items():
        assert scores[score] == pytest.approx(value, abs=1e-9)
    with pytest.raises(ValueError, match="factors: expected at least 2 that vary .* column 1 has"):
        modularity_explicitness(codes, factors[:, :2], **given)


def test_a_level_that_no_training_row_has_is_told_at_random(perfect, grid):
    train = np.flatnonzero(grid[:, 2] != 4)
    areas = explicitness(perfect[train], grid[train], perfect, grid)
    whole = explicitness(perfect, grid, perfect, grid)
    # The fifth level is told at random; it looks most like the fourth, of which it is a quarter of
    # the rest.
    assert areas[2, 1] == pytest.approx((1 + 1 + 1 + 0.75 + 0.5) / 5, abs=1e-3)
    np.testing.assert_allclose(areas[:2], whole[:2], atol=1e-3)


def test_known_codes(perfect, useless, dead, grid, key):
    scores = modularity_explicitness(perfect, grid, rng=key)
    assert scores["modularity"] == pytest.approx(1.0, abs=1e-4)
    assert scores["explicitness"] == pytest.approx(1.0, abs=1e-6)
    # Two of five codes are dead and count nothing.
    assert modularity_explicitness(dead, grid, rng=key)["modularity"] == pytest.approx(
        0.6, abs=1e-4
    )
    assert modularity_explicitness(useless, grid, rng=key)["explicitness"] < 0.6


def test_roc_area_counts_pairs_and_halves_ties():
    scores = np.array([[0.1], [0.4], [0.4], [0.8]])
    scores = np.concatenate([1 - scores, scores], axis=1)
    # Positives 0.4 and 0.8 against negatives 0.1 and 0.4: three right, one tie.
    assert mean_roc_area(scores, np.array([0, 1, 0, 1])) == pytest.approx(3.5 / 4)
