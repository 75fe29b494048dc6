"""One temperature for all that is drawn, or one for each: which is whose."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from vaejax.types import Temperature


def per_group(temperature: Temperature, num_groups: int) -> tuple[float, ...]:
    """One temperature per latent group, from a number or a sequence.

    A sequence has an entry per group, and may have one more, of what pixels are drawn from.
    """
    several = _several(temperature)
    if several is None:
        return (cast(float, temperature),) * num_groups
    if len(several) not in (num_groups, num_groups + 1):
        raise ValueError(
            f"temperature: expected a number or {num_groups} of them, got {len(several)}"
        )
    return tuple(several)[:num_groups]


def pixel_temperature(temperature: Temperature, num_groups: int) -> float:
    """That of pixels: the number, or of a sequence the entry after those of the groups, else 1."""
    several = _several(temperature)
    if several is None:
        return cast(float, temperature)
    return several[num_groups] if len(several) > num_groups else 1.0


def _several(temperature: Temperature) -> Sequence[float] | None:
    """The numbers of a sequence, or of an array, which serves as well; None of a single one."""
    if not isinstance(temperature, Sequence) and np.ndim(temperature) == 0:
        return None
    return cast(Sequence[float], temperature)
