"""Scores of representations: functions of codes [N, D] and ground-truth factors [N, F].

Each returns `Scores`, a dict of numbers (and of the arrays behind them), whose `record` says by
which conventions they were computed and what they leave out; those that sample take a key `rng`.
None is ever NaN: input for which a score is not defined is refused, with the column and the reason.
Arrays at hand are scored by NumPy and a few compiled loops. The codes of many models at once, of
equal shape, may be traced:

    jax.vmap(lambda codes: mig(codes, factors))(codes_of_models)  # [M, N, D] -> {"mig": [M], ...}

and for `beta_vae_score` and `factor_vae_score` the keys too. The factors' values must be at hand.
Not to be traced are `infomec`, whose neighbours are found on the host, and `dci` with trees; `udr`
takes several models as it is.
And of models: `importance_weighted`, the log-likelihood from weights of posterior samples, and
`elbo_surgery`, where the KL goes, from `Draws` of the posteriors.
`METRICS` holds, for evaluations, what each metric of a table of codes is to be given, as `Metric`s.
How sure one can be of a mean, a score or a median: `mean_interval`, `halves_interval`,
`median_interval`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaejax.metrics._public import *  # noqa: F403


def __getattr__(name: str) -> Any:
    """A public name; JAX comes with the first, so that a command can answer without it."""
    public = {} if name.startswith("_") else vars(importlib.import_module("vaejax.metrics._public"))
    if name not in public:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return public[name]


def __dir__() -> list[str]:
    public = importlib.import_module("vaejax.metrics._public")
    return [name for name in vars(public) if not name.startswith("_")]
