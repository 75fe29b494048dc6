import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.metrics import mig
from vaejax.metrics.discrete import factor_entropies


@pytest.mark.parametrize("seed", [0, 2])
def test_equals_the_reference(reference, name, seed):
    rows, _ = reference.rows(seed)
    scores = mig(reference.codes(name)[rows], reference.factors[rows])
    fixed = f"fixed/{name}/s{seed}/"
    np.testing.assert_allclose(scores["mutual_information"], reference[fixed + "mi"], atol=1e-6)
    assert scores["mig"] == pytest.approx(float(reference[fixed + "mig"]), abs=1e-6)
    entropies = factor_entropies(reference.factors[rows])
    np.testing.assert_allclose(entropies, reference[fixed + "factor_entropy"], rtol=1e-9)


def test_equals_the_reference_in_double_precision(reference):
    rows, _ = reference.rows()
    with enable_x64(True):
        scores = mig(reference.codes("noisy")[rows], reference.factors[rows])
    reference_mi = reference["fixed/noisy/s0/mi"]
    np.testing.assert_allclose(scores["mutual_information"], reference_mi, atol=1e-9)


def test_known_codes(perfect, useless, dead, grid):
    assert mig(perfect, grid)["mig"] == pytest.approx(1.0, abs=1e-5)
    assert mig(dead, grid)["mig"] == pytest.approx(1.0, abs=1e-5)
    assert mig(useless, grid)["mig"] < 0.1
    assert mig(np.tile(perfect, 2), grid)["mig"] == pytest.approx(0.0, abs=1e-5)
    assert mig(perfect[:, :1], grid)["mig"] == pytest.approx(1 / 3, abs=1e-5)


def test_incomplete_grids_and_any_level_numbers(perfect, grid):
    kept = np.flatnonzero(grid.sum(1) % 7 != 0)
    kept = np.concatenate([kept] * 2)
    named = grid[kept] * [5, -2, 11] + 3
    assert mig(perfect[kept], named)["mig"] > 0.8


def test_an_outlier_that_hides_a_code_is_warned_of(perfect, grid):
    codes = perfect.copy()
    codes[3, 1] = 1e6
    with pytest.warns(UserWarning, match=r"codes: 99.91% of column 1 lie within .* one of 20 bins"):
        hidden = mig(codes, grid)
    assert hidden["gaps"][1] < 0.01
    codes[3, 1] = 100.0  # the others now lie in two bins, but on one bin's width
    with pytest.warns(UserWarning, match="codes: 99.91% of column 1"):
        mig(codes, grid)


def test_a_code_of_two_values_needs_no_more_bins(perfect, grid):
    codes = perfect.copy()
    codes[:, 1] = np.arange(1080) == 7
    assert np.isfinite(mig(codes, grid)["mig"])  # without a warning


def test_a_constant_code_informs_about_nothing(grid):
    assert mig(np.ones((len(grid), 2)), grid)["mig"] == 0.0
