"""Points, members, and the places of their runs."""

import json

import numpy as np
import pytest

from vaejax import sweep
from vaejax.runs.config import ConfigError


def test_grid_is_the_cartesian_product_in_order():
    assert sweep.grid({"a": [1, 2], "b": "xy"}) == [
        {"a": 1, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "x"},
        {"a": 2, "b": "y"},
    ]
    assert sweep.grid({}) == [{}]


def test_members_are_runs_with_configurations_of_their_own(tiny, tmp_path):
    config = tiny()
    points = sweep.grid({"objective.beta": [1, 4], "model.latent_size": [2, 3]})
    members = sweep.make_members(config, points, seeds=[5, 7], workdir=tmp_path)
    assert len(members) == 8
    last = members[-1]
    assert (last.config.objective.beta, last.config.model.latent_size) == (4.0, 3)
    assert last.config.train.seed == last.seed == 7
    assert last.workdir == tmp_path / "beta=4.0,latent_size=3" / "seed=7"
    assert last.point == {"objective.beta": 4.0, "model.latent_size": 3}
    assert config == tiny()  # left as it was


def test_folders_have_whole_keys_where_last_parts_agree(tiny, tmp_path):
    config = tiny(objective={"name": "dip_vae", "off_diagonal": 1.0})
    with config.unlocked():
        config.optimizer.players = {"model": {"name": "adam", "learning_rate": 1e-3}}
    keys = ("optimizer.learning_rate", "optimizer.players.model.learning_rate")
    points = sweep.grid({key: [0.5] for key in keys})
    (member,) = sweep.make_members(config, points, seeds=[0], workdir=tmp_path)
    assert member.workdir.parent.name == ",".join(f"{key}=0.5" for key in keys)


def test_without_a_point_there_are_only_seeds(tiny, tmp_path):
    members = sweep.make_members(tiny(), [{}], seeds=range(2), workdir=tmp_path)
    assert [m.workdir for m in members] == [tmp_path / "seed=0", tmp_path / "seed=1"]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([{"objective.bta": 1.0}], "config.objective.bta: unknown 'bta'; did you mean 'beta'"),
        ([{"objectiv.beta": 1.0}], "config.objectiv: unknown 'objectiv'; did you mean"),
        ([{"objective.beta.end": 1.0}], "config.objective.beta: expected no key below a value"),
        ([{"train.seed": 1}], "config.train.seed: expected among the seeds"),
        ([{"model.latent_size": 2.5}], "config.model.latent_size: "),
        ([{"objective.beta": 1.0}, {"objective.beta": 1}], "every point and every seed once"),
    ],
)
def test_impossible_points_are_refused(tiny, tmp_path, points, message):
    with pytest.raises(ConfigError, match=message):
        sweep.make_members(tiny(), points, seeds=[0], workdir=tmp_path)


def test_swept_numbers_may_be_numpys(tiny, tmp_path):
    points = sweep.grid({"objective.beta": np.float32([0.5, 4])})
    members = sweep.make_members(tiny(), points, seeds=np.arange(2), workdir=tmp_path)
    assert [m.point for m in members[::2]] == [{"objective.beta": 0.5}, {"objective.beta": 4.0}]
    assert members[0].workdir == tmp_path / "beta=0.5" / "seed=0"


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("objective.beta=1,4", "objective.beta", [1.0, 4.0]),
        ("optimizer.clip_norm=1,none", "optimizer.clip_norm", [1.0, None]),
        ("optimizer.b1=0.5,0.9", "optimizer.b1", [0.5, 0.9]),
        ("eval.bound.num_examples=5,10", "eval.bound.num_examples", [5, 10]),
        ("model.widths=(4,8),(16,)", "model.widths", [(4, 8), (16,)]),
        ("train.log=tensorboard", "train.log", ["tensorboard"]),
    ],
)  # fmt: skip
def test_every_key_of_a_command_line_can_be_swept(tiny, tmp_path, text, key, values):
    """Those that the file does not spell out were called unknown."""
    config = tiny()
    assert sweep.values_of(config, text) == (key, values)
    members = sweep.make_members(config, sweep.grid({key: values}), seeds=[0], workdir=tmp_path)
    assert [member.point for member in members] == [{key: value} for value in values]
    assert config == tiny()


def test_texts_that_are_no_values_are_refused(tiny):
    with pytest.raises(ConfigError, match="^config.objective.beta: expected .* got 'x'"):
        sweep.values_of(tiny(), "objective.beta=1,x")
    with pytest.raises(ConfigError, match="^--sweep: expected KEY=VALUE,VALUE"):
        sweep.values_of(tiny(), "objective.beta")
    with pytest.raises(ConfigError, match="^--sweep: expected KEY=VALUE,VALUE"):
        sweep.values_of(tiny(), "objective=elbo")


def test_progress_is_read_off_the_folder(tiny, tmp_path, capsys):
    (member,) = sweep.make_members(tiny(num_steps=8), [{}], seeds=[0], workdir=tmp_path)
    assert member.step == 0 and not member.finished
    for step in (4, 8):
        (member.workdir / "checkpoints" / str(step)).mkdir(parents=True)
        (member.workdir / "checkpoints" / "8.tmp-1").mkdir(exist_ok=True)  # not yet a checkpoint
        assert member.step == step
    assert member.finished and not member.diverged
    lines = [{"step": 4, "split": "train", "kl": 1.0}, {"step": 8, "split": "train", "kl": None}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (member.workdir / "metrics.jsonl").write_text(text)
    assert member.last_metrics() == {"train": {"step": 8, "kl": None}}
    with (member.workdir / "metrics.jsonl").open("ab") as file:
        file.write(b'\xff\n{"step": 9, "spl')
    assert member.last_metrics() == {"train": {"step": 8, "kl": None}}
    assert "metrics.jsonl: 2 damaged lines left out" in capsys.readouterr().out
