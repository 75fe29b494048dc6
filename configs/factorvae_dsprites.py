"""FactorVAE on dSprites, at the length of the disentanglement study.

    python -m vaejax.main --config=configs/factorvae_dsprites.py --workdir=runs/factorvae_dsprites

Paper:     Kim & Mnih, Disentangling by Factorising, 2018; settings of Locatello et al., 2019
           (study v1), but with the paper's second batch: 64 images train the model, and the codes
           of 64 others are shuffled for the discriminator.
Data:      dSprites, 737,280 images of 64 x 64, drawn on the fly.
Model:     Locatello conv network (2 x 2 kernels in the last two encoder layers), 10 latents.
           The discriminator has 6 layers of 1000 leaky ReLUs.
Expect:    FactorVAE score of about 0.82 at gamma = 35 (paper, mean of 10 runs). The study's grid:
           --config.objective.gamma = 10, 20, 30, 40, 50, 100.
Hardware:  not run at this length; estimated at a day on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL, SMOKE
from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="locatello", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="factor_vae", gamma=35.0, hidden=(1000,) * 6, second_batch=True),
        optimizer=dict(
            name="adam",
            learning_rate=1e-4,
            b1=0.9,
            b2=0.999,
            eps=1e-8,
            players=dict(
                discriminator=dict(name="adam", learning_rate=1e-4, b1=0.5, b2=0.9, eps=1e-8)
            ),
        ),
        train=dict(num_steps=300_000, batch_size=128, eval_every=30_000),
        eval=EVAL,
        variant=variant,
        variants={
            # Upright sprites, dense networks, a discriminator that is small and fast: for a CPU.
            "laptop": {
                "data.fixed": {"orientation": 0},
                "model.preset": "burda",
                "objective.hidden": (256,) * 4,
                "optimizer.learning_rate": 1e-3,
                "optimizer.players.discriminator.learning_rate": 1e-3,
                "train.num_steps": 2_000,
                "train.eval_every": 2_000,
                "train.ema_decay": 0.99,
                "eval.disentanglement.num_images": None,
                "eval.bound.num_examples": None,
            },
            "smoke": {
                **SMOKE,
                "objective.hidden": (16, 16),
            },
        },
    )
