"""Tables 4.1 and 4.2: the layers of the model, as they run."""

import math
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.models import ConvVAE
from vaejax.training.state import count_parameters
from vaejax.types import Array


class Row(NamedTuple):
    """One layer: its name, the shape of its output for one image, its trainable parameters."""

    layer: str
    output_shape: tuple[int, ...]
    parameters: int


def parameter_tables(model: ConvVAE) -> dict[str, list[Row]]:
    """The rows of the `encoder` and of the `decoder`; only shapes are computed.

    Inputs and changes of shape are rows without parameters, as in the thesis.
    """
    calls: list[tuple[tuple[str, ...], tuple[int, ...], tuple[int, ...]]] = []

    def note(call: Any, args: Any, kwargs: Any, context: Any) -> Any:
        result, path = call(*args, **kwargs), context.module.path
        if len(path) == 2 and context.method_name == "__call__":
            calls.append((path, args[0].shape[1:], result.shape[1:]))
        return result

    def init(images: Array) -> Any:
        noise = model.noise(jax.random.split(jax.random.key(0), len(images)))
        with nn.intercept_methods(note):
            return model.init(jax.random.key(0), {"image": images}, noise=noise)["params"]

    params = jax.eval_shape(init, jnp.zeros((1, *model.image_shape)))
    tables: dict[str, list[Row]] = {}
    for (part, layer), shape, output_shape in calls:
        rows = tables.setdefault(part, [])
        if not rows:
            rows.append(Row("input", shape, 0))
        elif shape != rows[-1].output_shape and math.prod(shape) == math.prod(
            rows[-1].output_shape
        ):  # the two heads read the same layer: their shapes differ in size too
            rows.append(Row("flatten" if len(shape) == 1 else "reshape", shape, 0))
        rows.append(Row(layer, output_shape, count_parameters(params[part][layer])))
    return tables


def as_text(title: str, rows: list[Row]) -> str:
    """A table in lines of text, its total below."""
    total = sum(row.parameters for row in rows)
    lines = [f"{row.layer:<16} {row.output_shape!s:<14} {row.parameters:>9,}" for row in rows]
    return "\n".join([title, *lines, f"{'total':<31} {total:>9,}", ""])
