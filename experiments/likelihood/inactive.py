"""What the inactive units of a run carry: the NLL without them, in the paper nothing.

Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, section 5.2.
"""

from typing import Any, NamedTuple

import numpy as np

from vaejax import evaluators
from vaejax.models.pruning import without_units
from vaejax.runs.modes import restored
from vaejax.sweep import Member

SAMPLES = 200  # of either NLL: their difference is that of the same noise


class Inactive(NamedTuple):
    """What was found in the latest checkpoint of a run.

    Attributes:
        active: numbers of active units, top group first.
        removed: how many units are not active.
        nats: by how much the NLL of the test images rises when these are removed; None where there
            are none.
    """

    active: tuple[int, ...]
    removed: int
    nats: float | None


def inactive(member: Member) -> Inactive:
    """The inactive units of a finished run of a `DenseHierarchy`, counted and removed.

    Active units are those of the run's evaluation `active_units`. The images are those that its
    evaluation `importance_weighted` takes, and so is the noise of as many samples as there are.
    """
    run, state = restored(member.config, member.workdir)
    units = dict(run.evaluators["train/active_units"](state))
    groups = range(len(run.model.latent_shapes))
    active = tuple(units[f"active_units/{g}"] for g in groups)
    gone = [_least(units[f"code_variances/{g}"], active[g]) for g in groups]
    removed = sum(int(some.sum()) for some in gone)
    if not removed:
        return Inactive(active, 0, None)
    settings = dict(member.config.eval.importance_weighted)
    settings["num_samples"] = min(SAMPLES, settings["num_samples"])
    evaluate = evaluators.importance_weighted(run.context, **settings)

    def nll(params: Any) -> float:
        scores = evaluate(state._replace(ema_params={**state.ema_params, "model": params}))
        return -dict(scores)["log_likelihood"]

    whole = state.ema_params["model"]
    without = without_units(whole, gone, [units[f"code_means/{g}"] for g in groups])
    return Inactive(active, removed, nll(without) - nll(whole))


def _least(variances: np.ndarray, num_active: int) -> np.ndarray:
    """Which units have the least variances, [D] bool: all but so many."""
    gone = np.zeros(len(variances), bool)
    gone[np.argsort(variances)[: len(variances) - num_active]] = True
    return gone
