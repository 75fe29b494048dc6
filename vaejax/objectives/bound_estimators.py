"""The importance-weighted bound with the gradient of an estimator; see `estimators`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.objectives import baselines
from vaejax.objectives.estimators import Gradient
from vaejax.objectives.passes import Pass
from vaejax.objectives.sampling import Sampling, averageable
from vaejax.objectives.second_look import Look, codes_of, score, with_scaled_gradient
from vaejax.types import Array, ModelState, VAEOutput


class BoundEstimate(NamedTuple):
    """A step's bound.

    Attributes:
        bound: log 1/K sum_k w_k, [B], nats, with the gradient of an estimator.
        log_square: log 1/K sum_k w_k^2, [B].
        output: averaged over the draws; no gradient flows through it.
        state: after the step.
    """

    bound: Array
    log_square: Array
    output: VAEOutput
    state: ModelState


Estimator = Callable[[Array, VAEOutput], tuple[Array, Array]]
"""From a draw's number and output to its log w and what is added to the bound of K draws for it, a
zero with a gradient; both [B]."""


def _reparameterised(look: Look) -> Estimator:
    del look
    return lambda _, output: (output.log_weight, jnp.zeros_like(output.log_px))


def _sticking_the_landing(look: Look) -> Estimator:
    def of_draw(_, output: VAEOutput) -> tuple[Array, Array]:
        log_w = look.at_draws(codes_of(output)).log_weight
        return log_w, jnp.zeros_like(log_w)

    return of_draw


def _doubly_reparameterised(look: Look) -> Estimator:
    weights = jax.nn.softmax(look.sampling.log_weights(look.passing, look.params), axis=0)  # [K, B]

    def of_draw(sample: Array, output: VAEOutput) -> tuple[Array, Array]:
        # The bound's own gradient has one factor w_k, this is the other (Tucker et al., Eq. 7).
        codes = (with_scaled_gradient(z, weights[sample]) for z in codes_of(output))
        log_w = look.at_draws(tuple(codes)).log_weight
        return log_w, jnp.zeros_like(log_w)

    return of_draw


def _scored(look: Look, baseline: Callable[[Array], Array | float]) -> Estimator:
    """(L - b_k) d log q(z_k) of every draw; `baseline` makes b of the log-weights, [K, B]."""
    log_w = look.sampling.log_weights(look.passing, look.params)
    bound = jax.nn.logsumexp(log_w, axis=0) - jnp.log(look.sampling.num_samples)
    advantages = bound[None] - jnp.broadcast_to(baseline(log_w), log_w.shape)  # [K, B]

    def of_draw(sample: Array, output: VAEOutput) -> tuple[Array, Array]:
        again = look.at(jax.lax.stop_gradient(codes_of(output)))
        return again.log_weight, score(advantages[sample], again)

    return of_draw


def _score_function(look: Look) -> Estimator:
    return _scored(look, lambda log_w: 0.0)


def _leave_one_out(look: Look) -> Estimator:
    return _scored(look, baselines.bound_of_the_others)


def _moving_average(look: Look) -> Estimator:
    return _scored(look, lambda log_w: look.averages["iwae_bound"])


_ESTIMATORS = {
    "reparameterised": _reparameterised,
    "sticking_the_landing": _sticking_the_landing,
    "doubly_reparameterised": _doubly_reparameterised,
    "score_function": _score_function,
    "leave_one_out": _leave_one_out,
    "moving_average": _moving_average,
}
OF_THE_BOUND = tuple(_ESTIMATORS)


def bound_with(gradient: Gradient, sampling: Sampling) -> Callable[[Pass, Any], BoundEstimate]:
    """From a pass and the parameters of the model to the bound; a moving average is of the same."""

    def estimate(passing: Pass, params: Any) -> BoundEstimate:
        passing, history = baselines.taken_out(passing)
        look = Look(passing, params, sampling, baselines.averages(history))
        of_draw = (_ESTIMATORS[gradient] if passing.train else _reparameterised)(look)

        def of_output(sample: Array, output: VAEOutput):
            if not output.latents:
                raise ValueError("model: expected one with latents to draw, got one without")
            log_w, extra = of_draw(sample, output)
            return (log_w, 2.0 * log_w), (averageable(jax.lax.stop_gradient(output)), extra)

        (bound, log_square), (output, extra), state = sampling.averages(passing, params, of_output)
        bound += sampling.num_samples * extra
        moved = baselines.moved(history, {"iwae_bound": bound}, passing)
        return BoundEstimate(bound, log_square, output, {**state, **moved})

    return estimate
