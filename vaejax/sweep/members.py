"""The members of a sweep: one ordinary run for every point of a grid and every seed."""

import functools
import itertools
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ml_collections

from vaejax.runs.checkpoint_record import is_evaluated, steps_in
from vaejax.runs.config import ConfigError
from vaejax.runs.config_text import pieces_of, written
from vaejax.runs.config_values import plain
from vaejax.runs.evaluation_file import read_evaluation
from vaejax.runs.kept_config import CHECKPOINTS
from vaejax.runs.metric_lines import METRICS_FILE, damage, read_lines
from vaejax.runs.overrides import overridden

SEED = "train.seed"
DIVERGED_FILE = "diverged.json"  # beside the run's other files: at which step, and of what


class Member(NamedTuple):
    """One run of a sweep.

    Attributes:
        point: the swept values by key, `{"objective.beta": 4.0}`; the same for all its seeds.
        seed: of the run.
        config: of the run, whole.
        workdir: of the run, as `vaejax.main` knows it.
    """

    point: Mapping[str, Any]
    seed: int
    config: ml_collections.ConfigDict
    workdir: Path

    @property
    def diverged(self) -> bool:
        """Whether training ended in a loss or a gradient that is not finite."""
        return (self.workdir / DIVERGED_FILE).exists()

    @property
    def step(self) -> int:
        """The step of the latest checkpoint, 0 where there is none."""
        return max(steps_in(self.workdir / CHECKPOINTS), default=0)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train, or to evaluate."""
        if self.diverged:
            return True
        done = self.step >= self.config.train.num_steps
        return done and is_evaluated(self.workdir / CHECKPOINTS, self.step)

    def last_metrics(self) -> dict[str, dict[str, Any]]:
        """What is known of the run's end, by split: `{"test/bound": {"elbo": ..., "kl/0": [...]}}`.

        That is what it logged last, and what `vaejax.main --mode=evaluate` found since of its last
        checkpoint. A number that was not finite is None.
        """
        path = self.workdir / METRICS_FILE
        lines, num_damaged = read_lines(path)
        if num_damaged:
            print(damage(path, num_damaged))
        found = {values.pop("split"): values for values in lines if "split" in values}
        for split, values in read_evaluation(self.workdir, self.step).items():
            found[split] = {**found.get(split, {}), **values}
        return found


def grid(values: Mapping[str, Iterable[Any]]) -> list[dict[str, Any]]:
    """The cartesian product, `{"objective.beta": [1, 4], ...}` -> `[{"objective.beta": 1, ...}]`.

    The last key varies fastest.
    """
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]


def make_members(
    config: ml_collections.ConfigDict,
    points: Sequence[Mapping[str, Any]],
    *,
    seeds: Iterable[int],
    workdir: str | Path,
) -> list[Member]:
    """A member for every point and seed, in `workdir/beta=4.0,latent_size=2/seed=0`.

    Args:
        config: what the points change.
        points: dotted keys of the configuration and their values, as `grid` makes them.
        seeds: of each point.
        workdir: of the sweep.

    Raises:
        ConfigError: a key that nothing in the configuration takes, a value that it cannot take, or
            a point that is there twice.
    """
    members = []
    for point, seed in itertools.product(points, list(seeds)):
        if SEED in point:
            raise ConfigError(f"config.{SEED}: expected among the seeds, got it swept")
        said = [(f"config.{k}", written(plain(f"config.{k}", v))) for k, v in point.items()]
        changed = overridden(config, [*said, (f"config.{SEED}", str(seed))])
        # As the configuration holds them: 1 is 1.0 where it has a float.
        held = {key: value_of(changed, key) for key in point}
        folder = Path(workdir) / _folder_name(held) / f"seed={seed}"
        members.append(Member(held, seed, changed, folder))
    if len({member.workdir for member in members}) < len(members):
        raise ConfigError("sweep: expected every point and every seed once, got some of them twice")
    return members


def value_of(config: ml_collections.ConfigDict, key: str) -> Any:
    """The value of a configuration at a dotted key that it spells out."""
    return functools.reduce(operator.getitem, key.split("."), config)


def values_of(config: ml_collections.ConfigDict, text: str) -> tuple[str, list[Any]]:
    """`objective.beta=1,4` as the key and its values: any key, as a command line can set it.

    A value that holds commas stands in brackets, `model.widths=(32,64),(16,16)`.

    Raises:
        ConfigError: there is no such key, or it takes no such value.
    """
    key, _, listed = text.partition("=")
    if "." not in key or not pieces_of(listed):
        raise ConfigError(f"--sweep: expected KEY=VALUE,VALUE with a key in a section, got {text}")
    said = [[(f"config.{key}", value)] for value in pieces_of(listed)]
    return key, [value_of(overridden(config, one), key) for one in said]


def _folder_name(point: Mapping[str, Any]) -> str:
    """`beta=4.0,latent_size=2`: whole keys where their last parts alone would not tell."""
    names = [key.split(".")[-1] for key in point]
    if len(set(names)) < len(names):
        names = list(point)
    parts = [f"{name}={value}" for name, value in zip(names, point.values(), strict=True)]
    return re.sub(r"[^\w.,=+-]+", "_", ",".join(parts))
