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


def test_known_codes(perfect, useless, dead, grid):
    assert irs(perfect, grid)["irs"] == pytest.approx(1.0, abs=1e-6)
    assert irs(useless, grid)["irs"] < 0.5
    scores = irs(dead, grid)
    assert scores["irs"] == pytest.approx(1.0, abs=1e-6)
    assert scores["num_active"] == 3
    assert irs(0 * perfect, grid)["irs"] == 0.0
