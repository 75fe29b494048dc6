"""FactorVAE with gamma 10 against a beta-VAE with beta 8: reconstruction and disentanglement.

Kim & Mnih, Disentangling by Factorising, 2018: at the same score FactorVAE should reconstruct
better, since it penalises the total correlation only and not the information about the image.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.lecture.runs import SCORES
from experiments.trained import Trained
from vaejax.pictures.run_pictures import Pictures
from vaejax.sweep import Member

BOUND = ("elbo", "log_px", "kl")
OF_FACTOR_VAE = ("total_correlation", "discriminator_accuracy")


def numbers_of(members: Sequence[Member]) -> dict[str, list[float]]:
    """By name, the values of the members that did not diverge: of held-out images, and scores."""
    rows = []
    for member in members:
        if not member.diverged:
            last = member.last_metrics()
            bound, scores = last["test/bound"], last["disentanglement"]
            row = {name: bound[name] for name in (*BOUND, *OF_FACTOR_VAE) if name in bound}
            row |= {name: scores[f"disentanglement/{name}"] for name in SCORES}
            rows.append(row)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}


def pictures_of(model: Trained) -> Mapping[str, np.ndarray]:
    """Reconstructions, samples and traversals of a model, uint8 [h, w, 3]."""
    return Pictures(model.run.context, model.run.held_out).of(model.state)


def results_of(numbers: Mapping[str, Mapping[str, list[float]]]) -> dict[str, Any]:
    """The numbers of each objective, and by how much the means of FactorVAE exceed the other's."""
    factor_vae, beta_vae = numbers["FactorVAE"], numbers["beta-VAE"]
    gains = {name: float(np.mean(factor_vae[name]) - np.mean(beta_vae[name])) for name in beta_vae}
    return {**numbers, "FactorVAE less beta-VAE": gains}
