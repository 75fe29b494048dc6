"""Estimators of a bound's gradient with respect to the posterior, as a choice of the objective.

Every estimator has the values of the draws themselves and a gradient of its own. With phi for the
parameters of q alone, f for what is averaged and z for all codes of an image:

    reparameterised         d/dphi of f at z(phi, noise)
    sticking_the_landing    the same without d log q(z) / dphi at the z that was drawn; its mean is
                            zero in an ELBO, but not under the weights of K > 1 draws, whose bound
                            then has a biased gradient
    doubly_reparameterised  sum_k w_k^2 d log w_k / dz dz/dphi for normalised weights w_k: what is
                            left out is put back in its reparameterised form, without bias
    score_function          f d log q(z) / dphi, whether f has a gradient with respect to z or not
    leave_one_out           (f - b) d log q(z) / dphi, b made of the other draws of the image
    moving_average          the same, b an average over the steps before, in the model state

In an importance-weighted bound f is the bound, from which the score of draw k subtracts its weight
w_k as well: that is what the bound's own dependence on log q(z_k) adds.

The score weighs all that a term of the bound is worth, a KL in closed form like what is drawn:
without a baseline that is noisier than the score of log p(x | z) alone.

All but the first look at q twice: at draws, and again at their codes with some gradients stopped.
The parameters of p(x, z) have the gradient of f at the draws, whichever is chosen.

References:
    Kingma & Welling, Auto-Encoding Variational Bayes, 2014 (reparameterised).
    Roeder, Wu & Duvenaud, Sticking the landing, 2017.
    Tucker, Lawson, Gu & Maddison, Doubly reparameterized gradient estimators, 2019, Eq. 7.
    Ranganath, Gerrish & Blei, Black box variational inference, 2014 (score function).
    Mnih & Rezende, Variational inference for Monte Carlo objectives, 2016 (of several samples).
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from vaejax.objectives import baselines
from vaejax.objectives.passes import Estimate, Pass, one_draw
from vaejax.objectives.sampling import Sampling, averageable
from vaejax.objectives.second_look import Look, codes_of, gradient_of, score
from vaejax.types import Array, ModelState, VAEOutput

Gradient = Literal[
    "reparameterised",
    "sticking_the_landing",
    "doubly_reparameterised",
    "score_function",
    "leave_one_out",
    "moving_average",
]


def check_gradient(gradient: str, known: Sequence[str], model: Any, sampling: Sampling) -> None:
    """Raise ValueError unless a gradient is known, and possible for a model and that many draws."""
    if gradient not in known:
        raise ValueError(f"gradient: expected one of {tuple(known)}, got {gradient!r}")
    if gradient != "reparameterised" and not getattr(model, "posterior_parts", ()):
        raise ValueError(
            f"gradient: expected 'reparameterised' for {type(model).__name__}, whose posterior has "
            f"no parameters of its own (posterior_parts), got {gradient!r}"
        )
    if gradient == "leave_one_out" and sampling.num_samples < 2:
        raise ValueError("num_samples: expected at least 2, to leave one out, got 1")


class Terms(NamedTuple):
    """What an ELBO is made of, [B]: log p(x | z), and the KL of every group."""

    log_px: Array
    kls: tuple[Array, ...]

    @classmethod
    def of(cls, output: VAEOutput) -> "Terms":
        """The terms of an output."""
        return cls(output.log_px, tuple(latent.kl for latent in output.latents))

    def put_into(self, output: VAEOutput) -> VAEOutput:
        """An output with these terms."""
        pairs = zip(output.latents, self.kls, strict=True)
        latents = tuple(latent._replace(kl=kl) for latent, kl in pairs)
        return output._replace(log_px=self.log_px, latents=latents)


Change = Callable[[VAEOutput], VAEOutput]
"""From the output of a draw to one with the same values and another gradient."""


def _reparameterised(look: Look) -> Change:
    del look
    return lambda output: output


def _sticking_the_landing(look: Look) -> Change:
    def change(output: VAEOutput) -> VAEOutput:
        seen = look.at_draws(codes_of(output)).latents
        kls = tuple(  # the gradient of log q - log p, whether there is a closed form or not
            jax.lax.stop_gradient(drawn.kl) + gradient_of(again.log_q - again.log_p)
            for drawn, again in zip(output.latents, seen, strict=True)
        )
        return Terms(output.log_px, kls).put_into(output)

    return change


def _scored(look: Look, advantages: Callable[[Terms], Terms]) -> Change:
    """Every term by its advantage, what it is beyond a baseline, times the score."""

    def change(output: VAEOutput) -> VAEOutput:
        again = look.at(jax.lax.stop_gradient(codes_of(output)))
        terms = Terms.of(again)
        scores = jax.tree.map(lambda weight: score(weight, again), advantages(terms))
        return jax.tree.map(jnp.add, terms, scores).put_into(again)

    return change


def _score_function(look: Look) -> Change:
    return _scored(look, lambda terms: terms)


def _leave_one_out(look: Look) -> Change:
    params = jax.lax.stop_gradient(look.params)
    _, output, _ = look.sampling.averages(
        look.passing, params, lambda _, output: ((), averageable(output))
    )
    means, count = Terms.of(output), look.sampling.num_samples

    def advantages(terms: Terms) -> Terms:  # f_k - mean_{j != k} f_j
        return jax.tree.map(lambda f, mean: count / (count - 1) * (f - mean), terms, means)

    return _scored(look, advantages)


def _moving_average(look: Look) -> Change:
    log_px, kl = look.averages["log_px"], look.averages["kl"]

    def advantages(terms: Terms) -> Terms:
        return Terms(terms.log_px - log_px, tuple(x - kl / len(terms.kls) for x in terms.kls))

    return _scored(look, advantages)


_CHANGES = {
    "reparameterised": _reparameterised,
    "sticking_the_landing": _sticking_the_landing,
    "score_function": _score_function,
    "leave_one_out": _leave_one_out,
    "moving_average": _moving_average,
}
OF_THE_ELBO = tuple(_CHANGES)


def estimate_with(gradient: Gradient, sampling: Sampling) -> Estimate:
    """The output averaged over draws, whose `log_px` and `kl` have the gradient of an estimator.

    Those of a moving average are of `log_px` and of `kl`, the sum over the groups.
    """
    if gradient == "reparameterised" and sampling.num_samples == 1:
        return one_draw

    def estimate(passing: Pass, params: Any) -> tuple[VAEOutput, ModelState]:
        passing, history = baselines.taken_out(passing)
        look = Look(passing, params, sampling, baselines.averages(history))
        change = (_CHANGES[gradient] if passing.train else _reparameterised)(look)
        _, output, state = sampling.averages(
            passing, params, lambda _, output: ((), averageable(change(output)))
        )
        terms = Terms.of(output)
        values = {"log_px": terms.log_px, "kl": sum(terms.kls, jnp.zeros_like(terms.log_px))}
        return output, {**state, **baselines.moved(history, values, passing)}

    return estimate
