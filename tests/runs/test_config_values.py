"""What a configuration is given as, and what it holds."""

import json
import pathlib
from collections import OrderedDict

import jax
import jax.numpy as jnp
import ml_collections
import ml_dtypes
import numpy as np
import pytest
from ml_collections import config_dict

from vaejax import data, objectives
from vaejax.data import Splits
from vaejax.models import ConvVAE
from vaejax.runs.config import ConfigError, build, run_config
from vaejax.runs.config_values import as_json, plain
from vaejax.types import Objective


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (np.float32(0.1), 0.1),
        (np.float16(0.1), 0.1),
        (np.float64(0.1), 0.1),
        (ml_dtypes.bfloat16(0.5), 0.5),
        (np.float32(np.inf), float("inf")),
        (np.int64(3), 3),
        (np.uint8(3), 3),
        (np.bool_(True), True),
        (np.array(2.5), 2.5),
        (np.array(2, np.int16), 2),
        (np.str_("sum"), "sum"),
        (np.arange(3), (0, 1, 2)),
        (np.eye(2, dtype=np.float32), ((1.0, 0.0), (0.0, 1.0))),
        ((np.int32(1), [np.float32(2.0)]), (1, [2.0])),
        ({"a": {"b": np.int8(1)}}, {"a": {"b": 1}}),
        (OrderedDict(a=1), {"a": 1}),
        (ml_collections.ConfigDict({"a": {"b": np.int8(1)}}), {"a": {"b": 1}}),
        (pathlib.Path("data/x.npy"), "data/x.npy"),
        (None, None),
        ("text", "text"),
    ],
)
def test_a_value_is_held_as_python_has_it(given, held):
    found = plain("config.x", given)
    assert found == held and type(found) is type(held)
    assert json.loads(json.dumps(found)) == json.loads(json.dumps(held))


@pytest.mark.parametrize("dtype", [np.float32, np.int32, jnp.bfloat16, bool])
def test_a_number_of_jax_is_held_as_python_has_it(dtype):
    found = plain("config.x", jnp.asarray(1, dtype))
    assert found == 1 and type(found) in (int, float, bool)


def test_a_traced_number_stays_one():
    def held(x):
        return plain("config.objective.beta", {"beta": x})["beta"]

    assert jax.vmap(held)(jnp.arange(3)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.nan, "config.objective.beta: expected a number, got nan"),
        (np.float32("nan"), "config.objective.beta: expected a number, got nan"),
        (1j, "config.objective.beta: expected .*got 1j of type complex"),
        (np.complex64(1j), "config.objective.beta: expected a number"),
        (np.datetime64("2020"), "config.objective.beta: expected a number"),
        (jax.random.key(0), "config.objective.beta: expected a number, got Array"),
        (np.array([None]), "config.objective.beta: expected a number"),
        (b"x", "config.objective.beta: expected .*of type bytes"),
        ({1, 2}, "config.objective.beta: expected .*of type set"),
        (lambda step: 1.0, "config.objective.beta: expected .*of type function"),
        (object(), "config.objective.beta: expected .*of type object"),
        ({1: 0.5}, "config.objective.beta: expected text as keys, got 1"),
        ({"name": {"a": [1, {2}]}}, "config.objective.beta.name.a: expected .*of type set"),
    ],
)
def test_what_it_cannot_hold_is_refused_by_its_key(given, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        run_config(objective={"name": "elbo", "beta": given})
    config = ml_collections.ConfigDict({"objective": {"name": "elbo"}}, allow_dotted_keys=True)
    config.objective.beta = given if not isinstance(given, dict) else 0.0
    if not isinstance(given, dict):  # of which ConfigDict makes its own, with opinions on keys
        with pytest.raises(ConfigError, match=f"^{message}"):
            as_json(config)


def test_a_value_left_to_be_filled_in_is_told_by_its_key():
    config = ml_collections.ConfigDict(
        {"data": {"path": config_dict.required_placeholder(str), "key": None}}
    )
    with pytest.raises(ConfigError, match=r"^config\.data\.path: expected a value, got none$"):
        as_json(config)
    config.data.path = "x"
    assert as_json(config) == {"data": {"path": "x", "key": None}}


def test_a_configuration_of_numpy_is_the_one_of_python(bar_images):
    python = {"name": "capacity", "gamma": 4.0, "num_steps": 10, "signed": True}
    numpy = {
        "name": np.str_("capacity"),
        "gamma": np.float32(4),
        "num_steps": np.int64(10),
        "signed": np.bool_(True),
    }
    ours, theirs = run_config(objective=python), run_config(objective=numpy)
    assert as_json(ours) == as_json(theirs)
    theirs.objective.gamma = 0.5  # which has the type of a float
    model = ConvVAE((8, 8, 1), 2, "burda")
    build("config.objective", objectives, numpy, model, returns=Objective)
    section = {"name": "array", "path": bar_images}
    assert len(build("config.data", data, section, returns=Splits)["train"]) == 90
