"""Codes in a file: the latents of images, by group and by name, and back again."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaejax.core.files import write_whole
from vaejax.data.array_file import array_shapes, load_array
from vaejax.types import AnyArray, Latent

MEAN = re.compile(r"mean_(\d+)")


def save_codes(
    path: Path,
    names: Sequence[str],
    means: Sequence[Latent],
    drawn: Sequence[Latent],
    **known: AnyArray,
) -> list[str]:
    """Write codes as `.npz`; what is in it, in words.

    By latent group g, top first: `mean_<g>` [N, ...] (given the means of the groups above),
    `scale_<g>` in the same shape where the posterior is a Gaussian, `kl_<g>` [N] and, where it
    comes apart so, `kl_dims_<g>` [N, D], nats; and `names` [N].

    Args:
        path: of the file.
        names: of the images.
        means: of every group, with codes that are means.
        drawn: of every group, with codes that are drawn: their KL is an unbiased estimate, or exact
            where it has a closed form.
        **known: further arrays [N, ...].
    """
    arrays: dict[str, np.ndarray] = {"names": np.asarray(names)}
    for group, (mean, draw) in enumerate(zip(means, drawn, strict=True)):
        arrays[f"mean_{group}"] = np.asarray(mean.z)
        if mean.posterior is not None:
            arrays[f"scale_{group}"] = np.asarray(mean.posterior.scale)
        arrays[f"kl_{group}"] = np.asarray(draw.kl)
        if draw.kl_dims is not None:
            arrays[f"kl_dims_{group}"] = np.asarray(draw.kl_dims)
    arrays |= {name: np.asarray(array) for name, array in known.items()}
    content = io.BytesIO()
    np.savez(content, **arrays)  # type: ignore[arg-type]  # its stub takes `allow_pickle` for one
    write_whole(path, content.getvalue())
    return [f"{name} {list(array.shape)}" for name, array in arrays.items()]


def load_codes(text: str) -> tuple[np.ndarray | None, ...]:
    """The codes of every group in a file: those that `save_codes` wrote, or one array.

    Args:
        text: a `.npz` file with `mean_<g>` by group, of which some may be left out, or a `.npy` or
            `.npz` file with a single array [N, ...].

    Returns:
        One array per group, None for a group above another that is not in the file.

    Raises:
        ValueError: "codes: ...", there is no such file.
    """
    path = Path(text).expanduser()
    try:
        if path.suffix.lower() == ".npz" and path.is_file():
            groups = _groups(path)
            if groups:
                by_group = {group: load_array(path, f"mean_{group}") for group in groups}
                return tuple(by_group.get(group) for group in range(max(groups) + 1))
        return (np.asarray(load_array(path)),)
    except ValueError as error:
        raise ValueError(f"codes: {str(error).removeprefix('path: ')}") from error


def _groups(path: Path) -> list[int]:
    """Numbers of the groups in a file; none in a damaged one."""
    found = [MEAN.fullmatch(name) for name in array_shapes(path)]
    return [int(match[1]) for match in found if match]
