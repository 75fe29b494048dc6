"""From configuration to an optax gradient transformation."""

import inspect
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import optax

from vaejax.core.checks import check_number, check_schedule, is_traced
from vaejax.core.names import nearest
from vaejax.types import Schedule

OPTIMIZERS = ("adabelief", "adagrad", "adam", "adamax", "adamaxw", "adamw", "rmsprop", "sgd")
DECAYS = ("b1", "b2", "decay", "momentum")  # settings of optax's optimisers that are shares
DTYPES = ("mu_dtype", "accumulator_dtype")
REST = "rest"  # label of the players without an optimiser of their own


def make_optimizer(
    name: str,
    *,
    learning_rate: float | Schedule,
    clip_norm: float | None = None,
    l2: float = 0.0,
    players: Mapping[str, Mapping[str, Any]] | None = None,
    **kwargs: Any,
) -> optax.GradientTransformation:
    """An optax optimiser by name.

    Args:
        name: one of `OPTIMIZERS`.
        learning_rate: a positive number or a schedule of the step.
        clip_norm: gradients of a larger global norm are scaled down to it first; None leaves them.
        l2: added times the parameters to the gradients, which the optimiser then scales with them;
            `weight_decay` of the optimisers that have one acts after the scaling.
        players: `{player: {"name": ..., "learning_rate": ..., ...}}` for players that are trained
            by an optimiser of their own, with arguments like these; all others by this one.
        **kwargs: the optimiser's own settings (b1, b2, eps, weight_decay, momentum, ...).
    """
    if name not in OPTIMIZERS:
        raise ValueError(
            f"name: expected one of {OPTIMIZERS}, got {name!r}; "
            f"did you mean {nearest(name, OPTIMIZERS)!r}?"
        )
    if callable(learning_rate):
        check_schedule("learning_rate", learning_rate, lambda x: x >= 0, "a number >= 0")
    else:
        check_number("learning_rate", learning_rate, lambda x: x > 0, "a number > 0 or a schedule")
    if clip_norm is not None:
        check_number("clip_norm", clip_norm, lambda x: x > 0, "a number > 0 or None")
    check_number("l2", l2, lambda x: x >= 0, "a number >= 0")
    factory = getattr(optax, name)
    valid = dict(list(inspect.signature(factory).parameters.items())[1:])
    for key, value in kwargs.items():
        if key not in valid:
            raise ValueError(
                f"{key}: unknown; did you mean {nearest(key, valid)!r}? "
                f"optax.{name} takes {list(valid)}"
            )
        _check_setting(key, value, valid[key].default)
    steps = [factory(learning_rate, **kwargs)]
    if is_traced(l2) or l2:
        steps.insert(0, optax.add_decayed_weights(l2))
    if clip_norm is not None:
        steps.insert(0, optax.clip_by_global_norm(clip_norm))
    optimizer = optax.chain(*steps) if len(steps) > 1 else steps[0]
    return optimizer if players is None else _per_player(optimizer, players)


def _check_setting(name: str, value: Any, default: Any) -> None:
    """Raise ValueError unless an optimiser of optax can use a value of a setting."""
    if name in DTYPES:
        try:
            jnp.dtype(value), hash(value)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: expected the name of a dtype, got {value!r}") from None
    elif isinstance(default, bool):
        if not isinstance(value, bool):
            raise ValueError(f"{name}: expected True or False, got {value!r}")
    elif name == "mask":
        if not (value is None or callable(value) or isinstance(value, Mapping)):
            raise ValueError(f"mask: expected a tree of truth values or None, got {value!r}")
    elif value is None and default is None:
        return
    elif name in DECAYS:
        check_number(name, value, lambda x: 0 <= x < 1, "a number in [0, 1)")
    elif not callable(value):  # a schedule
        check_number(name, value, lambda x: x >= 0, "a number >= 0")


def _per_player(
    others: optax.GradientTransformation, players: Mapping[str, Mapping[str, Any]]
) -> optax.GradientTransformation:
    """Every player's own optimiser, and `others` for the rest."""
    optimizers = {REST: others}
    for player, settings in players.items():
        settings = dict(settings)
        if missing := {"name", "learning_rate"} - set(settings):
            raise ValueError(f"players.{player}.{max(missing)}: expected a value, got none")
        if settings.pop("players", None):
            raise ValueError(f"players.{player}.players: expected none, a player has no players")
        try:
            optimizers[player] = make_optimizer(**settings)
        except ValueError as error:
            raise ValueError(f"players.{player}.{error}") from error

    def labels(params: Mapping[str, Any]) -> dict[str, str]:
        for player in players:
            if player not in params:
                raise ValueError(f"players: expected some of {sorted(params)}, got {player!r}")
        return {player: player if player in players else REST for player in params}

    return optax.multi_transform(optimizers, labels)
