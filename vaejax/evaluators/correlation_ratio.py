"""Which factor each latent stands for, as training goes on."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from vaejax import metrics
from vaejax.evaluators.context import Context, Evaluator, pick_split, some_examples
from vaejax.evaluators.tables import Tables
from vaejax.training.state import TrainState


def correlation_ratio(
    context: Context,
    *,
    split: str = "test",
    batch_size: int = 256,
    num_examples: int | None = 4_096,
) -> Evaluator:
    """The share of each posterior mean's variance over images that each factor explains.

    Args:
        context: of the run; its objective has the view `encode`, and its data ground-truth factors.
            Those held fixed have no share.
        split: name of a split of the data set.
        batch_size: images per batch over all devices.
        num_examples: how many examples to use, always the same random ones; None uses all.

    Returns:
        An evaluator that yields `correlation_ratio/<factor>` [D], and `num_examples`.
    """
    source = pick_split(context.splits, split)
    if not source.factor_names:
        raise ValueError("split: expected data with ground-truth factors, got none")
    if num_examples is not None:
        source = some_examples(source, num_examples)
    factors = source.factors(np.arange(len(source)))
    tables = Tables(context, [source], factors, batch_size, "correlation_ratio")
    varying = np.flatnonzero(factors.max(0) > factors.min(0))

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        codes = tables.of_model(state).means
        shares = metrics.correlation_ratio(codes, factors[:, varying])["correlation_ratio"]
        for column, share in zip(varying, shares.T, strict=True):
            yield f"correlation_ratio/{source.factor_names[column]}", share
        yield "num_examples", len(source)

    return evaluate
