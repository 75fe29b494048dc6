"""vaejax: variational autoencoders in JAX, from the beta-VAE to deep hierarchies.

    from vaejax import models, objectives, create_train_state, jit_step, make_train_step

Everything here is pure functions and flax modules; `python -m vaejax.main` is the command line, and
`vaejax.load(DIR)` is the trained model of a run. Each is imported when it is first asked for, so
that a command can answer before JAX is there.
"""

import importlib
from typing import TYPE_CHECKING, Any

from vaejax.version import __version__ as __version__

if TYPE_CHECKING:
    from vaejax import data as data
    from vaejax import distributions as distributions
    from vaejax import metrics as metrics
    from vaejax import models as models
    from vaejax import nn as nn
    from vaejax import objectives as objectives
    from vaejax import types as types
    from vaejax.runs.load import load as load
    from vaejax.training.devices import jit_step as jit_step
    from vaejax.training.devices import pmap_step as pmap_step
    from vaejax.training.devices import sharded_step as sharded_step
    from vaejax.training.many_models import make_sweep_step as make_sweep_step
    from vaejax.training.optimizers import make_optimizer as make_optimizer
    from vaejax.training.state import TrainState as TrainState
    from vaejax.training.state import create_train_state as create_train_state
    from vaejax.training.step import make_eval_step as make_eval_step
    from vaejax.training.step import make_train_step as make_train_step

# The same for the interpreter; `tests/test_imports.py` compares the two.
_ROOMS = ("data", "distributions", "metrics", "models", "nn", "objectives", "types")
_PLACES = {
    "TrainState": "training.state",
    "create_train_state": "training.state",
    "jit_step": "training.devices",
    "load": "runs.load",
    "make_eval_step": "training.step",
    "make_optimizer": "training.optimizers",
    "make_sweep_step": "training.many_models",
    "make_train_step": "training.step",
    "pmap_step": "training.devices",
    "sharded_step": "training.devices",
}


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"vaejax.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"vaejax.{_PLACES[name]}"), name)
    return globals().setdefault(name, found)


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_PLACES})
