"""Whether a run is beyond repair."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import TrainSettings
from vaejax.training.state import TrainState

MAX_SKIPPED = 100  # steps in a row: a run that has lost as many will not recover


def check_finite(
    state: TrainState, metrics: Mapping[str, Any], settings: TrainSettings, checkpoints: Checkpoints
) -> None:
    """Raise before a state that is beyond repair is evaluated or saved.

    Args:
        state: after a step.
        metrics: of the step: loss and gradient are those of the parameters before it.
        settings: of the run.
        checkpoints: of the run, for the message.

    Raises:
        FloatingPointError: loss, gradient or parameters are not finite, or too many steps in a row
            were skipped.
    """
    values = {name: float(metrics[name]) for name in ("loss", "grad_norm")}
    found = [f"{name} is {x}" for name, x in values.items() if not math.isfinite(x)]
    if settings.skip_factor is not None:
        in_a_row = int(state.guard.num_in_a_row)
        if in_a_row < min(MAX_SKIPPED, settings.num_steps):
            found = []
        else:
            found.insert(0, f"{in_a_row} steps in a row were skipped")
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state.params)):
        found.append("parameters are not finite")
    if found:
        raise FloatingPointError(
            f"{', '.join(found)} at step {int(state.step)}; the latest checkpoint is of step "
            f"{checkpoints.latest_step}. Try a smaller config.optimizer.learning_rate, or "
            "config.optimizer.clip_norm"
        )
