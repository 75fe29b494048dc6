"""What experiments share as commands: sizes and their folders, mistakes in one line, results."""

import json
from argparse import Namespace
from pathlib import Path

import pytest

from experiments import (
    blog_celeba,
    command,
    future_plans,
    lecture_disentanglement,
    select_beta,
    thesis_frey,
)
from vaejax import sweep
from vaejax.runs.config import ConfigError
from vaejax.sweep import Member
from vaejax.sweep.members import DIVERGED_FILE

SIZES = ("published", "laptop", "smoke")


def parse(*arguments):
    return command.parser("An experiment.", SIZES).parse_args(["--workdir=here", *arguments])


@pytest.mark.parametrize(
    ("flags", "size", "runs"),
    [
        ([], "published", "here/runs"),
        (["--laptop"], "laptop", "here/runs_laptop"),
        (["--smoke"], "smoke", "here/runs_smoke"),
    ],
)
def test_a_flag_chooses_the_size_and_its_folder(flags, size, runs):
    args = parse(*flags)
    assert args.size == size
    assert command.runs_of(args) == Path(runs)


def test_a_command_has_one_size(capsys):
    with pytest.raises(SystemExit):
        parse("--laptop", "--smoke")
    assert "not allowed with" in capsys.readouterr().err


def test_a_folder_that_is_none_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for text in ("", " ", str(tmp_path / "file")):
        with pytest.raises(SystemExit):
            parse(f"--workdir={text}")
        assert "--workdir: expected a folder, got " in capsys.readouterr().err


def test_experiments_keep_their_own_flags():
    blog = blog_celeba.parse(["--workdir=here", "--data_dir=there", "--num_steps=9", "--smoke"])
    assert (blog.data_dir, blog.num_steps, blog.size) == (Path("there"), 9, "smoke")
    thesis = thesis_frey.parse(["--workdir=here", "--faces=f", "--digits=d", "--strategy=vmap"])
    assert (thesis.faces, thesis.digits, thesis.strategy) == (Path("f"), Path("d"), "vmap")
    chosen = select_beta.parse(["--workdir=here", "--laptop", "--betas=1,2", "--num_labels=5"])
    size = select_beta.size_of(chosen)
    assert (size.variant, size.betas, size.num_labels) == ("laptop", [1.0, 2.0], [5])
    assert size.latent_sizes == select_beta.SIZES["laptop"].latent_sizes


@pytest.fixture
def untouched(monkeypatch):
    """The settings of this process stay as they are."""
    monkeypatch.setattr(command.program, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(command.program, "keep_compiled_programs", lambda: None)


def test_a_command_says_what_it_cost(untouched, capsys):
    command.carry_out(lambda args: print(args.workdir), Namespace(workdir="runs/this"))
    _, first, last = capsys.readouterr().out.splitlines()  # before it, what JAX sees
    assert first == "runs/this" and last.startswith("runs/this: 0 s, ")


def test_a_mistake_is_one_line(untouched):
    def mistaken(args):
        raise ConfigError("config.data: expected better")

    with pytest.raises(SystemExit, match=r"^error: config\.data: expected better$"):
        command.carry_out(mistaken, Namespace(workdir="runs"))


@pytest.mark.parametrize("experiment", [thesis_frey, future_plans, lecture_disentanglement])
def test_a_missing_matplotlib_is_told_before_anything_is_trained(
    experiment, untouched, monkeypatch, tmp_path
):
    def train(*args, **kwargs):
        raise AssertionError("it trains")

    monkeypatch.setattr(sweep, "train_members", train)
    monkeypatch.setattr("experiments.style.can_draw", lambda: False)
    args = Namespace(workdir=tmp_path, size="smoke", strategy=None, faces=None, digits=None)
    with pytest.raises(SystemExit, match=r"^error: matplotlib: .*pip install 'vaejax\[plots\]'$"):
        command.carry_out(experiment.run, args)


def test_results_have_null_for_what_is_not_finite(tmp_path):
    command.write_results({"lost": 0.5, "low": float("nan"), "of": {5: [float("inf")]}}, tmp_path)
    results = json.loads((tmp_path / "results.json").read_text())
    assert results == {"lost": 0.5, "low": None, "of": {"5": [None]}}


def test_diverged_members_are_told_by_their_folders(tmp_path):
    members = [Member({}, seed, None, tmp_path / "runs" / f"seed={seed}") for seed in range(2)]
    members[1].workdir.mkdir(parents=True)
    (members[1].workdir / DIVERGED_FILE).write_text("{}")
    assert command.diverged(members, tmp_path) == ["runs/seed=1"]
