"""The configuration of a run survives what may happen to its file."""

import json
import re
import shutil
from typing import Any, NamedTuple

import jax.numpy as jnp
import ml_collections
import numpy as np
import pytest

from vaejax import data
from vaejax.runs import catalogue, kept_config
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError, run_config
from vaejax.runs.config_defaults import type_hints
from vaejax.runs.config_lookup import part_of
from vaejax.runs.config_values import as_json


class State(NamedTuple):
    step: Any
    params: Any


# By key, a value other than its default.
OTHERS = {"reduction": "mean", "preset": "burda", "balance": True, "flip": True}


def a_config(**train):
    return run_config(
        data={"name": "array", "path": "images.npy"},
        model={"name": "ConvVAE", "latent_size": 2},
        objective={"name": "elbo", "beta": 4.0},
        optimizer={"name": "adam", "learning_rate": 1e-3},
        train={"num_steps": 12, "seed": 7, **train},
        eval={"bound": {"batch_size": 8}},
    )


def save(workdir, step, config=None):
    about = {} if config is None else {"config": as_json(config)}
    checkpoints = Checkpoints(workdir / "checkpoints", about=about)
    checkpoints.save(State(jnp.int32(step), {"w": jnp.ones(3)}))
    checkpoints.close()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of a run with two checkpoints."""
    workdir = tmp_path_factory.mktemp("saved")
    kept_config.keep_config(workdir, a_config())
    for step in (4, 8):
        save(workdir, step, a_config())
    return workdir


@pytest.fixture
def workdir(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "run")


@pytest.fixture
def config_json(workdir):
    return workdir / "config.json"


def test_what_is_kept_is_what_was_given(workdir, config_json):
    assert json.loads(config_json.read_text()) == as_json(a_config())
    again = kept_config.get_config(str(workdir))
    assert as_json(again) == as_json(a_config()) and again.is_locked
    kept_config.check_same_run(workdir, a_config())


DAMAGE = {
    "lost": lambda text: None,
    "empty": lambda text: "",
    "cut": lambda text: text[:40],
    "a list": lambda text: "[]",
    "nested too deeply": lambda text: "[" * 100_000,
    "no sections": lambda text: '{"data": 3}',
    "players of text": lambda text: text.replace('"l2": 0.0', '"l2": 0.0, "players": "x"'),
    "an evaluation that is none": lambda text: json.dumps(
        {**json.loads(text), "eval": {"bound": 3}}
    ),
    "a model of Python's own": lambda text: text.replace("ConvVAE", "builtins:max"),
    "a name of numbers": lambda text: text.replace('"name": "adam"', '"name": [1]'),
    "an evaluation of text": lambda text: text.replace('"batch_size": 8', '"batch_size": "8"'),
    "not UTF-8": lambda text: "\udcff" + text,
    "an objective lost": lambda text: json.dumps(
        {k: v for k, v in json.loads(text).items() if k != "objective"}
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_lost_or_damaged_file_is_written_again(workdir, config_json, capsys, kind):
    before = config_json.read_bytes()
    text = DAMAGE[kind](before.decode())
    config_json.unlink()
    if text is not None:
        config_json.write_bytes(text.encode(errors="surrogateescape"))
    assert kept_config.holds_config(workdir)
    kept_config.check_same_run(workdir, a_config())
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1 and said[0].startswith(f"{config_json}: ")
    assert said[0].endswith("; written again from the checkpoint of step 8")
    assert config_json.read_bytes() == before
    assert as_json(kept_config.get_config(str(workdir))) == as_json(a_config())
    assert capsys.readouterr().out == ""


def test_every_flipped_digit_is_found_and_not_used(workdir, config_json, capsys):
    text = config_json.read_text()
    places = [match.start() for match in re.finditer(r"\d", text)]
    assert len(places) > 20
    for place in places:
        digit = (int(text[place]) + 1) % 10
        config_json.write_text(f"{text[:place]}{digit}{text[place + 1 :]}")
        assert as_json(kept_config.get_config(str(workdir))) == as_json(a_config())
        assert "; written again from the checkpoint of step 8" in capsys.readouterr().out
        assert config_json.read_text() == text


def test_the_line_names_what_was_altered(workdir, config_json, capsys):
    config_json.write_text(config_json.read_text().replace('"beta": 4.0', '"beta": 5.0'))
    kept_config.check_same_run(workdir, a_config())
    assert "config.objective.beta is 5.0 there, and was 4.0 when it was kept" in (
        capsys.readouterr().out
    )


def test_what_was_changed_rightly_is_no_damage(workdir, config_json, capsys):
    """A run is made longer, and killed before it saves again; then its file is lost."""
    kept_config.keep_config(workdir, a_config(num_steps=20))
    assert kept_config.get_config(str(workdir)).train.num_steps == 20
    assert capsys.readouterr().out == ""
    config_json.unlink()
    assert kept_config.get_config(str(workdir)).train.num_steps == 20


def test_a_checkpoint_with_a_damaged_record_is_not_asked(workdir, config_json):
    (record,) = (workdir / "checkpoints" / "8" / "record").glob("*.json")
    record.write_text(record.read_text().replace('"seed": 7', '"seed": 8'))
    config_json.unlink()
    assert kept_config.get_config(str(workdir)).train.seed == 7


def test_damaged_notes_are_no_notes(workdir, config_json):
    kept_config.keep_config(workdir, a_config(num_steps=20))
    (workdir / "checkpoints" / "8" / "notes.json").write_text("{")
    config_json.unlink()
    assert kept_config.get_config(str(workdir)).train.num_steps == 12


@pytest.mark.parametrize("kind", ["empty", "cut", "a list", "nested too deeply", "not UTF-8"])
def test_without_a_checkpoint_that_knows_it_a_damaged_file_is_told(tmp_path, kind):
    kept_config.keep_config(tmp_path, a_config())
    path = tmp_path / "config.json"
    path.write_bytes(DAMAGE[kind](path.read_text()).encode(errors="surrogateescape"))
    save(tmp_path, 4)  # of a version that kept no configuration there
    message = "config.json: expected the configuration of the run, but it is damaged .*--config"
    with pytest.raises(ConfigError, match=message):
        kept_config.check_same_run(tmp_path, a_config())


def test_a_run_of_an_older_version_whose_file_is_lost_is_what_it_is_said_to_be(tmp_path, capsys):
    save(tmp_path, 4)
    assert not kept_config.holds_config(tmp_path)
    kept_config.check_same_run(tmp_path, a_config())
    assert "config.json: not there, nor in a checkpoint" in capsys.readouterr().out
    kept_config.keep_config(tmp_path, a_config())
    (tmp_path / "config.json").unlink()
    kept_config.check_same_run(tmp_path, a_config())
    with pytest.raises(ConfigError, match="config.train.seed: expected 7, as in the run"):
        kept_config.check_same_run(tmp_path, a_config(seed=8))


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("train", "num_microbatches"),
        ("train", "skip_factor"),
        ("objective", "balance"),
        ("objective", "reduction"),
        ("optimizer", "l2"),
        ("optimizer", "clip_norm"),
        ("data", "flip"),
        ("model", "preset"),
    ],
)
def test_a_run_of_an_older_version_lacks_an_option(tmp_path, section, key):
    """In its file, in a checkpoint, or in both."""
    older = as_json(a_config())
    del older[section][key]
    for in_file, in_checkpoint in ((True, False), (False, True), (True, True)):
        workdir = tmp_path / f"{in_file}{in_checkpoint}"
        workdir.mkdir()
        text = json.dumps(older if in_file else as_json(a_config()))
        (workdir / "config.json").write_text(text)
        save(workdir, 4, ml_collections.ConfigDict(older) if in_checkpoint else a_config())
        kept_config.check_same_run(workdir, a_config())
        assert not kept_config.has_other_evaluations(workdir, a_config())
        assert (workdir / "config.json").read_text() == text
    other = a_config()
    with other.unlocked():
        other[section][key] = OTHERS.get(key, 3)
    with pytest.raises(ConfigError, match=rf"^config\.{section}\.{key}: expected "):
        kept_config.check_same_run(workdir, other)


def test_other_evaluations_are_seen(workdir):
    other = a_config()
    other.eval.bound.batch_size = 16
    kept_config.check_same_run(workdir, other)
    assert kept_config.has_other_evaluations(workdir, other)


def test_numbers_of_numpy_are_kept_as_numbers(tmp_path):
    config = a_config()
    with config.unlocked():
        config.objective.beta = np.float64(4.0)
        config.train.update({"seed": 7})
        config.model.widths = (np.int64(3), np.float32(0.1))
    kept_config.keep_config(tmp_path, config)
    assert json.loads((tmp_path / "config.json").read_text())["model"]["widths"] == [3, 0.1]
    kept_config.check_same_run(tmp_path, config)
    config = a_config()
    with config.unlocked():
        config.model.widths = {3}
    with pytest.raises(ConfigError, match="^config.model.widths: expected"):
        kept_config.keep_config(tmp_path, config)


def test_the_number_of_examples_that_runs_once_had_to_give_may_be_left_out(tmp_path):
    config = a_config()
    config.objective = {"name": "beta_tcvae", "beta": 6.0, "num_examples": 90}
    kept_config.keep_config(tmp_path, config)
    del config.objective.num_examples
    kept_config.check_same_run(tmp_path, config)
    config.objective.beta = 7.0
    with pytest.raises(ConfigError, match=r"config\.objective\.beta: expected 6\.0"):
        kept_config.check_same_run(tmp_path, config)


CODE = {
    "a model": ("model", {"name": "spy:run"}),
    "a part of a part": ("model", {"prior": {"name": "x", "of": [{"name": "spy:run"}]}}),
    "a part of data": ("data", {"factors": {"name": "spy:run"}}),
    "an evaluation": ("eval", {"x": {"name": "spy:run"}}),
    "an evaluation's key": ("eval", {"spy:run": {}}),
    "a key and its value": ("eval", {"spy:run": "allowed:run"}),
    "a score's key": ("eval", {"disentanglement": {"scores": {"spy:run": {}}}}),
    "a player's key": ("optimizer", {"players": {"spy:run": {"name": "adam"}}}),
}


@pytest.mark.parametrize("kind", CODE)
def test_no_place_of_a_file_names_code_to_run(tmp_path, monkeypatch, kind):
    """In the folder at hand lies a module that would run when it is imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "spy.py").write_text("raise AssertionError('it ran')\ndef run(): ...\n")
    section, values = CODE[kind]
    crafted = as_json(a_config())
    crafted[section] |= values
    (tmp_path / "config.json").write_text(json.dumps(crafted))
    with pytest.raises(ConfigError, match=r"names code that is not vaejax's, 'spy:run'"):
        kept_config.get_config(str(tmp_path), allowed={"allowed:run"})


def test_a_file_with_a_key_is_no_code(tmp_path):
    """A run with the documented `OTHER.npz:KEY` could not be resumed by its folder alone."""
    config = a_config()
    with config.unlocked():
        config.data.factors = "other.npz:factors"
    kept_config.keep_config(tmp_path, config)
    assert kept_config.get_config(str(tmp_path)).data.factors == "other.npz:factors"


def test_a_file_with_a_key_hides_no_code(tmp_path):
    """The same text where code belongs, before and after."""
    for sections in (("data", "objective"), ("objective", "data")):
        crafted = as_json(a_config())
        crafted["data"]["factors"] = crafted["objective"]["name"] = "spy.npz:run"
        ordered = {name: crafted[name] for name in sections}
        (tmp_path / "config.json").write_text(json.dumps({**ordered, **crafted}))
        with pytest.raises(ConfigError, match=r"^config.objective.name: .* names code"):
            kept_config.get_config(str(tmp_path))
    crafted = as_json(a_config())
    crafted["data"] |= {"name": "spy.npz:run", "path": "x.npy"}
    (tmp_path / "config.json").write_text(json.dumps(crafted))
    with pytest.raises(ConfigError, match=r"^config.data.name: .* names code"):
        kept_config.get_config(str(tmp_path))


def test_no_data_set_of_the_library_takes_code():
    """For then its files could not be told from code."""
    for name in catalogue.names_of("data sets"):
        assert not any(map(part_of, type_hints(getattr(data, name)).values()))


@pytest.mark.parametrize(
    "sections",
    [
        {"variant": {"a": 1}, "variants": {"a": {"train.seed": 8}}},
        {"eval": {"os.path": {}}},
        {"training": {}},
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path, sections):
    (tmp_path / "config.json").write_text(json.dumps({**as_json(a_config()), **sections}))
    with pytest.raises(ConfigError):
        kept_config.get_config(str(tmp_path))


def test_what_a_checkpoint_holds_may_be_no_configuration(tmp_path):
    kept_config.keep_config(tmp_path, a_config())
    checkpoints = Checkpoints(tmp_path / "checkpoints", about={"config": "x"})
    checkpoints.save(State(jnp.int32(4), {"w": jnp.ones(3)}))
    checkpoints.close()
    kept_config.check_same_run(tmp_path, a_config())
    (tmp_path / "config.json").unlink()
    assert not kept_config.holds_config(tmp_path)
