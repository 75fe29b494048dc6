"""vaejax: variational autoencoders in JAX, from the beta-VAE to deep hierarchies.

    from vaejax import models, objectives, create_train_state, jit_step, make_train_step

Everything here is pure functions and flax modules; `python -m vaejax.main` is the command line, and
`vaejax.load(DIR)` is the trained model of a run.
"""

from typing import TYPE_CHECKING, Any

from vaejax import data as data
from vaejax import distributions as distributions
from vaejax import metrics as metrics
from vaejax import models as models
from vaejax import nn as nn
from vaejax import objectives as objectives
from vaejax import types as types
from vaejax.training.devices import jit_step as jit_step
from vaejax.training.devices import pmap_step as pmap_step
from vaejax.training.devices import sharded_step as sharded_step
from vaejax.training.many_models import make_sweep_step as make_sweep_step
from vaejax.training.optimizers import make_optimizer as make_optimizer
from vaejax.training.state import TrainState as TrainState
from vaejax.training.state import create_train_state as create_train_state
from vaejax.training.step import make_eval_step as make_eval_step
from vaejax.training.step import make_train_step as make_train_step
from vaejax.version import __version__ as __version__

if TYPE_CHECKING:
    from vaejax.runs.load import load as load


def __getattr__(name: str) -> Any:
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from vaejax.runs.load import load  # brings orbax along, which takes a second to import

    return load
