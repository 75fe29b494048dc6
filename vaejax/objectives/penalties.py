"""Penalties on parameters, added to any objective.

References:
    Yoshida & Miyato, Spectral norm regularization, 2017.
    Miyato et al., Spectral normalization for generative adversarial networks, 2018 (power
        iteration with vectors kept from step to step).
    Vahdat & Kautz, NVAE, 2020, section 3.3: both penalties, weighted alike.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import keystr, tree_leaves_with_path

from vaejax.types import Array, Batch, Metrics, Objective, Schedule

MIN_NORM = 1e-3  # a vector shorter than this is not stretched to length 1
State = dict[str, dict[str, Array]]


class Penalty(NamedTuple):
    """A term of the loss that looks at the parameters of the player `model` alone.

    Attributes:
        name: of its metric, and of its collection in `model_state`.
        init: `(params, rng) -> state`; empty where nothing is carried from step to step.
        value: `(params, state, train) -> (value, state)`, before weighting.
        weight: of the value in the loss.
    """

    name: str
    init: Callable[[Any, Array], State]
    value: Callable[[Any, State, bool], tuple[Array, State]]
    weight: float | Schedule


def add_penalties(objective: Objective, *penalties: Penalty) -> Objective:
    """The objective plus weighted penalties; each one's value is reported under its name."""

    def init(rng: Array, batch: Batch):
        params, model_state = objective.init(rng, batch)
        states = {}
        for i, penalty in enumerate(penalties):
            if state := penalty.init(params["model"], jax.random.fold_in(rng, i)):
                states[penalty.name] = state
        return params, {**model_state, **states}

    def loss(params, model_state, batch: Batch, rng: Array, step: Array, train: bool):
        names = {penalty.name for penalty in penalties}
        inner = {name: state for name, state in model_state.items() if name not in names}
        total, (metrics, inner) = objective.loss(params, inner, batch, rng, step, train)
        states, extra = {}, {}
        for penalty in penalties:
            value, state = penalty.value(params["model"], model_state.get(penalty.name, {}), train)
            weight = penalty.weight(step) if callable(penalty.weight) else penalty.weight
            total += weight * value
            extra |= {penalty.name: value, f"{penalty.name}_weight": jnp.asarray(weight)}
            if state:
                states[penalty.name] = state
        metrics: Metrics = {**metrics, **extra, "loss": total}
        return total, (metrics, {**inner, **states})

    return Objective(init, loss)


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
        state = {}
        for i, (shape, w) in enumerate(matrices(kernels(params)).items()):
            u_rng, v_rng = jax.random.split(jax.random.fold_in(rng, i))
            u, v = (
                _normalised(jax.random.normal(key, (w.shape[0], size), w.dtype))
                for key, size in ((u_rng, w.shape[1]), (v_rng, w.shape[2]))
            )
            state[shape] = _iterate(w, {"u": u, "v": v}, num_initial_iterations)
        return state

    def value(params, state: State, train: bool) -> tuple[Array, State]:
        stacks, total = matrices(kernels(params)), jnp.zeros(())
        if train:
            state = {
                shape: _iterate(jax.lax.stop_gradient(w), state[shape], num_iterations)
                for shape, w in stacks.items()
            }
        for shape, w in stacks.items():
            u, v = state[shape]["u"], state[shape]["v"]
            total += jnp.einsum("nr,nrc,nc->", u, w, v, precision="highest")
        return total, state

    return Penalty("spectral", init, value, weight)


def bn_scale(*, weight: float | Schedule) -> Penalty:
    """The sum over all normalisation layers of the largest absolute `scale`, max |gamma|."""
    _check_weight(weight)

    def value(params, state: State, train: bool) -> tuple[Array, State]:
        del train
        scales = [
            leaf
            for path, leaf in tree_leaves_with_path(params)
            if keystr(path[-1:], simple=True) == "scale"
        ]
        return sum(jnp.abs(scale).max(-1).sum() for scale in scales), state

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


def _iterate(w: Array, vectors: dict[str, Array], num_iterations: int) -> dict[str, Array]:
    def step(_, u_and_v):
        u, _ = u_and_v
        v = _normalised(jnp.einsum("nr,nrc->nc", u, w, precision="highest"))
        return _normalised(jnp.einsum("nrc,nc->nr", w, v, precision="highest")), v

    u, v = jax.lax.fori_loop(0, num_iterations, step, (vectors["u"], vectors["v"]))
    return {"u": u, "v": v}


def _normalised(vectors: Array) -> Array:
    norm = jnp.sqrt(jnp.sum(vectors**2, axis=-1, keepdims=True))
    return vectors / jnp.maximum(norm, MIN_NORM)


def _check_weight(weight: float | Schedule) -> None:
    if not callable(weight) and not weight >= 0:
        raise ValueError(f"weight: expected a number >= 0 or a schedule, got {weight}")
