"""From the folder of a run to its trained model, with or without its data."""

import os
import warnings
from collections.abc import Collection
from pathlib import Path

import ml_collections

from vaejax import data
from vaejax.data.transforms import transformed
from vaejax.runs import config as configuration
from vaejax.runs import kept_config
from vaejax.runs.config import ConfigError
from vaejax.runs.handle import TrainedModel
from vaejax.runs.kept_data import DATA_FILE, check_same_data, fingerprint
from vaejax.runs.modes import Which, state_in
from vaejax.runs.sealed import read_sealed
from vaejax.runs.setup import build


def load(
    workdir: str | os.PathLike[str],
    *,
    checkpoint: Which = "latest",
    allowed: Collection[str] = (),
) -> TrainedModel:
    """The trained model of the run in a folder, ready to be asked.

        model = vaejax.load("runs/quickstart")
        codes = model.encode(images)[0].z  # [N, D], of images [N, H, W, C]

    The data of the run need not be there, unless they were standardised; what looks at them then
    says so.

    Args:
        workdir: of the run.
        checkpoint: `"latest"`, or `"best"` by the run's best metric.
        allowed: names `package.module:attribute` that may be imported: whatever the configuration
            names that is not vaejax's. A folder that somebody sent is no way to run code.

    Raises:
        ConfigError: (a ValueError) there is no run or no checkpoint in the folder, or it names
            code that is not allowed.
    """
    folder = Path(workdir).expanduser()
    if not kept_config.holds_config(folder):
        raise ConfigError(f"workdir: expected a folder that holds a run, got {folder}")
    return trained_model(kept_config.get_config(str(folder), allowed=allowed), folder, checkpoint)


def trained_model(
    config: ml_collections.ConfigDict, workdir: Path, which: Which = "latest"
) -> TrainedModel:
    """The trained model of a configuration and of a checkpoint in the folder of its run.

    Raises:
        ConfigError: there is none, or it is of another configuration.
    """
    configuration.check_sections(config)
    try:
        splits = configuration.build("config.data", data, config.data, returns=data.Splits)
        check_same_data(workdir, fingerprint(config.data.name, splits))
    except ConfigError as error:
        splits = _unseen(config, workdir, error)
        reason = str(error).splitlines()[0]  # the others are advice on how to prepare a data set
        warnings.warn(f"the run's data are not used: {reason}", stacklevel=3)
    run = build(config, for_sampling=True, splits=splits)
    return TrainedModel(run, state_in(run, config, workdir, which), config)


def _unseen(
    config: ml_collections.ConfigDict, workdir: Path, error: ConfigError
) -> dict[str, data.Source]:
    """What is known of a run's data without them.

    Raises:
        ConfigError: `error`, where that is not enough.
    """
    section, kept = config.data, read_sealed(workdir / DATA_FILE)
    shape = config.model.get("image_shape")
    found = kept["splits"] if kept else {config.train.get("split", "train"): {"shape": shape}}
    if section.get("standardize") or not all(split["shape"] for split in found.values()):
        raise error  # nobody else knows the mean image
    num_labels = config.model.get("num_labels")
    splits = {
        name: data.Unseen(tuple(split["shape"]), num_labels, split.get("number"))
        for name, split in found.items()
    }
    return dict(
        transformed(
            {"train": next(iter(splits.values())), **splits},
            binarize=section.get("binarize"),
            bits=section.get("bits", 8),
        )
    )
