"""TensorBoard events through tensorboardX."""

import functools
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from vaejax.runs.sinks.sink import About, finite

FOLDER = "tensorboard"  # in the folder of a run


class TensorBoard:
    """The events of one run, written through tensorboardX once there are any.

    Args:
        about: the run.
    """

    def __init__(self, about: About):
        self._folder = about.workdir / FOLDER
        # TensorBoard hides older events from this step on.
        self._purge_step = about.step + 1 if about.step else 0

    @functools.cached_property
    def _events(self) -> Any:
        return _tensorboardX().SummaryWriter(str(self._folder), purge_step=self._purge_step)

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """As `Sink.metrics`; vectors are histograms."""
        for name, value in finite(values).items():
            if value.ndim:
                self._events.add_histogram(f"{split}/{name}", value.astype(np.float32), step)
            else:
                self._events.add_scalar(f"{split}/{name}", float(value), step)
        if rate is not None:
            self._events.add_scalar(f"{split}/images_per_second", rate, step)

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """As `Sink.image`."""
        self._events.add_image(name, picture, step, dataformats="HWC")

    def close(self) -> None:
        """As `Sink.close`."""
        if "_events" in vars(self):
            self._events.close()


def _tensorboardX() -> ModuleType:
    """The module, imported without torch.

    It imports torch where that is installed, 1.5 s and 190 MiB, to name a type in annotations.
    """
    if "torch" in sys.modules:
        import tensorboardX

        return tensorboardX
    # What an import takes for "not installed".
    sys.modules["torch"] = None  # type: ignore[assignment]  # typeshed knows modules only
    try:
        import tensorboardX
    finally:
        sys.modules.pop("torch", None)
    return tensorboardX
