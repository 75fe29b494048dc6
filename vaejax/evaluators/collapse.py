"""Posterior collapse of a model as numbers: which latents and groups carry nothing."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from vaejax import metrics
from vaejax.evaluators.active_units import scores_of
from vaejax.evaluators.context import Context, Evaluator, with_units
from vaejax.evaluators.draws import drawing
from vaejax.objectives.bound import nats
from vaejax.training.state import TrainState

WHO = "collapse"


def collapse(
    context: Context,
    *,
    split: str = "test",
    num_examples: int | None = 2_000,
    num_samples: int = 2,
    batch_size: int = 256,
) -> Evaluator:
    """What each group of latents carries, and how much of it is information about the image.

    `python -m vaejax.main --workdir=DIR --mode=collapse` says it of any run in one sentence.

    Args:
        context: of the run; its objective has the views `noise` and `encode`.
        split: name of a split of the data set.
        num_examples: N, how many examples to use, always the same random ones; None uses all.
        num_samples: S >= 2, codes drawn per image.
        batch_size: images per batch over all devices.

    Returns:
        An evaluator that yields for each group, top first, `kl/<group>` (nats per image),
        `kl_dims/<group>` [D] where the KL comes apart by latent, and of a group of vectors
        `active_units/<group>`, those whose posterior mean varies by more than 0.01 over images
        (Burda et al., 2016; given draws of the groups it looks at); `dead_groups` and
        `unused_latents`, the numbers of those that carry less than 0.01 nats; where something
        looks at the image alone `mutual_information` or, of the top group only,
        `mutual_information/0`, see `elbo_surgery`, at most `log_n`; and `num_examples`.
    """
    draws = drawing(
        context,
        WHO,
        split=split,
        batch_size=batch_size,
        num_examples=num_examples,
        num_samples=num_samples,
    )

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        chain, drawn = draws.draw(state)
        kl = drawn.kl.mean((0, 1), dtype=np.float64)  # [G]
        dims = [
            None if some is None else some.mean((0, 1), dtype=np.float64) for some in drawn.kl_dims
        ]
        for group, (total, of_latents, means) in enumerate(zip(kl, dims, drawn.means, strict=True)):
            yield f"kl/{group}", total
            if of_latents is not None:
                yield f"kl_dims/{group}", of_latents
            if means is not None:
                flat = means.reshape(-1, means.shape[-1])  # draws above vary as well as images
                yield f"active_units/{group}", int(scores_of(flat)["active_units"])
        found = metrics.collapse(kl, dims)
        yield "dead_groups", len(found.dead_groups)
        yield "unused_latents", sum(found.num_unused)
        if drawn.draws is not None:
            parts = metrics.elbo_surgery(drawn.draws, factorised=False)
            ending = "" if chain.whole else "/0"
            yield f"mutual_information{ending}", parts["mutual_information"]
            yield "log_n", parts["log_n"]
        yield "num_examples", draws.num_images

    return with_units(evaluate, dict(nats("kl", "kl_dims", "mutual_information", "log_n")))
