"""Matrices of MATLAB files, written by scipy."""

import numpy as np
import pytest
from scipy.io import savemat

from vaejax.data.mat_file import load_matrix


@pytest.mark.parametrize("compressed", [False, True])
def test_a_matrix_is_found_by_name(tmp_path, compressed):
    numbers = np.arange(6.0).reshape(2, 3)
    savemat(tmp_path / "x.mat", {"a": numbers, "b": -numbers}, do_compression=compressed)
    np.testing.assert_array_equal(load_matrix(tmp_path / "x.mat", "b"), -numbers)
    with pytest.raises(ValueError, match=r"^path: expected a matrix c in .*x\.mat, got none"):
        load_matrix(tmp_path / "x.mat", "c")


@pytest.mark.parametrize("content", [b"", b"not a matrix " * 20])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ValueError, match=r"^path: expected a whole file, got a damaged .*x\.mat"):
        load_matrix(tmp_path / "x.mat", "a")
