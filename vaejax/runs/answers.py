"""What the command answers without JAX: its flags, our configurations, everything by name."""

import shutil
import textwrap
from collections.abc import Mapping

from absl import flags

from vaejax.runs import catalogue

NEEDS_DATA = "*"
MORE = """\
more:
  --help --config=NAME    every key of a configuration, its type, its value, what it means
  --mode=list             models, objectives, data sets, metrics, ... by name
  --mode=doctor           what JAX sees of this machine, and what is wrong with it"""


USED = {  # how a name of each kind is given
    "data sets": "--config.data=NAME:KEY=VALUE,...",
    "models": "--config.model=NAME",
    "likelihoods": "--config.model.likelihood=NAME",
    "posteriors": "--config.model.posterior=NAME",
    "priors": "--config.model.prior=NAME",
    "networks over pixels": "--config.model.autoregressive=NAME",
    "objectives": "--config.objective=NAME",
    "evaluators": "--config.eval.NAME.KEY=VALUE",
    "metrics": "--config.eval.disentanglement.scores=NAME,NAME",
}


def usage(text: str) -> str:
    """What `--help` says: usage, flags, our configurations, where to read on."""
    return "\n".join([text, "", "flags:", *_flags(), "", *_configurations(), "", MORE])


def everything() -> str:
    """What `--mode=list` says."""
    kinds = {kind: catalogue.names_of(kind) for kind in catalogue.PACKAGES}
    kinds["metrics"] = catalogue.metrics()
    told = _configurations()
    for kind, names in kinds.items():
        told += ["", f"{kind} ({USED[kind]})", *_table(names)]
    return "\n".join([*told, "", "your own, anywhere: package.module:attribute"])


def _configurations() -> list[str]:
    found = {f"{c.name}{NEEDS_DATA * c.needs_data}": c.about for c in catalogue.configurations()}
    head = f"configurations (--config=NAME; {NEEDS_DATA} needs files on disk)"
    return [head, *_table(found), "  each also small and quick: --config=NAME:smoke"]


def _flags() -> list[str]:
    """The lines of our flags, without those of libraries."""
    modules = flags.FLAGS.flags_by_module_dict()
    ours = [module for module in modules if not module.startswith(("absl.", "orbax."))]
    texts = [flags.FLAGS.module_help(module) for module in ours]
    return [line for text in texts for line in text.strip("\n").splitlines()[1:]]


def _table(lines: Mapping[str, str]) -> list[str]:
    """Names with a line each, cut to the width of the terminal."""
    width = shutil.get_terminal_size((100, 24)).columns
    room = max(map(len, lines), default=0) + 2
    return [
        f"  {name:{room}}{textwrap.shorten(text, max(width - room - 2, 40), placeholder=' ...')}"
        for name, text in lines.items()
    ]
