"""Codes of any framework, scored as evaluations score those of a run.

Locatello et al., "Challenging Common Assumptions in the Unsupervised Learning of Disentangled
Representations", 2019 (the scores and their constants).
"""

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vaejax.core.checks import check_counts
from vaejax.metrics.asked import WhichScores, asked
from vaejax.metrics.inputs import checked_codes, integer_factors
from vaejax.metrics.naming import said_of
from vaejax.metrics.records import METRICS
from vaejax.metrics.scores import Scores
from vaejax.metrics.scoring import scored
from vaejax.metrics.table import Table, varying
from vaejax.types import AnyArray

LARGEST_WHOLE = 2.0**53  # below which a float64 holds every whole number


class Evaluation(NamedTuple):
    """Scores of a table of codes; as text, a table of its own.

    Attributes:
        scores: by the name that they are asked for by: numbers by name, an `Estimate` each, with
            the record of their conventions.
        left_out: by the same names, why the others could not be had.
        notes: what to know of the input, each once, with the scores that it is of in front where it
            is not of all.
        shape: N, D and F.
        factor_names: of those that count; their places where they have no names.
        units: by the numbers' names; what is not there has none.
    """

    scores: dict[str, Scores]
    left_out: dict[str, str]
    notes: tuple[str, ...]
    shape: tuple[int, int, int]
    factor_names: tuple[str, ...]
    units: dict[str, str]

    def __str__(self) -> str:
        from vaejax.metrics.report import as_text

        return as_text(self)


def evaluate(
    codes: AnyArray,
    factors: AnyArray,
    *,
    scores: WhichScores | None = None,
    repeats: int = 5,
    factor_names: Sequence[str] = (),
    log_vars: AnyArray | None = None,
    kls: AnyArray | None = None,
    sampled: bool = False,
    num_points: int = 10_000,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> Evaluation:
    """Every score of codes, with a 95 % interval; what cannot be computed is left out, and why.

    The numbers are those of `vaejax.evaluators.disentanglement`, which scores by the same code.

    Args:
        codes: [N, D], of N different images.
        factors: [N, F] whole numbers, what the images show. One that is constant does not count.
        scores: names, or settings by name as of the evaluation; None: all of `METRICS` that do not
            take minutes (`dci` with trees does).
        repeats: R, of how many scores an interval is made, see `vaejax.metrics.estimates`; one
            makes none.
        factor_names: of the F factors, for messages.
        log_vars: log-variances of the posteriors [N, D], which some scores are of.
        kls: KLs of the posteriors from the prior [N, D], nats.
        sampled: whether codes are draws from the posteriors, not means: for the record.
        num_points: images that a score is of.
        seed: of what scores draw.
        say: told of the progress of what takes minutes.

    Raises:
        ValueError: codes or factors that nothing can be computed of, or an unknown score.
    """
    check_counts(num_points=(num_points, 2))
    chosen = asked(_all_that_are_fast() if scores is None else scores, repeats)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        codes = np.asarray(checked_codes(codes))
    levels = integer_factors(_whole(factors), len(codes))
    others = {"log_vars": log_vars, "kls": kls}
    like = {name: _like(name, array, codes) for name, array in others.items()}
    table = Table(codes, factors=levels, names=_named(levels, factor_names), **like)
    columns = varying(levels)
    if not columns:
        raise ValueError("factors: expected at least 2 values each, all columns are constant")
    constant = [name for k, name in enumerate(table.factor_names()) if k not in columns]
    table = table.of_factors(columns)
    about = [str(warning.message) for warning in caught]  # all of it, and so every score
    about += [f"factors: {name} is constant and does not count" for name in constant]
    notes: list[tuple[str, str]] = []
    found: dict[str, Scores] = {}
    left_out: dict[str, str] = {}
    for name, numbers, error, said in scored(chosen, table, seed, num_points=num_points, say=say):
        notes += [(name, note) for note in said if note not in about]
        if numbers is None:
            left_out[name] = str(error)
        else:
            kind = "samples" if sampled else "means"
            found[name] = Scores(numbers, {"codes": kind, **numbers.record})
    if not found:
        reasons = dict.fromkeys(f"{name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"scores: none can be computed; {'; '.join(reasons)}")
    return Evaluation(
        found,
        left_out,
        (*about, *said_of(notes, len(chosen))),
        (*codes.shape, len(columns)),
        table.names,
        {name: unit for _, metric, _ in chosen for name, unit in metric.units},
    )


def _like(name: str, array: AnyArray | None, codes: np.ndarray) -> np.ndarray | None:
    """An array of the codes' shape, or none."""
    if array is not None and np.shape(array) != codes.shape:
        raise ValueError(f"{name}: expected {codes.shape}, as codes, got {np.shape(array)}")
    return None if array is None else np.asarray(array)


def _all_that_are_fast() -> list[str]:
    return [name for name, metric in METRICS.items() if not metric.slow(metric.settings)]


def _named(factors: np.ndarray, factor_names: Sequence[str]) -> tuple[str, ...]:
    """What factors are called, if there is a name for each, or none."""
    if len(factor_names) and len(factor_names) != factors.shape[1]:
        expected = f"expected one for each of {factors.shape[1]} factors"
        raise ValueError(f"factor_names: {expected}, got {list(factor_names)}")
    return tuple(str(name) for name in factor_names)


def _whole(factors: AnyArray) -> AnyArray:
    """Factors that are whole numbers in floats, as other frameworks keep them, as integers."""
    array = np.asarray(factors)
    if array.dtype.kind != "f" or not (np.abs(array) < LARGEST_WHOLE).all():  # NaN is not
        return factors
    return array.astype(np.int64) if (array == np.rint(array)).all() else factors
