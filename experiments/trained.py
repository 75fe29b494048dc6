"""Finished members of a sweep, as models to look at."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.data import Source
from vaejax.distributions import Normal, kl_normal
from vaejax.evaluators.tables import Tables
from vaejax.metrics.table import Table
from vaejax.objectives.views import need
from vaejax.pictures.sampler import compiled
from vaejax.runs.metric_lines import METRICS_FILE, read_lines
from vaejax.runs.modes import restored
from vaejax.runs.setup import Run
from vaejax.sweep import Member
from vaejax.training.state import TrainState

BETA, LATENT_SIZE = "objective.beta", "model.latent_size"  # as points of sweeps have them
BATCH = 64  # images that are encoded at a time


class Trained(NamedTuple):
    """A finished member of a sweep, with its run and its final state."""

    member: Member
    run: Run
    state: TrainState


def trained(members: Iterable[Member]) -> Iterator[Trained]:
    """The models of all members that did not diverge."""
    for member in members:
        if not member.diverged:
            yield Trained(member, *restored(member.config, member.workdir))


def history(workdir: Path, split: str) -> dict[str, np.ndarray]:
    """What a run logged of a split, by metric: a value per line, [T] or [T, D].

    A number that was not finite is NaN.
    """
    lines, _ = read_lines(workdir / METRICS_FILE)
    rows = [line for line in lines if line.pop("split", None) == split]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


def codes_of(model: Trained, sources: Sequence[Source]) -> Table:
    """The posteriors of all images of some sources, with their factors if they have any."""
    indices = [np.arange(len(source)) for source in sources]
    if sources[0].factor_names:
        pairs = zip(sources, indices, strict=True)
        factors = np.concatenate([source.factors(rows) for source, rows in pairs])
    else:
        factors = np.zeros((sum(map(len, indices)), 0), np.int32)
    tables = Tables(model.run.context, sources, factors, BATCH, "codes_of", ["codes_of"])
    return tables.of_model(model.state)


def kl_of(table: Table) -> np.ndarray:
    """The KL of each latent from the prior N(0, 1), averaged over images, [D] nats."""
    posterior = Normal.from_log_var(jnp.asarray(table.means), jnp.asarray(table.log_vars))
    return np.asarray(kl_normal(posterior, Normal.standard(posterior.loc)).mean(0))


def decoded(model: Trained, codes: np.ndarray) -> np.ndarray:
    """Means of p(x | z) at codes [B, D], as pictures [B, H, W, C] in [0, 1]."""
    decode = compiled(need(model.run.context.objective.views, "decode", "decoded"))
    keys = jax.random.split(jax.random.key(0), len(codes))  # nothing is drawn
    params, model_state = model.state.ema_params, model.state.model_state
    images = decode(params, model_state, (jnp.asarray(codes),), keys)
    return np.asarray(model.run.source.pictures(images))
