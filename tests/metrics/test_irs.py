import numpy as np
import pytest

from vaejax.metrics import irs


def test_equals_the_reference(reference, name):
    rows, _ = reference.rows()
    scores = irs(reference.codes(name)[rows], reference.factors[rows])
    fixed = f"fixed/{name}/s0/"
    assert scores["irs"] == pytest.approx(float(reference[fixed + "irs"]), abs=1e-9)
    np.testing.assert_allclose(scores["robustness"], reference[fixed + "irs_matrix"], atol=1e-9)
    np.testing.assert_allclose(
        scores["max_deviations"], reference[fixed + "irs_max_dev"], atol=1e-9
    )


def test_values_of_a_single_image_do_not_count(useless, grid):
    """From the mean of one image no code deviates, which would make it half robust."""
    factors = np.stack([np.arange(1080) == 7, grid[:, 0] > 1], axis=1)
    with pytest.warns(UserWarning, match="left out: factors: 1 values of column 0 that occur once"):
        scores = irs(useless, factors)
    rest = useless[np.arange(1080) != 7]
    typical = np.quantile(abs(rest - rest.mean(0)), 0.99, axis=0)
    expected = 1 - typical / abs(useless - useless.mean(0)).max(0)
    np.testing.assert_allclose(scores["robustness"][:, 0], expected, atol=1e-6)


def test_outliers_are_told(useless, grid):
    """One row of 1,000s makes noise look robust: largest deviations are its."""
    codes = useless.copy()
    codes[5] = 1000.0
    with pytest.warns(UserWarning, match="of column . lie .* beside the largest deviations theirs"):
        assert irs(codes, grid)["irs"] > 0.9
    assert irs(useless, grid)["irs"] < 0.5


def test_factors_of_many_values_are_binned(useless):
    continuous = np.argsort(np.argsort(useless[:, :1], axis=0), axis=0)
    assert irs(useless, continuous)["robustness"][0] > 0.5
    with pytest.raises(ValueError, match="factors: expected values that occur more than once"):
        irs(useless, continuous, num_bins=5000)


def test_known_codes(perfect, useless, dead, grid):
    assert irs(perfect, grid)["irs"] == pytest.approx(1.0, abs=1e-6)
    assert irs(useless, grid)["irs"] < 0.5
    scores = irs(dead, grid)
    assert scores["irs"] == pytest.approx(1.0, abs=1e-6)
    assert scores["num_active"] == 3
    assert irs(0 * perfect, grid)["irs"] == 0.0
