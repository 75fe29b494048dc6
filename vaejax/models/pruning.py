"""A dense hierarchy without some of its latents, the check that inactive ones carry nothing.

Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, section 5.2: the networks are
evaluated again without the units found inactive.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from vaejax.types import AnyArray, Array

Layers = Mapping[str, Any]  # parameters of dense layers, by name


def without_units(
    params: Mapping[str, Any], gone: Sequence[AnyArray], means: Sequence[AnyArray]
) -> dict[str, Any]:
    """The parameters of a `DenseHierarchy` without some units, in the same shapes.

    What read a removed unit now has its mean as a constant. The unit itself is N(0, 1) in q and p,
    so that its terms of log p(x, z) - log q(z | x) cancel: bounds are those of the smaller network,
    of the same draws of all other units, and nothing is compiled again.

    Args:
        params: of the model (not by player).
        gone: per group, top first, whether a unit is removed, [D] bool.
        means: per group, the means that removed units are held at, [D].

    Raises:
        ValueError: the posterior or the prior of the top group has parameters of its own, so that a
            unit's terms do not cancel.
    """
    if own := {"posterior", "prior"} & set(params):
        raise ValueError(
            "params: expected a model with a Gaussian posterior and a standard prior, got one with "
            f"parameters of {sorted(own)}"
        )
    encoder, decoder = dict(params["encoder"]), dict(params["decoder"])
    for g, (some, mean) in enumerate(zip(gone, means, strict=True)):
        some, mean = jnp.asarray(some), jnp.asarray(mean)
        encoder[f"group_{g}"] = _standard(encoder[f"group_{g}"], some)
        if g > 0:
            decoder[f"group_{g}"] = _standard(decoder[f"group_{g}"], some)
            encoder[f"group_{g - 1}"] = _held(encoder[f"group_{g - 1}"], some, mean)
        reader = f"group_{g + 1}" if g + 1 < len(gone) else "pixels"
        decoder[reader] = _held(decoder[reader], some, mean)
    return {**params, "encoder": encoder, "decoder": decoder}


def _standard(layers: Layers, gone: Array) -> dict[str, Any]:
    """Layers that make N(0, 1) of some of their outputs."""
    heads = {}
    for name in ("mean", "log_scale"):
        kernel, bias = layers[name]["kernel"], layers[name]["bias"]
        heads[name] = {
            "kernel": jnp.where(gone[None], 0.0, kernel),
            "bias": jnp.where(gone, 0.0, bias),
        }
    return {**layers, **heads}


def _held(layers: Layers, gone: Array, mean: Array) -> dict[str, Any]:
    """Layers that take the means of some of their inputs, whatever these are."""
    first = {}
    for name in ["Dense_0"] if "Dense_0" in layers else ["mean", "log_scale"]:
        kernel, bias = layers[name]["kernel"], layers[name]["bias"]
        first[name] = {
            "kernel": jnp.where(gone[:, None], 0.0, kernel),
            "bias": bias + jnp.where(gone, mean, 0.0) @ kernel,
        }
    return {**layers, **first}
