"""Capacity-controlled VAE on dSprites: the KL follows a rising target.

    python -m vaejax.main --config=configs/capacity_dsprites.py --workdir=runs/capacity_dsprites

Paper:     Burgess et al., Understanding disentangling in beta-VAE, 2018, section 5:
           gamma |KL - C|, gamma = 1000, C from 0 to 25 nats in 100,000 steps.
Data:      dSprites, 737,280 images of 64 x 64, drawn on the fly.
Model:     Burgess network, 10 latents, Adam 5e-4.
Expect:    latents become informative one after the other: position, then scale, then shape and
           orientation. The study's grid: max_capacity = 5, 10, 25, 50, 75, 100.
Hardware:  estimated from the step time, not run: about two hours on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL, SMOKE
from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="burgess", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="capacity", gamma=1_000.0, max_capacity=25.0, num_steps=100_000),
        optimizer=dict(name="adam", learning_rate=5e-4),
        train=dict(num_steps=100_000, batch_size=64, eval_every=5_000),
        eval=EVAL,
        variant=variant,
        variants={
            # A dense network and a short run, which a gamma of 1,000 would not survive: it ends
            # with a KL that follows C by shifting all posteriors alike.
            "laptop": {
                "model.preset": "burda",
                "objective.gamma": 30.0,
                "objective.num_steps": 3_000,
                "optimizer.learning_rate": 1e-3,
                "train.num_steps": 3_000,
                "train.eval_every": 1_000,
                "train.ema_decay": 0.99,
                "eval.disentanglement.num_images": 20_000,
                "eval.bound.num_examples": 2_048,
            },
            "smoke": {
                **SMOKE,
                "objective.num_steps": 4,
            },
        },
    )
