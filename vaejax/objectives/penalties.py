"""Penalties on parameters, added to any objective.

References:
    Yoshida & Miyato, Spectral norm regularization, 2017.
    Miyato et al., Spectral normalization for generative adversarial networks, 2018 (power
        iteration with vectors kept from step to step).
    Vahdat & Kautz, NVAE, 2020, section 3.3: both penalties, weighted alike.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax.traverse_util import flatten_dict

from vaejax.core.checks import check_number
from vaejax.core.randomness import named
from vaejax.objectives.views import PLAYER
from vaejax.types import Array, Batch, Metrics, ModelState, Objective, Schedule

MIN_NORM = 1e-3  # a vector shorter than this is not stretched to length 1
State = dict[str, dict[str, Array]]


class Penalty(NamedTuple):
    """A term of the loss that looks at the parameters of one player alone.

    Attributes:
        name: of its metric, and of its collection in `model_state`.
        init: `(params, rng) -> state`; empty where nothing is carried from step to step.
        value: `(params, state, model_state, train) -> (value, state)`, before weighting;
            `model_state` is the objective's own, such as batch statistics.
        weight: of the value in the loss.
        player: whose parameters it looks at.
    """

    name: str
    init: Callable[[Any, Array], State]
    value: Callable[[Any, State, ModelState, bool], tuple[Array, State]]
    weight: float | Schedule
    player: str = PLAYER


def add_penalties(objective: Objective, *penalties: Penalty) -> Objective:
    """The objective plus weighted penalties; each one's value is reported under its name.

    Raises:
        ValueError: two penalties of one name, which would share a state; once the objective is
            used, a name that it has for a metric of its own.
    """
    names = [penalty.name for penalty in penalties]
    if len(set(names)) < len(names):
        raise ValueError(f"penalties: expected names that differ, got {names}")

    def init(rng: Array, batch: Batch):
        params, model_state = objective.init(rng, batch)
        _check_new(names, model_state)
        states: dict[str, State] = {}
        for penalty in penalties:
            if state := penalty.init(params[penalty.player], named(rng, penalty.name)):
                states[penalty.name] = state
        return params, {**model_state, **states}

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        own = {name: state for name, state in model_state.items() if name not in names}
        total, (metrics, inner) = objective.loss(params, own, batch, rng, step, train)
        _check_new(names, metrics)
        states: dict[str, State] = {}
        extra: Metrics = {}
        for penalty in penalties:
            state = model_state.get(penalty.name, {})
            value, state = penalty.value(params[penalty.player], state, inner, train)
            weight = penalty.weight(step) if callable(penalty.weight) else penalty.weight
            total += weight * value
            extra |= {penalty.name: value, f"{penalty.name}_weight": jnp.asarray(weight)}
            if state:
                states[penalty.name] = state
        return total, ({**metrics, **extra, "loss": total}, {**inner, **states})

    return objective._replace(init=init, loss=loss)


def spectral(
    kernels: Callable[[Any], Mapping[str, Array]],
    *,
    weight: float | Schedule,
    num_iterations: int = 4,
    num_initial_iterations: int = 40,
) -> Penalty:
    """The sum of the largest singular values of all convolution kernels, by power iteration.

    A kernel [h, w, I, O] is the matrix W [O, I * h * w]. Matrices of one shape are iterated
    together; their vectors u and v are carried in `model_state["spectral"]`, by shape. The value is
    u' W v, with a gradient through W alone.

    Args:
        kernels: `params -> ` kernels in use by name, [..., h, w, I, O].
        weight: of the penalty.
        num_iterations: per training step; evaluation takes the vectors as they are.
        num_initial_iterations: from the random start.
    """
    _check_weight(weight)

    def init(params, rng: Array) -> State:
        stacks = matrices(kernels(params))
        return _iterate(stacks, _random_vectors(stacks, rng), num_initial_iterations)

    def value(params, state: State, model_state: ModelState, train: bool) -> tuple[Array, State]:
        del model_state
        stacks, total = matrices(kernels(params)), jnp.zeros(())
        if train:
            state = _iterate(jax.lax.stop_gradient(stacks), state, num_iterations)
        for shape, w in stacks.items():
            u, v = state[shape]["u"], state[shape]["v"]
            total += jnp.einsum("nr,nrc,nc->", u, w, v, precision="highest")
        return total, state

    return Penalty("spectral", init, value, weight)


def bn_scale(*, weight: float | Schedule) -> Penalty:
    """The sum over all batch normalisations of the largest absolute `scale`, max |gamma|.

    A module with running statistics (collection `batch_stats`) is one; 0 where there is none.
    """
    _check_weight(weight)

    def value(params, state: State, model_state: ModelState, train: bool) -> tuple[Array, State]:
        del train
        normalised = {path[:-1] for path in flatten_dict(model_state.get("batch_stats", {}))}
        scales = [
            leaf
            for (*module, name), leaf in sorted(flatten_dict(params).items())
            if name == "scale" and tuple(module) in normalised
        ]
        return sum((jnp.abs(scale).max(-1).sum() for scale in scales), jnp.zeros(())), state

    return Penalty("bn_scale", lambda params, rng: {}, value, weight)


def matrices(kernels: Mapping[str, Array]) -> dict[str, Array]:
    """Kernels [..., h, w, I, O] as matrices [N, O, I * h * w], stacked by shape, `"OxI*h*w"`.

    Columns are ordered (I, h, w); within a stack, kernels follow the order of their names.
    """
    stacks: dict[str, list[Array]] = {}
    for name in sorted(kernels):
        kernel = jnp.moveaxis(kernels[name], (-1, -2), (-4, -3))  # [..., O, I, h, w]
        rows, columns = kernel.shape[-4], kernel[(0,) * (kernel.ndim - 3)].size
        stacks.setdefault(f"{rows}x{columns}", []).append(kernel.reshape(-1, rows, columns))
    return {shape: jnp.concatenate(stack) for shape, stack in stacks.items()}


def _random_vectors(stacks: Mapping[str, Array], rng: Array) -> State:
    """Vectors of length 1 in random directions."""
    sizes = {shape: (w.shape[0], sum(w.shape[1:])) for shape, w in stacks.items()}
    # One draw, cut into pieces: many small ones cost many seconds of compilation.
    draw = jax.random.normal(rng, (sum(n * size for n, size in sizes.values()),))
    state, begin = {}, 0
    for shape, (n, size) in sizes.items():
        piece = draw[begin : begin + n * size].reshape(n, size).astype(stacks[shape].dtype)
        u, v = jnp.split(piece, [stacks[shape].shape[1]], axis=1)
        state[shape] = {"u": _normalised(u), "v": _normalised(v)}
        begin += n * size
    return state


def _iterate(stacks: Mapping[str, Array], state: State, num_iterations: int) -> State:
    """Power iterations of all vectors; v first, from u."""

    def step(_, state: State) -> State:
        new = {}
        for shape, w in stacks.items():
            v = _normalised(jnp.einsum("nr,nrc->nc", state[shape]["u"], w, precision="highest"))
            u = _normalised(jnp.einsum("nrc,nc->nr", w, v, precision="highest"))
            new[shape] = {"u": u, "v": v}
        return new

    return jax.lax.fori_loop(0, num_iterations, step, state)


def _normalised(vectors: Array) -> Array:
    norm = jnp.sqrt(jnp.sum(vectors**2, axis=-1, keepdims=True))
    return vectors / jnp.maximum(norm, MIN_NORM)


def _check_new(names: Iterable[str], known: Mapping[str, Any]) -> None:
    """Raise ValueError if an objective has something of a penalty's name already."""
    if taken := {*names} & {*known}:
        raise ValueError(f"penalties: expected names new to the objective, got {sorted(taken)}")


def _check_weight(weight: float | Schedule) -> None:
    if not callable(weight):
        check_number("weight", weight, lambda x: x >= 0, "a number >= 0 or a schedule")
