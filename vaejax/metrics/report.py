"""An evaluation of codes to be read: text for a terminal, Markdown for pages, JSON for programs."""

import json
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vaejax.core.text_tables import aligned, markdown
from vaejax.metrics.scores import Scores

if TYPE_CHECKING:
    from vaejax.metrics._evaluate import Evaluation

HEADER = ("score", "number", "value", "95 % interval", "computed with")
# Of a record, what is said of all scores together, or in the notes.
APART = ("codes", "interval", "num_images", "left_out")


def as_text(evaluation: "Evaluation") -> str:
    """A line per number, under what was scored and above what was not."""
    parts = _about(evaluation), aligned(_rows(evaluation)), "\n".join(_lines(evaluation))
    return "\n\n".join(part for part in parts if part)


def as_markdown(evaluation: "Evaluation") -> str:
    """The same as a table of Markdown and a list."""
    notes = "".join(f"\n- {line}" for line in _lines(evaluation))
    parts = [_about(evaluation), markdown(_rows(evaluation)), notes.strip()]
    return "\n\n".join(part for part in parts if part)


def as_json(evaluation: "Evaluation") -> str:
    """All of it; a number that is not known is null."""
    num_images, num_codes, num_factors = evaluation.shape
    found = {
        "num_images": num_images,
        "num_codes": num_codes,
        "num_factors": num_factors,
        "factor_names": evaluation.factor_names,
        "scores": {
            score: {
                "numbers": {
                    name: {
                        **{field: _finite(part) for field, part in estimate._asdict().items()},
                        "unit": evaluation.units.get(name, ""),
                    }
                    for name, estimate in numbers.items()
                },
                "record": {name: _plain(value) for name, value in numbers.record.items()},
            }
            for score, numbers in evaluation.scores.items()
        },
        "left_out": evaluation.left_out,
        "notes": evaluation.notes,
    }
    return json.dumps(found, indent=2, allow_nan=False)


def _conventions(numbers: Scores) -> str:
    """How a score was computed: `num_bins 20`."""
    record = numbers.record.items()
    return "; ".join(f"{k} {v}" for k, v in record if k not in APART and v is not None)


def _interval(numbers: Scores) -> str:
    """What its interval was made of: `5 halves of 4,000 images`."""
    made_of, count = numbers.record["interval"], f"{numbers.record['num_images']:,} images"
    return count if made_of == "none" else f"{made_of} of {count}"


def _about(evaluation: "Evaluation") -> str:
    num_images, num_codes, num_factors = evaluation.shape
    kind = next(iter(evaluation.scores.values())).record["codes"]
    names = ", ".join(evaluation.factor_names)
    return (
        f"{num_images:,} images, {_number(num_codes, 'code')} ({kind}), "
        f"{_number(num_factors, 'factor')}: {names}\n"
        f"each score of {_common_interval(evaluation)}, where nothing else is said"
    )


def _common_interval(evaluation: "Evaluation") -> str:
    """That of most scores."""
    made_of = [_interval(numbers) for numbers in evaluation.scores.values()]
    return max(made_of, key=made_of.count)


def _rows(evaluation: "Evaluation") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [HEADER]
    common = _common_interval(evaluation)
    for score, numbers in evaluation.scores.items():
        made_of = _interval(numbers)
        parts = _conventions(numbers), "" if made_of == common else made_of
        first = score, "; ".join(filter(None, parts))
        for name, (value, _, low, high) in numbers.items():
            number = f"{name}, {evaluation.units[name]}" if name in evaluation.units else name
            interval = "" if math.isnan(low) else f"[{low:z.3f}, {high:z.3f}]"  # z: no -0.000
            rows.append((first[0], number, f"{value:z.3f}", interval, first[1]))
            first = "", ""
    return rows


def _lines(evaluation: "Evaluation") -> Iterator[str]:
    """A line for each score that is not there, and for each note."""
    for score, reason in evaluation.left_out.items():
        yield f"no {score}: {reason}"
    yield from evaluation.notes


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
