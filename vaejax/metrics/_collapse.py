"""Whether and where the posterior of a model has collapsed onto its prior, in numbers and in words.

A latent whose KL is 0 for every image carries nothing: the decoder does without it. That is told of
each latent (the last axis of a group's codes, summed over positions), and of whole groups.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vaejax.types import AnyArray

UNUSED = 0.01  # nats: a KL below says that a latent is not used


class Collapse(NamedTuple):
    """How much each group of a model carries.

    Attributes:
        kl: of every group, top first, averaged over images, nats.
        num_latents: of every group; 1 where its KL does not come apart by latent.
        num_unused: latents of every group whose KL is within 0.01 nats of 0.
        weakest: the least KL of a latent that is used, nats; 0 where none is.
    """

    kl: tuple[float, ...]
    num_latents: tuple[int, ...]
    num_unused: tuple[int, ...]
    weakest: float

    @property
    def dead_groups(self) -> tuple[int, ...]:
        """Groups none of whose latents is used."""
        pairs = zip(self.num_unused, self.num_latents, strict=True)
        return tuple(group for group, (unused, latents) in enumerate(pairs) if unused == latents)


def collapse(kl: AnyArray, kl_dims: Sequence[AnyArray | None]) -> Collapse:
    """The groups and latents that are not used.

    Args:
        kl: of every group, top first, averaged over images, [G] nats.
        kl_dims: the same by latent, [D] of each group; None where it does not come apart so.
    """
    kl = np.asarray(kl, np.float64)
    if kl.ndim != 1 or len(kl) == 0 or len(kl) != len(kl_dims):
        raise ValueError(
            f"kl: expected [G] of {len(kl_dims)} groups of latents, got shape {kl.shape}"
        )
    parts = [
        np.atleast_1d(np.asarray(total if dims is None else dims, np.float64))
        for total, dims in zip(kl, kl_dims, strict=True)
    ]
    # Estimated under the groups above, a term of the bound may be negative; unused, it is 0.
    used = np.concatenate([part[np.abs(part) >= UNUSED] for part in parts])
    return Collapse(
        kl=tuple(kl.tolist()),
        num_latents=tuple(len(part) for part in parts),
        num_unused=tuple(int((np.abs(part) < UNUSED).sum()) for part in parts),
        weakest=float(used.min(initial=math.inf)) if len(used) else 0.0,
    )


def collapse_sentence(found: Collapse, information: float | None = None) -> str:
    """One sentence that says whether and where a model has collapsed.

    Args:
        found: of the model.
        information: what the codes tell of the image, nats, where it is known.
    """
    groups, dead = len(found.kl), found.dead_groups
    live = [kl for group, kl in enumerate(found.kl) if group not in dead]
    total, count = sum(live or found.kl), sum(found.num_latents)
    carried = f"{total:.3g} nats"
    if information is not None:
        carried += f", {information:.3g} of them information about the image"
    if len(dead) == groups:
        return f"collapsed: {_all_carry(found)} nothing (a KL of {total:.2g} nats in all)"
    if dead:
        listed, kl = ", ".join(map(str, dead)), max(found.kl[group] for group in dead)
        said = f"group {listed} of {groups} is dead: its KL is"
        if len(dead) > 1:
            said = f"groups {listed} of {groups} are dead: the KL of none is above"
        return f"{said} {kl:.2g} nats; the others carry {carried}"
    if any(found.num_unused):
        where = [
            f"{few} of {many} latents" + (f" of group {group}" if groups > 1 else "")
            for group, (few, many) in enumerate(
                zip(found.num_unused, found.num_latents, strict=True)
            )
            if few
        ]
        verb = "is" if sum(found.num_unused) == 1 else "are"
        return f"{', '.join(where)} {verb} unused; the others carry {carried}"
    weakest = f", the weakest {found.weakest:.2g}" if count > 1 else ""
    return f"no collapse: {_all_carry(found)} {carried}{weakest}"


def _all_carry(found: Collapse) -> str:
    """All latents of a model, or all groups where there are several, as the subject of a claim."""
    groups, count = len(found.kl), sum(found.num_latents)
    if count == 1:
        return "the only latent carries"
    return f"all {groups} groups carry" if groups > 1 else f"all {count} latents carry"
