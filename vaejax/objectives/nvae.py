"""The training objective of NVAE: a balanced, warmed-up bound and two penalties on the network.

Reference: Vahdat & Kautz, NVAE, 2020, section 3.3 and appendix A.
"""

from typing import Any

from vaejax.core.checks import check_number
from vaejax.objectives.elbo import elbo
from vaejax.objectives.penalties import add_penalties, bn_scale, spectral
from vaejax.types import Objective, Schedule


def nvae(
    model: Any,
    *,
    beta: float | Schedule = 1.0,
    balance: bool = True,
    penalty: float | Schedule = 0.01,
) -> Objective:
    """`elbo(model)` plus `penalty` times the spectral and the batch-norm penalty.

    Args:
        model: a flax module returning `VAEOutput`, with a function `kernels` of its parameters that
            gives all convolution kernels as they are applied.
        beta: weight of the KL; a `warm_up` schedule in the paper.
        balance: as in `elbo`.
        penalty: lambda; `annealed_with` in the paper's largest models.
    """
    if not callable(getattr(model, "kernels", None)):
        raise ValueError(f"model: expected one with `kernels`, got {type(model).__name__}")
    if not callable(penalty):
        check_number("penalty", penalty, lambda x: x >= 0, "a number >= 0 or a schedule")
    return add_penalties(
        elbo(model, beta=beta, balance=balance),
        spectral(model.kernels, weight=penalty),
        bn_scale(weight=penalty),
    )
