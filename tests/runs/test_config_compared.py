"""Two configurations are the same if they mean the same."""

import copy
import importlib.util
import pathlib

import pytest

from vaejax.runs.config import run_config
from vaejax.runs.config_compared import first_difference, with_defaults
from vaejax.runs.config_values import as_json

FILES = sorted((pathlib.Path(__file__).resolve().parents[2] / "configs").glob("[a-z]*.py"))
FILES = [path for path in FILES if path.stem != "own"]  # which depends on data


def config_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return as_json(module.get_config())


def without(config, section, key):
    shorter = copy.deepcopy(config)
    del shorter[section][key]
    return shorter


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_option_that_an_older_run_lacks_has_its_default(path):
    """Every option of every configuration: left out, it is its default, and no other value."""
    config = config_of(path)
    whole = with_defaults(config)
    assert with_defaults(whole) == whole
    assert first_difference(config, whole, {}) is None
    at_default = 0
    for section in config:
        for key in whole[section]:
            older = without(whole, section, key)
            default = with_defaults(older)[section].get(key)
            same = whole[section][key] == default
            assert (first_difference(older, whole, {}) is None) == same
            at_default += same
    assert at_default > 15


BASE = {
    "data": {"name": "dsprites"},
    "model": {"name": "ConvVAE", "likelihood": "gaussian"},
    "objective": {
        "name": "factor_vae",
        "gamma": 6.0,
    },
    "optimizer": {
        "name": "adam",
        "learning_rate": {
            "name": "linear_schedule",
            "init_value": 0.0,
            "end_value": 1.0,
            "transition_steps": 10,
        },
        "players": {"discriminator": {"name": "sgd", "learning_rate": 0.1}},
    },
    "eval": {"bound": {}},
}


def changed(**changes):
    config = copy.deepcopy(BASE)
    for key, value in changes.items():
        *path, name = key.split("__")
        section = config
        for part in path:
            section = section[part]
        section[name] = value
    return as_json(run_config(**config))


@pytest.mark.parametrize(
    "same",
    [
        {"model__likelihood": {"name": "gaussian"}},
        {"model__likelihood": {"name": "gaussian", "scale": 1.0, "symmetric": False}},
        {"optimizer__learning_rate__transition_begin": 0},
        {"optimizer__players__discriminator__momentum": None},
        {"optimizer__players__discriminator__clip_norm": None},
        {"optimizer__b1": 0.9},
        {"train": {"num_microbatches": 1, "skip_factor": None}},
        {"eval__bound__split": "test"},
        {"objective__gamma": 6},
    ],
)
def test_the_same_said_otherwise(same):
    assert first_difference(changed(), changed(**same), {}) is None


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({"model__likelihood": {"name": "gaussian", "scale": 2.0}}, "config.model.likelihood"),
        ({"optimizer__learning_rate__transition_begin": 1}, "config.optimizer.learning_rate"),
        ({"optimizer__players__discriminator__momentum": 0.9}, "config.optimizer.players"),
        ({"optimizer__b1": 0.5}, "config.optimizer.b1"),
        ({"train": {"num_microbatches": 2}}, "config.train.num_microbatches"),
        ({"eval__bound__split": "train"}, "config.eval.bound"),
        ({"objective__gamma": 7.0}, "config.objective.gamma"),
        ({"data__coloured": True}, "config.data.coloured"),
    ],
)
def test_another_is_told_by_its_first_key(other, key):
    assert first_difference(changed(), changed(**other), {})[0] == key


def test_what_is_free_is_not_compared():
    other = changed(train={"num_steps": 3}, eval__bound__split="train")
    assert first_difference(changed(), other, {"eval": set(), "train": {"num_steps"}}) is None
    assert first_difference(changed(), other, {"eval": set()}) == (
        "config.train.num_steps", 10_000, 3,
    )  # fmt: skip
