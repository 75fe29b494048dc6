"""Which images have an attribute: by the factors of a run's data, or by arrays of one's own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vaejax.data import Source
from vaejax.data.array_file import names_file
from vaejax.evaluators import some_examples
from vaejax.runs.given import Given, named
from vaejax.runs.handle import TrainedModel
from vaejax.runs.passes import Images, pieces

NUM_ATTRIBUTED = 10_000  # training images from which directions are learnt
AT_ONCE = 64  # images whose labels are read


def attributed(
    model: TrainedModel, given: Given, names: Sequence[str]
) -> tuple[Images, np.ndarray]:
    """Images, and which of them [N, A] have each attribute.

    Args:
        model: whose training images have factors.
        given: images that go with arrays.
        names: of the attributes, `NAME` of 0 and 1 or `NAME=VALUE`. NAME is a factor (or the
            `label`) of the run's data; or, for all attributes, an array [N] beside the given
            images, `FILE.npy` or `FILE.npz:KEY`.

    Raises:
        ValueError: "attributes: ...", there is no such, or it does not fit the images.
    """
    files = [name for name in names if names_file(name.partition("=")[0])]
    if not files:
        return _of_training(model, names)
    if len(files) < len(names):
        others = sorted(set(names) - set(files))
        raise ValueError(
            f"attributes: expected factors of the run's data, or arrays of --images, got "
            f"both: {others} and {files}"
        )
    return given.images, np.stack([_of_array(name, len(given.names)) for name in names], axis=1)


def title(attribute: str) -> str:
    """What an attribute is called in a picture: of an array, its key or its file's name."""
    file, equals, value = attribute.partition("=")
    name = file.rpartition(":")[2]
    return f"{Path(name).stem if name == file else name}{equals}{value}"


def _of_array(text: str, count: int) -> np.ndarray:
    """Which of so many images have an attribute of one's own, bool [N]."""
    file, _, value = text.partition("=")
    values = named("attributes", file).squeeze()
    if values.shape != (count,) or values.dtype.kind not in "biuf":
        raise ValueError(
            f"attributes: expected a number for each of the {count} images in {file}, got "
            f"{values.dtype} {list(values.shape)}"
        )
    if not value and not np.isin(values, (0, 1)).all():
        levels = ", ".join(f"{level:g}" for level in np.unique(values)[:3])
        raise ValueError(f"attributes: expected {file}=VALUE, which holds {levels}, ..., got none")
    try:
        return values == float(value or 1)
    except ValueError:
        raise ValueError(f"attributes: expected {file}=NUMBER, got {text}") from None


def _of_training(model: TrainedModel, names: Sequence[str]) -> tuple[Source, np.ndarray]:
    """Training images, and which of them [N, A] have each attribute."""
    source = some_examples(model.training, NUM_ATTRIBUTED)
    sizes = dict(zip(source.factor_names, source.factor_sizes, strict=True))
    if source.num_labels is not None:
        sizes.setdefault("label", source.num_labels)
    offered = [
        name if size == 2 else f"{name}=0 .. {name}={size - 1}" for name, size in sizes.items()
    ]
    columns = []
    for text in names:
        name, _, value = text.partition("=")
        if name not in sizes or not (value.isdecimal() or (not value and sizes[name] == 2)):
            raise ValueError(
                f"attributes: expected some of {offered}, or an array of --images "
                f"(FILE.npz:KEY), got {text!r}"
            )
        columns.append(_values(source, name) == int(value or 1))
    return source, np.stack(columns, axis=1)


def _values(source: Source, name: str) -> np.ndarray:
    """A factor of all images, or their labels, [N]."""
    if name in source.factor_names:
        return source.factors(np.arange(len(source)))[:, source.factor_names.index(name)]
    parts = pieces(len(source), AT_ONCE)
    return np.concatenate([np.asarray(source.batch(some)["label"])[:n] for some, n in parts])
