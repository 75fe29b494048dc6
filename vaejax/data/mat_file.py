"""Reads a matrix of a MATLAB file, or says in one line why it cannot."""

from pathlib import Path

import numpy as np


def load_matrix(path: Path, name: str) -> np.ndarray:
    """The matrix of that name in a `.mat` file of version 5 to 7.

    Raises:
        ValueError: there is no such matrix, or the file is damaged.
    """
    from scipy.io import loadmat

    try:
        return loadmat(path, variable_names=[name])[name]
    except KeyError:
        raise ValueError(f"path: expected a matrix {name} in {path}, got none") from None
    except Exception as error:  # scipy raises what it comes upon in a damaged file
        raise ValueError(f"path: expected a whole file, got a damaged {path} ({error})") from error
