"""The record that comes with numbers."""

import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax import metrics
from vaejax.metrics.scores import Scores, scores


def test_they_are_a_dict_with_a_record():
    found = scores({"a": np.float32(0.5), "b": np.zeros(2)}, num_bins=20)
    assert isinstance(found, dict) and found["a"] == 0.5 and isinstance(found["a"], float)
    assert found.record == {"num_bins": 20, "left_out": ()}
    assert "num_bins" in repr(found)
    copy = pickle.loads(pickle.dumps(found))
    assert copy["a"] == found["a"] and copy.record == found.record


def test_what_is_left_out_is_warned_of():
    with pytest.warns(UserWarning, match="^left out: factors: column 1; factors: column 2$"):
        found = scores({"a": 1.0}, left_out=("factors: column 1", "factors: column 2"))
    assert found.record["left_out"] == ("factors: column 1", "factors: column 2")


def test_mapped_models_share_the_record(perfect, grid):
    mapped = jax.vmap(lambda codes: metrics.mig(codes, grid))(jnp.stack([perfect] * 2))
    assert isinstance(mapped, Scores)
    assert mapped["mig"].shape == (2,)
    assert mapped.record == metrics.mig(perfect, grid).record
    doubled = jax.tree.map(lambda leaf: 2 * leaf, mapped)
    assert doubled.record == mapped.record
    np.testing.assert_array_equal(doubled["mig"], 2 * mapped["mig"])


def test_records_are_ready_for_json_and_name_the_conventions(perfect, grid, key):
    conventions = {
        "active_units": {"min_variance": 0.01},
        "beta_vae_score": {"classifier": "multinomial", "batch_size": 64},
        "dci": {"predictor": "lasso", "penalty": 0.01, "num_train": 720, "num_test": 360},
        "factor_vae_score": {"min_std": 0.05},
        "frobenius_distance": {"aggregate": "posterior"},
        "infomec": {"prune": "range", "min_share": 0.05, "num_points": 1080},
        "irs": {"num_bins": 20},
        "sap": {"continuous": False},
    }
    given = {
        "active_units": (perfect,),
        "frobenius_distance": (perfect, 0 * perfect),
        "irs": (perfect, grid),
    }
    extra = {"dci": {"predictor": "lasso"}}
    for name, expected in conventions.items():
        function = getattr(metrics, name)
        if name in given:
            record = function(*given[name]).record
        else:
            record = function(perfect, grid, rng=key, **extra.get(name, {})).record
        assert expected.items() <= record.items()
        assert json.loads(json.dumps(record))["left_out"] == []
