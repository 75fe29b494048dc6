"""What experiments share as commands: one of three sizes, and mistakes in one line."""

from argparse import Namespace

import pytest

from experiments import command
from vaejax.config import ConfigError

SIZES = {"published": "whole", "laptop": "short", "smoke": "tiny"}


def parse(*arguments):
    return command.parse("An experiment.", **SIZES, arguments=["--workdir=runs", *arguments])


@pytest.mark.parametrize(
    ("flags", "size"), [([], "whole"), (["--laptop"], "short"), (["--smoke"], "tiny")]
)
def test_a_flag_chooses_the_size(flags, size):
    assert parse(*flags).size == size


def test_a_command_has_one_size(capsys):
    with pytest.raises(SystemExit):
        parse("--laptop", "--smoke")
    assert "not allowed with" in capsys.readouterr().err


@pytest.fixture
def untouched(monkeypatch):
    """The settings of this process stay as they are."""
    monkeypatch.setattr(command.program, "keep_freed_memory", lambda: None)
    monkeypatch.setattr(command.program, "keep_compiled_programs", lambda: None)


def test_a_command_says_what_it_cost(untouched, capsys):
    command.carry_out(lambda args: print(args.workdir), Namespace(workdir="runs/this"))
    first, last = capsys.readouterr().out.splitlines()
    assert first == "runs/this" and last.startswith("runs/this: 0 s, ")


def test_a_mistake_is_one_line(untouched):
    def mistaken(args):
        raise ConfigError("config.data: expected better")

    with pytest.raises(SystemExit, match=r"^error: config\.data: expected better$"):
        command.carry_out(mistaken, Namespace(workdir="runs"))
