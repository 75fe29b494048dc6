"""Codes and factors in a `.npz` file, of any framework or of `vaejax.main --mode=encode`.

codes (or z, means, mean_0)     [N, D]
factors                         [N, F] integers
factor_names                    [F] text, may be left out
log_vars (or scale_0)           [N, D], may be left out
kl_dims_0                       [N, D], may be left out
"""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

CODES = ("codes", "z", "means", "mean_0")
GROUP = "mean_"  # then the number of a latent group, as `--mode=encode` calls its means
EXPECTED = "expected an .npz file of codes and factors"


def read_codes(path: str, *, codes: str | None = None, factors: str = "factors") -> dict[str, Any]:
    """What `evaluate` takes, by the names of its arguments.

    Args:
        path: of the file.
        codes: name of the array of codes; None: the one of `CODES` that there is.
        factors: name of the array of factors.

    Raises:
        ValueError: there is no such file, or no such arrays in it.
    """
    try:
        loaded = np.load(Path(path).expanduser(), allow_pickle=False)
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: {EXPECTED} ({error})") from error
    if isinstance(loaded, np.ndarray):
        raise ValueError(f"{path}: {EXPECTED}, got a single array")
    with loaded as arrays:
        return _read(path, arrays, codes, factors)


def _read(
    path: str, arrays: Mapping[str, np.ndarray], codes: str | None, factors: str
) -> dict[str, Any]:
    there = list(arrays)
    chosen = _chosen(path, there) if codes is None else codes
    for flag, name in (("codes", chosen), ("factors", factors)):
        if name not in there:
            raise ValueError(
                f"{path}: expected an array {name!r}, got {there}; --{flag} says which it is"
            )
    read: dict[str, Any] = {"codes": arrays[chosen], "factors": arrays[factors]}
    group = chosen.removeprefix(GROUP) if chosen.startswith(GROUP) else None
    if "log_vars" in there:
        read["log_vars"] = arrays["log_vars"]
    elif f"scale_{group}" in there:
        read["log_vars"] = 2.0 * np.log(arrays[f"scale_{group}"])
    if f"kl_dims_{group}" in there:
        read["kls"] = arrays[f"kl_dims_{group}"]
    if "factor_names" in there:
        read["factor_names"] = _names(path, arrays)
    return read


def _chosen(path: str, there: Sequence[str]) -> str:
    """The name of the array of codes."""
    found = [name for name in there if name in CODES or name.startswith(GROUP)]
    if len(found) != 1:
        expected = f"expected one array of codes, called one of {list(CODES)}"
        raise ValueError(f"{path}: {expected}, got {found or there}; --codes says which it is")
    return found[0]


def _names(path: str, arrays: Mapping[str, np.ndarray]) -> list[str]:
    try:
        return [str(name) for name in np.atleast_1d(arrays["factor_names"])]
    except ValueError as error:  # pickled, as lists of objects are
        raise ValueError(
            f"{path}: expected factor_names as text, np.array(names, dtype=str) ({error})"
        ) from error
