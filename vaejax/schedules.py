"""Numbers as functions of the step, for learning rates, beta, ...: optax's, and those of NVAE.

Reference: Vahdat & Kautz, NVAE, 2020, appendix A and the official training script.
"""

import jax.numpy as jnp
from optax import constant_schedule as constant_schedule
from optax import cosine_decay_schedule as cosine_decay_schedule
from optax import exponential_decay as exponential_decay
from optax import linear_schedule as linear_schedule
from optax import piecewise_constant_schedule as piecewise_constant_schedule
from optax import polynomial_schedule as polynomial_schedule
from optax import warmup_cosine_decay_schedule as warmup_cosine_decay_schedule

from vaejax.checks import check_number
from vaejax.types import Schedule


def warm_up(*, num_steps: float, delay: float = 0.0, minimum: float = 1e-4) -> Schedule:
    """From `minimum` to 1, linearly over `num_steps` after a `delay`: (t - delay) / num_steps.

    NVAE's beta takes 30 % of a run for `num_steps` and 0.01 % of it for `delay`.
    """
    check_number("num_steps", num_steps, lambda x: x > 0, "a number > 0")
    return lambda step: jnp.clip((step - delay) / num_steps, minimum, 1.0)


def annealed_with(*, share: Schedule, initial: float, final: float) -> Schedule:
    """From `initial` to `final` in equal ratios while `share` goes from 0 to 1."""
    for name, value in (("initial", initial), ("final", final)):
        check_number(name, value, lambda x: x > 0, "a number > 0")
    return lambda step: initial ** (1.0 - share(step)) * final ** share(step)


def nvae_learning_rate(
    *,
    peak: float,
    num_epochs: int,
    steps_per_epoch: int,
    warmup_epochs: int = 5,
    minimum: float = 1e-4,
) -> Schedule:
    """Linear warm-up from 0, then a cosine that falls epoch by epoch, as the official code runs it.

    With w warm-up steps the rate reaches peak (w - 1) / w, stays there for one more epoch, and
    falls from there to `minimum`, constant within an epoch.
    """
    num_falls = num_epochs - warmup_epochs - 1
    if num_falls < 1:
        raise ValueError(
            f"num_epochs: expected at least warmup_epochs + 2 = {warmup_epochs + 2}, "
            f"got {num_epochs}"
        )
    num_warmup = warmup_epochs * steps_per_epoch
    reached = peak * (num_warmup - 1) / num_warmup if num_warmup else peak

    def schedule(step):
        falls = jnp.clip(step // steps_per_epoch - warmup_epochs, 0, num_falls)
        cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * falls / num_falls))
        falling = minimum + (reached - minimum) * cosine
        return jnp.where(step < num_warmup, peak * step / max(num_warmup, 1), falling)

    return schedule
