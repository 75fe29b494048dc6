"""When the code dies: two Gaussian numbers, and decoders that need a latent or do not.

The lecture's toy example. Data of correlation r; a diagonal decoder is exact only if the latent
leaves the two numbers independent, which costs 1/2 log (1 + |r|) / (1 - |r|) nats of KL at least
(Wyner's common information), nothing at r = 0; a decoder of full covariance does without. Either
way the best ELBO is the negative entropy of the data.

Of the optima, which are many (at r = 0 the latent may as well tell one of the numbers), beta picks
that of the least KL: it falls from 1.1 to 1.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.likelihood import figures
from experiments.likelihood.figures import REACH, Case
from experiments.style import draw
from vaejax import create_train_state, make_optimizer, make_train_step, models, objectives
from vaejax import data as datasets
from vaejax.distributions import (
    Likelihood,
    full_gaussian,
    gaussian,
    multivariate_normal_entropy,
    wyner_information,
)
from vaejax.training.state import TrainState
from vaejax.training.step import make_eval_step
from vaejax.types import Array, ModelState, Objective, Params, Views

DECODERS = {"diagonal": gaussian(scale=None), "full": full_gaussian()}
SHOWN = {
    "univariate": ("diagonal", 0.0),
    "multivariate": ("diagonal", 0.9),
    "full covariance": ("full", 0.9),
}  # the lecture's cases
NUM_DRAWN = 500  # points of a panel
START = 1.1  # beta, before it falls to 1


class Size(NamedTuple):
    """How much is trained.

    Attributes:
        correlations: r, with both decoders each.
        seeds: of each.
        num_steps: of training.
        batch_size: of a step.
        num_examples: of either split.
    """

    correlations: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
    seeds: int = 1
    num_steps: int = 2_000
    batch_size: int = 256
    num_examples: int = 50_000


SIZES = {
    "published": Size(seeds=5, num_steps=10_000),
    "laptop": Size(),
    "smoke": Size(correlations=(0.0, 0.9), num_steps=20, batch_size=32, num_examples=200),
}


class Learnt(NamedTuple):
    """What models of M data sets have learnt; every leaf has the first axis M.

    Attributes:
        elbo: of held-out points, nats.
        kl: likewise.
        state: of training.
    """

    elbo: Any
    kl: Any
    state: TrainState


def optimum(correlation: float) -> dict[str, float]:
    """The best ELBO of either decoder, and the least KL with which a diagonal one reaches it."""
    covariance = [[1.0, correlation], [correlation, 1.0]]
    return {
        "elbo": -float(multivariate_normal_entropy(covariance)),
        "kl": float(wyner_information(correlation)),
    }


def learn(
    likelihood: Likelihood, correlations: Sequence[float], size: Size, seed: int = 0
) -> tuple[Objective, Learnt]:
    """One model for each correlation, all in one program, from the same start.

    Args:
        likelihood: p(x | z).
        correlations: M of them.
        size: of training; its correlations and seeds do not count.
        seed: of all that is random but the data.

    Returns:
        The objective, of one latent; what the M models have learnt.
    """
    model = models.ConvVAE((1, 1, 2), latent_size=1, preset="toy", likelihood=likelihood)
    beta = optax.linear_schedule(START, 1.0, 3 * size.num_steps // 4)
    objective = objectives.elbo(model, beta=beta)
    rate = optax.cosine_decay_schedule(5e-3, size.num_steps)
    optimizer = make_optimizer("adam", learning_rate=rate)
    step, evaluate = make_train_step(objective, optimizer), make_eval_step(objective)
    splits = [datasets.gaussian_pair(r, num_examples=size.num_examples) for r in correlations]
    source = splits[0]["train"]
    records = {
        name: jax.tree.map(lambda *x: np.stack(x), *[datasets.all_records(s[name]) for s in splits])
        for name in ("train", "test")
    }

    def of_one(records: Any) -> Learnt:
        init_rng, data_rng, step_rng = jax.random.split(jax.random.key(seed), 3)

        def batch_of(split: str, indices: Array) -> Any:
            return datasets.gather_batch(source, records[split], indices, data_rng)

        def take(state: TrainState, _: None) -> tuple[TrainState, None]:
            rng = jax.random.fold_in(data_rng, state.step)
            indices = jax.random.randint(rng, (size.batch_size,), 0, size.num_examples)
            return step(state, batch_of("train", indices), step_rng)[0], None

        first = batch_of("train", jnp.arange(size.batch_size))
        state = create_train_state(objective, optimizer, init_rng, first)
        state, _ = jax.lax.scan(take, state, None, length=size.num_steps)
        metrics = evaluate(state, batch_of("test", jnp.arange(size.num_examples)), step_rng)
        return Learnt(metrics["elbo"], metrics["kl"], state)

    return objective, jax.jit(lambda records: jax.lax.map(of_one, records))(records)


def run(size: str, folder: Path) -> list[dict[str, Any]]:
    """Train everything, draw `collapse.png`, and return a row for each model.

    Args:
        size: of `SIZES`.
        folder: receives the figure.
    """
    chosen, rows, panels = SIZES[size], [], {}
    for decoder, likelihood in DECODERS.items():
        for seed in range(chosen.seeds):
            objective, learnt = learn(likelihood, chosen.correlations, chosen, seed)
            look = jax.jit(functools.partial(_drawn, objective.views))
            for i, correlation in enumerate(chosen.correlations):
                best = optimum(correlation)
                rows.append(
                    {
                        "decoder": decoder,
                        "correlation": correlation,
                        "seed": seed,
                        "kl": float(learnt.kl[i]),
                        "least_kl": best["kl"] if decoder == "diagonal" else 0.0,
                        "elbo": float(learnt.elbo[i]),
                        "best_elbo": best["elbo"],
                    }
                )
                if seed == 0 and (decoder, correlation) in SHOWN.values():
                    state = jax.tree.map(lambda leaf, i=i: leaf[i], learnt.state)
                    draws, means = look(state.ema_params, state.model_state)
                    points = datasets.gaussian_pair(correlation, num_examples=NUM_DRAWN)["test"]
                    images = points.images(np.arange(NUM_DRAWN)), draws, means
                    flat = (np.asarray(some).reshape(-1, 2) for some in images)
                    panels[decoder, correlation] = Case(rows[-1]["kl"], *flat)
    cases = {title: panels[key] for title, key in SHOWN.items()}
    draw(folder / "collapse.png", figures.collapse, cases, rows)
    return rows


def _drawn(views: Views, params: Params, model_state: ModelState) -> tuple[Array, Array]:
    """Images of draws of a model, and their means along its latent."""
    keys = jax.random.split(jax.random.key(0), NUM_DRAWN)
    codes = (jnp.linspace(-REACH, REACH, NUM_DRAWN)[:, None],)
    draws = views.from_noise(params, model_state, views.noise(keys), draw=True)
    return draws, views.decode(params, model_state, codes, keys)
