"""What finished runs say: bounds, rates, distortions, and what draws of their codes tell."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from experiments.autoregressive.runs import CODED, Cell
from experiments.trained import BATCH, Trained, trained
from vaejax import metrics
from vaejax.data import Subset, eval_batches
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import need
from vaejax.pictures.sampler import compiled
from vaejax.sweep import Member

Readings = Mapping[str, Mapping[int, float]]
"""Numbers by name and seed."""

NLL, RATE, DISTORTION, ACCURACY = "nll", "rate", "distortion", "accuracy"
EVALUATION = "test/bound"


def rows_of(
    members: Mapping[Cell, Sequence[Member]], num_coded: int
) -> dict[Cell, dict[str, dict[int, float]]]:
    """Readings of every row with a finished run, nats per test image.

    `nll` is minus the bound, and where there is no code minus log p(x) itself; `distortion` minus
    log p(x | z); `rate` the KL; `accuracy` see `label_accuracy`. Runs that diverged are left out.

    Args:
        members: the runs.
        num_coded: test images whose labels are read off codes.
    """
    rows = {}
    for cell, runs in members.items():
        finished = [run for run in runs if run.finished and not run.diverged]
        if not finished:
            continue
        bounds = {run.seed: run.last_metrics()[EVALUATION] for run in finished}
        rows[cell] = {NLL: {seed: -bound["elbo"] for seed, bound in bounds.items()}}
        if cell.page in CODED:
            rows[cell] |= {
                RATE: {seed: bound["kl"] for seed, bound in bounds.items()},
                DISTORTION: {seed: -bound["log_px"] for seed, bound in bounds.items()},
                ACCURACY: {
                    model.member.seed: label_accuracy(model, num_coded)
                    for model in trained(finished)
                },
            }
    return rows


def label_accuracy(model: Trained, num_images: int) -> float:
    """How often a linear classifier names the digit, from a draw of the code.

    A draw, not the mean: a mean that moves by a hundredth of its posterior's width still tells the
    digit to whoever magnifies it, but no decoder. The classifier sees the first half of the test
    images and is scored on the other.

    Args:
        model: a VAE with one code.
        num_images: of the test split, the first so many; all where there are fewer.
    """
    source = model.run.context.splits["test"]
    parts = _drawn(model, Subset(source, np.arange(min(num_images, len(source)))))
    codes, labels = (np.concatenate(some) for some in zip(*parts, strict=True))
    half = len(codes) // 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "codes: .* points|left out: ")  # of the smoke size
        scores = metrics.downstream_accuracy(
            codes,
            labels[:, None],
            rng=jax.random.key(0),
            num_labels=(half,),
            rows=(np.arange(half), np.arange(half, len(codes))),
        )
    return float(scores[f"downstream_accuracy/{half}"])


def _drawn(model: Trained, source: Subset) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Codes [n, D] drawn of q(z | x) and labels [n], batch by batch."""
    views, rng = model.run.context.objective.views, jax.random.key(0)
    encode = compiled(need(views, "encode", ACCURACY))
    for batch in eval_batches(source, BATCH):
        noise = views.noise(example_keys(rng, batch["index"]))
        (latent,) = encode(model.state.ema_params, model.state.model_state, batch, noise)
        real = np.asarray(batch["mask"]) > 0
        yield np.asarray(latent.z)[real], np.asarray(batch["label"])[real]


def as_json(rows: Mapping[Cell, Readings]) -> list[dict[str, Any]]:
    """The rows as `results.json` has them."""
    return [{**cell._asdict(), **readings} for cell, readings in rows.items()]
