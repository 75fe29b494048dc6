"""`metrics.jsonl`: one JSON object per line, `{"step", "split", name: value, ...}`.

It depends on the run's numbers alone (no times, no rates), so the file of a resumed run is, byte
for byte, that of an unbroken one. A value that is not finite is `null`: valid JSON, and a gap in a
plot. Whoever reads the file reads it with `read_lines`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vaejax.core.files import write_whole

METRICS_FILE = "metrics.jsonl"
TRAIN = "train"  # the split of the training steps; every other one is an evaluation


def read_lines(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines of a file in order, and how many others are damaged; none where there is no file.

    A line is damaged if it is torn, is no JSON object, or has no number as its step.
    """
    whole, num_damaged = _read(path)
    return [values for _, values in whole], num_damaged


def damage(path: Path, num_damaged: int) -> str:
    """What to say of damaged lines."""
    return f"{path}: {num_damaged} damaged line{'s' * (num_damaged > 1)} left out"


class JsonLines:
    """`metrics.jsonl` of a run, cut back to the lines up to `step`.

    Args:
        path: of the file.
        step: the step the run resumes from.
        evaluated: whether the evaluation of that step was finished; if not, its lines go too,
            since it will be made again.

    Attributes:
        num_damaged: lines that were lost by it.
    """

    def __init__(self, path: Path, step: int, *, evaluated: bool = True):
        lines, self.num_damaged = _read(path) if step else ([], 0)

        def is_kept(values: Mapping[str, Any]) -> bool:
            training = values.get("split") == TRAIN
            return values["step"] < step or (values["step"] == step and (evaluated or training))

        write_whole(path, b"".join(line + b"\n" for line, values in lines if is_kept(values)))
        self._file = path.open("a")

    def metrics(
        self, step: int, split: str, values: Mapping[str, Any], rate: float | None = None
    ) -> None:
        """Write a line of NumPy values; the rate is not a matter of the run's numbers alone."""
        del rate
        line = {"step": step, "split": split}
        line |= {name: _json_value(value) for name, value in values.items()}
        self._file.write(json.dumps(line, allow_nan=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Release the file; every line is in it already."""
        self._file.close()


def _read(path: Path) -> tuple[list[tuple[bytes, dict[str, Any]]], int]:
    """The whole lines of a file, as they stand there and what they say; how many others there are.

    What a kill has left of a line after the last line's end counts too.
    """
    if not path.exists():
        return [], 0
    whole, num_damaged = [], 0
    for line in path.read_bytes().split(b"\n"):
        line = line.strip()
        try:
            values = json.loads(line) if line else None
        except (ValueError, RecursionError):
            values = None
        if isinstance(values, dict) and _is_step(values.get("step")):
            whole.append((line, values))
        elif line:
            num_damaged += 1
    return whole, num_damaged


def _is_step(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _json_value(value: np.ndarray) -> Any:
    if value.ndim:
        return [_json_value(element) for element in value]
    if value.dtype.kind in "biu":
        return int(value)
    # The shortest decimal that reads back as the same number in this precision (0.1 for a float32).
    return float(str(value[()])) if np.isfinite(value) else None
