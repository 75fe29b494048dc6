"""Scores of a state, of which some fail."""

import types

import numpy as np
import pytest

from vaejax.runs.scores import scores_of

STATE = types.SimpleNamespace(step=np.int32(8))


def whole(state):
    yield "elbo", np.float32(-3.0)
    yield "num_examples", 5


def broken(state):
    yield "mig", 0.5
    raise ValueError("sap: cannot be had\nat all")


def test_what_was_yielded_before_an_error_is_kept(tmp_path):
    said, failed = [], []
    evaluators = {"bound": whole, "disentanglement": broken, "last": whole}
    found = scores_of(evaluators, STATE, tmp_path, said.append, failed=failed)
    assert found == {
        "bound": {"elbo": -3.0, "num_examples": 5},
        "disentanglement": {"mig": 0.5},
        "last": {"elbo": -3.0, "num_examples": 5},
    }
    assert failed == ["disentanglement"]
    (line,) = said
    assert line.startswith("disentanglement of step 8: ValueError: sap: cannot be had; traceback")


def test_some_errors_pass(tmp_path):
    with pytest.raises(ValueError, match="sap"):
        scores_of({"x": broken}, STATE, tmp_path, print, unless=(ValueError,))
