"""beta-TCVAE on dSprites, at the length of the disentanglement study.

    python -m vaejax.main --config=configs/betatcvae_dsprites.py --workdir=runs/betatcvae_dsprites

Paper:     Chen et al., Isolating Sources of Disentanglement in VAEs, 2018; settings of Locatello
           et al., 2019 (study v1), but with correct minibatch-stratified sampling.
Data:      dSprites, 737,280 images of 64 x 64, drawn on the fly.
Model:     Locatello conv network (2 x 2 kernels in the last two encoder layers), 10 latents.
Expect:    the study's grid is beta = 1, 2, 4, 6, 8, 10; set it with --config.objective.beta=8.
           MIG (density form, the authors' code and network) of about 0.5 at beta = 6.
Hardware:  estimated from the step time, not run: about ten hours on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL, SMOKE
from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="locatello", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="beta_tcvae", beta=6.0, estimator="stratified"),
        optimizer=dict(name="adam", learning_rate=1e-4, b1=0.9, b2=0.999, eps=1e-8),
        train=dict(num_steps=300_000, batch_size=64, eval_every=30_000),
        eval=EVAL,
        variant=variant,
        variants={"smoke": SMOKE},
    )
