"""Metrics as text, with their units and intervals."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from vaejax.runs.units import INTERVAL, Units, unit


def describe(metrics: Mapping[str, Any], units: Units, names: Iterable[str] | None = None) -> str:
    """Metrics as text with their units, "elbo -62.1 [-63.0, -61.2], kl 14.2 nats/image, beta 4".

    Args:
        metrics: values by name; vectors and parts ("kl/3") are left out.
        units: of metrics.
        names: which to tell, where present; all by default.
    """
    told = [
        name
        for name in (metrics if names is None else names)
        if name in metrics and "/" not in name and np.ndim(metrics[name]) == 0
        if not name.endswith(INTERVAL)
    ]
    by_unit: dict[str, list[str]] = {}
    for name in told:
        text = f"{name} {readable(float(metrics[name]))}{interval_text(metrics, name)}"
        by_unit.setdefault(unit(name, units), []).append(text)
    return ", ".join(f"{', '.join(values)} {shared}".rstrip() for shared, values in by_unit.items())


def interval_text(metrics: Mapping[str, Any], name: str) -> str:
    """The 95 % interval of a metric, " [-63.0, -61.2]"; nothing where there is none."""
    ends = [float(metrics.get(name + end, math.nan)) for end in INTERVAL]
    return f" [{', '.join(map(readable, ends))}]" if np.isfinite(ends).all() else ""


def readable(value: float) -> str:
    """A number in four digits, or more where it is large."""
    return f"{value:,.0f}" if 1000 <= abs(value) < math.inf else f"{value:.4g}"
