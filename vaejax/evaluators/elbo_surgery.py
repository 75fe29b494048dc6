"""The bound taken apart, in the four ways of the ELBO surgery.

    ELBO = log p(x) - KL(q(z | x) || p(z | x))                    evidence minus posterior gap
         = E_q log p(x, z) + H(q(z | x))                          negative energy plus entropy
         = E_q log p(x | z) - KL(q(z | x) || p(z))                term by term
         = E_q log p(x | z) - I(n; z) - KL(q(z) || p(z))          on average over n = 1 .. N

Reference: Hoffman & Johnson, ELBO surgery, 2016.
"""

from collections.abc import Iterator
from typing import Any, cast

from vaejax import metrics
from vaejax.core.checks import check_counts
from vaejax.evaluators.chain import check_gaussian
from vaejax.evaluators.context import Context, Evaluator, with_units
from vaejax.evaluators.draws import Readings, drawing
from vaejax.evaluators.importance_weighted import importance_weighted
from vaejax.objectives.bound import nats
from vaejax.training.state import TrainState

WHO = "elbo_surgery"
EVIDENCE = ("log_likelihood", "log_likelihood_low", "log_likelihood_high")
READINGS = ("elbo", "log_px", "kl", "negative_energy", "entropy")
PARTS = ("mutual_information", "marginal_kl", "total_correlation", "dimension_wise_kl", "gap")
WITH_SE = (*READINGS, *PARTS)
IN_NATS = (
    *WITH_SE, *(f"{name}_se" for name in WITH_SE), "log_n", "log_likelihood", "posterior_gap"
)  # fmt: skip


def elbo_surgery(
    context: Context,
    *,
    split: str = "test",
    num_examples: int | None = 10_000,
    num_samples: int = 2,
    importance_samples: int | None = 100,
    batch_size: int = 256,
) -> Evaluator:
    """Where the KL goes: information about the image, correlation of the latents, and the rest.

    q(z) is the mixture of the posteriors of all N images, which costs N^2 S densities per latent:
    seconds for 10,000 images and ten latents on two cores. What I(n; z) can be is at most log N.

    Of a hierarchy q(z | x) q(y | z) it is I(n; y, z) = I(n; z), exactly, and the rest is the KL of
    the joint aggregate. Where further groups look at the image too, as in NVAE, the KL that is
    taken apart is that of the top group, `kl/0`, and so are its parts, `mutual_information/0`, ...

    Args:
        context: of the run; its objective has the views `noise`, `encode` and `log_weight`.
        split: name of a split of the data set.
        num_examples: N, how many examples to use, always the same random ones; None uses all.
        num_samples: S >= 2, codes drawn per image.
        importance_samples: per image, for log p(x); None leaves out the posterior gap.
        batch_size: images per batch over all devices.

    Returns:
        An evaluator that yields, in nats per image, `elbo`, `log_px`, `kl`, `negative_energy` and
        `entropy`; `mutual_information` and `marginal_kl`; where the prior's coordinates are
        independent, `total_correlation` and `dimension_wise_kl`, the parts of the latter; `gap`,
        the KL less its parts, which is chance; and of each, with `_se`, the standard error that the
        draws leave. `log_n`; `log_likelihood` with its interval over images, see
        `importance_weighted`, and `posterior_gap`; `num_samples` and `num_examples`. It raises a
        ValueError where no group looks at the image alone, or one does that is neither the top nor
        all that the others look at.
    """
    given: dict[str, Any] = {"split": split, "num_examples": num_examples, "batch_size": batch_size}
    if importance_samples is not None:
        check_counts(importance_samples=(importance_samples, 1))
    draws = drawing(context, WHO, num_samples=num_samples, readings=True, **given)
    check_gaussian(context, WHO, split)
    evidence = None
    if importance_samples is not None:
        chunk = min(10, importance_samples)
        evidence = importance_weighted(
            context, num_samples=importance_samples, chunk=chunk, **given
        )

    def evaluate(state: TrainState) -> Iterator[tuple[str, Any]]:
        chain, drawn = draws.draw(state)
        if drawn.draws is None:
            raise ValueError(
                f"{WHO}: expected a group of latents that looks at the image alone, and is the top "
                "group or all that the others look at, got none"
            )
        kl, readings = drawn.kl.sum(-1), cast(Readings, drawn.readings)
        terms = {"elbo": readings.log_px - kl, "kl": kl, **readings._asdict()}
        for name, values in terms.items():
            yield from zip((name, f"{name}_se"), metrics.drawn_mean(values), strict=True)
        one_prior = not chain.whole or drawn.kl.shape[-1] == 1
        parts = metrics.elbo_surgery(
            drawn.draws, factorised=one_prior and drawn.kl_dims[0] is not None
        )
        told = ("kl", "kl_se") if chain.whole else ()
        for name, value in parts.items():
            if name not in told:
                yield name if chain.whole else f"{name}/0", value
        if evidence is not None:
            found = dict(evidence(state))
            yield from ((name, found[name]) for name in EVIDENCE)
            yield "posterior_gap", found["log_likelihood"] - found["elbo"]
        yield "num_samples", num_samples
        yield "num_examples", draws.num_images

    return with_units(evaluate, dict(nats(*IN_NATS)))
