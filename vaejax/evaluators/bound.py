"""The objective's own numbers, averaged over a split."""

import functools

from jax.sharding import Mesh

from vaejax.evaluators.averages import averaged
from vaejax.evaluators.context import Context, Evaluator
from vaejax.steps import EvalStep, make_eval_step, sharded_step
from vaejax.types import Objective


def bound(
    context: Context,
    *,
    split: str = "test",
    batch_size: int = 256,
    num_examples: int | None = None,
) -> Evaluator:
    """The objective's metrics (ELBO, KL, ...) averaged over a split, every example once.

    Args:
        context: of the run.
        split: name of a split of the data set.
        batch_size: images per batch over all devices.
        num_examples: how many examples to use, always the same random ones; None uses all.

    Returns:
        An evaluator that yields the objective's metrics under their names, and `num_examples`. Of
        `elbo`, `elbo_bpd`, `log_px` and `kl` it also yields, with `_low` and `_high`, a 95 %
        interval for the expected value over fresh images, noise of the codes included.
    """
    step = _eval_step(context.objective, context.mesh)
    return averaged(context, step, split=split, batch_size=batch_size, num_examples=num_examples)


@functools.lru_cache(maxsize=8)
def _eval_step(objective: Objective, mesh: Mesh) -> EvalStep:
    """The step, compiled once for all runs that share an objective (the models of a sweep)."""
    return sharded_step(make_eval_step(objective), mesh, donate=False)
