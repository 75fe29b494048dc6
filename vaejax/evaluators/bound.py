"""The objective's own numbers, averaged over a split."""

from vaejax.evaluators.averages import averaged
from vaejax.evaluators.context import Context, Evaluator
from vaejax.steps import make_eval_step, sharded_step


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
        An evaluator that yields the objective's metrics under their names, and `num_examples`.
    """
    step = sharded_step(make_eval_step(context.objective), context.mesh, donate=False)
    return averaged(context, step, split=split, batch_size=batch_size, num_examples=num_examples)
