"""Numbers as functions of the step, for learning rates, beta, ...: optax's, and published ones.

optax's take any arguments, and make a constant of a transition of no steps; here these are refused.

References:
    Vahdat & Kautz, NVAE, 2020, appendix A and the official training script.
    Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, section 5.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

from vaejax.core.checks import check_number, is_traced
from vaejax.types import Schedule

POSITIVE = (lambda x: x > 0, "a number > 0")
NOT_NEGATIVE = (lambda x: x >= 0, "a number >= 0")
# Arguments of optax's schedules of which more is asked than of values and delays.
_RULES = dict.fromkeys(
    ("transition_steps", "decay_steps", "decay_rate", "power", "exponent"), POSITIVE
)


def _checked(schedule: Callable[..., Any]) -> Callable[..., Schedule]:
    """A schedule of optax that refuses numbers which are none, infinite or negative."""
    signature = inspect.signature(schedule)

    @functools.wraps(schedule)
    def make(*args: Any, **kwargs: Any) -> Schedule:
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            if value is not None and not isinstance(value, bool):
                check_number(name, value, *_RULES.get(name, NOT_NEGATIVE))
        return schedule(*args, **kwargs)

    make.__annotations__ = {**make.__annotations__, "return": Schedule}
    return make


constant_schedule = _checked(optax.constant_schedule)
cosine_decay_schedule = _checked(optax.cosine_decay_schedule)
exponential_decay = _checked(optax.exponential_decay)
linear_schedule = _checked(optax.linear_schedule)
polynomial_schedule = _checked(optax.polynomial_schedule)
_warmup_cosine = _checked(optax.warmup_cosine_decay_schedule)


def warmup_cosine_decay_schedule(
    init_value: float,
    peak_value: float,
    warmup_steps: int,
    decay_steps: int,
    end_value: float = 0.0,
    exponent: float = 1.0,
) -> Schedule:
    """optax's: linear to `peak_value`, then a cosine to `end_value` at `decay_steps` in all."""
    if not is_traced(warmup_steps, decay_steps):
        check_number("warmup_steps", warmup_steps, *NOT_NEGATIVE)
        expected = f"a number > warmup_steps = {warmup_steps}"
        check_number("decay_steps", decay_steps, lambda x: x > warmup_steps, expected)
    return _warmup_cosine(init_value, peak_value, warmup_steps, decay_steps, end_value, exponent)


def piecewise_constant_schedule(
    init_value: float, boundaries_and_scales: Mapping[int | str, float] | None = None
) -> Schedule:
    """optax's: `init_value`, multiplied at each boundary by its scale.

    Args:
        init_value: before the first boundary.
        boundaries_and_scales: `{step: scale}`; steps may be text, as the keys of a configuration.
    """
    check_number("init_value", init_value, *NOT_NEGATIVE)
    scales = {}
    for boundary, scale in (boundaries_and_scales or {}).items():
        if not (isinstance(boundary, int) or boundary.isdecimal()) or int(boundary) < 1:
            raise ValueError(f"boundaries_and_scales: expected steps >= 1, got {boundary!r}")
        check_number("boundaries_and_scales", scale, *NOT_NEGATIVE)
        scales[int(boundary)] = scale
    return optax.piecewise_constant_schedule(init_value, scales)


def warm_up(*, num_steps: float, delay: float = 0.0, minimum: float = 1e-4) -> Schedule:
    """From `minimum` to 1, linearly over `num_steps` after a `delay`: (t - delay) / num_steps.

    NVAE's beta takes 30 % of a run for `num_steps` and 0.01 % of it for `delay`.

    Args:
        num_steps: over which it rises.
        delay: steps before it begins to.
        minimum: in [0, 1], what it is until then.
    """
    check_number("num_steps", num_steps, *POSITIVE)
    check_number("delay", delay, *NOT_NEGATIVE)
    check_number("minimum", minimum, lambda x: 0 <= x <= 1, "a number in [0, 1]")
    return lambda step: jnp.clip((step - delay) / num_steps, minimum, 1.0)


def annealed_with(*, share: Schedule, initial: float, final: float) -> Schedule:
    """From `initial` to `final` in equal ratios while `share` goes from 0 to 1.

    Args:
        share: a schedule of the way that is done.
        initial: value where the share is 0.
        final: value where the share is 1.
    """
    for name, value in (("initial", initial), ("final", final)):
        check_number(name, value, *POSITIVE)
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

    Args:
        peak: learning rate at the top.
        num_epochs: of the whole run.
        steps_per_epoch: optimiser steps that pass over the data once.
        warmup_epochs: over which it rises.
        minimum: learning rate of the last epoch.
    """
    check_number("peak", peak, *POSITIVE)
    check_number("steps_per_epoch", steps_per_epoch, lambda x: x >= 1, "at least 1")
    check_number("warmup_epochs", warmup_epochs, *NOT_NEGATIVE)
    check_number("minimum", minimum, *NOT_NEGATIVE)
    least = warmup_epochs + 2
    expected = f"at least warmup_epochs + 2 = {least}"
    check_number("num_epochs", num_epochs, lambda x: x >= least, expected)
    num_falls = num_epochs - warmup_epochs - 1
    num_warmup = warmup_epochs * steps_per_epoch
    reached = peak * (num_warmup - 1) / num_warmup if num_warmup else peak

    def schedule(step):
        falls = jnp.clip(step // steps_per_epoch - warmup_epochs, 0, num_falls)
        cosine = 0.5 * (1.0 + jnp.cos(jnp.pi * falls / num_falls))
        falling = minimum + (reached - minimum) * cosine
        return jnp.where(step < num_warmup, peak * step / max(num_warmup, 1), falling)

    return schedule


def iwae_learning_rate(*, steps_per_epoch: int) -> Schedule:
    """From 1e-3 to 1e-4 in eight stages, stage i = 1, ..., 8 of 3^(i-1) epochs, 3,280 in all.

    At stage i the rate is 1e-4 times 10^(1 - (i-1) / 7), rounded to one decimal.

    Args:
        steps_per_epoch: of the training images, or how many steps the first stage is to have.
    """
    check_number("steps_per_epoch", steps_per_epoch, lambda x: x >= 1, "at least 1")
    stages = np.arange(8)
    rates = 1e-4 * np.round(10.0 ** (1.0 - stages / 7), 1)
    ends = np.cumsum(3 ** stages[:-1])  # epochs; the last stage has none
    return lambda step: jnp.asarray(rates)[(step >= steps_per_epoch * ends).sum()]
