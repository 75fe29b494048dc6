"""DIP-VAE-I on dSprites, at the length of the disentanglement study.

    python -m vaejax.main --config=configs/dipvae1_dsprites.py --workdir=runs/dipvae1_dsprites

Paper:     Kumar et al., Variational Inference of Disentangled Latent Concepts, 2018; settings of
           Locatello et al., 2019 (study v1).
Data:      dSprites, 737,280 images of 64 x 64, drawn on the fly.
Model:     Locatello conv network (2 x 2 kernels in the last two encoder layers), 10 latents.
Expect:    the study's grid is lambda_od = 1, 2, 5, 10, 20, 50 with lambda_d = 10 lambda_od; set
           it with --config.objective.off_diagonal=20.
Hardware:  estimated from the step time, not run: about ten hours on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL, SMOKE
from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="locatello", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="dip_vae", kind="i", off_diagonal=10.0),
        optimizer=dict(name="adam", learning_rate=1e-4, b1=0.9, b2=0.999, eps=1e-8),
        train=dict(num_steps=300_000, batch_size=64, eval_every=30_000),
        eval=EVAL,
        variant=variant,
        variants={"smoke": SMOKE},
    )
