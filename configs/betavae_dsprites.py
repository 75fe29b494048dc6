"""beta-VAE on dSprites, at the length of the disentanglement study.

    python -m vaejax.main --config=configs/betavae_dsprites.py --workdir=runs/betavae_dsprites

Paper:     Higgins et al., beta-VAE, 2017; settings of Locatello et al., 2019 (study v1).
Data:      dSprites, 737,280 images of 64 x 64, drawn on the fly.
Model:     Locatello conv network (2 x 2 kernels in the last two encoder layers), 10 latents.
Expect:    the study's grid is beta = 1, 2, 4, 6, 8, 16; set it with --config.objective.beta=8.
Hardware:  estimated from the step time, not run: about ten hours on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL, SMOKE
from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="locatello", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="elbo", beta=4.0),
        optimizer=dict(name="adam", learning_rate=1e-4, b1=0.9, b2=0.999, eps=1e-8),
        train=dict(num_steps=300_000, batch_size=64, eval_every=10_000),
        eval=EVAL,
        variant=variant,
        variants={
            # A dense network, upright sprites only: a minute per run, for sweeps on a CPU.
            "laptop": {
                "data.fixed": {"orientation": 0},
                "model.preset": "burda",
                "optimizer.learning_rate": 1e-3,
                "train.num_steps": 2_000,
                "train.eval_every": 2_000,
                "train.ema_decay": 0.99,  # so short a run needs a short memory
                "eval.disentanglement.num_images": None,
                "eval.bound.num_examples": None,
            },
            "smoke": SMOKE,
        },
    )
