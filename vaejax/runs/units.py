"""Units of metrics: what an objective or an evaluator says of its own; what is not said has none.

A run keeps them beside its numbers, `units.json`: `{"train": {"elbo": "nats/image"}, ...}`.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from vaejax.core.files import write_whole

UNITS_FILE = "units.json"
INTERVAL = ("_low", "_high")  # endings of a metric's 95 % interval
_BY_ENDING = {"_bpd": "bits/dim", "_per_dim": "nats/dim", "_per_second": "/s"}

Units = Mapping[str, str]
"""By name of the metric; a name before a slash, `kl`, counts for its parts too, `kl/3`."""


def unit(name: str, units: Units) -> str:
    """The unit of a metric; "" for a plain number, and where none is known."""
    for end in INTERVAL:  # it has the unit of what it is of
        name = name.removesuffix(end)
    for known in (name, name.partition("/")[0]):
        if known in units:
            return units[known]
    return next((text for end, text in _BY_ENDING.items() if name.endswith(end)), "")


def write_units(workdir: Path, units: Mapping[str, Units]) -> None:
    """Keep the units of a run, by split."""
    whole = {split: dict(some) for split, some in units.items()}
    write_whole(workdir / UNITS_FILE, json.dumps(whole, indent=2) + "\n")


def read_units(workdir: Path) -> Mapping[str, Units]:
    """The units that a run keeps, by split; none where the file is not there, or damaged."""
    try:
        found = json.loads((workdir / UNITS_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {split: some for split, some in found.items() if isinstance(some, dict)}
