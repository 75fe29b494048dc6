"""DIP-VAE-I on dSprites, at the length of the disentanglement study.

    python -m vaejax.main --config=configs/dipvae1_dsprites.py --workdir=runs/dipvae1_dsprites

Paper:     Kumar et al., Variational Inference of Disentangled Latent Concepts, 2018; settings of
           Locatello et al., 2019 (study v1).
Data:      dSprites, 737,280 images of 64 x 64, rendered on the fly.
Model:     Locatello conv network (2 x 2 kernels in the last two encoder layers), 10 latents.
Expect:    the study's grid is lambda_od = 1, 2, 5, 10, 20, 50 with lambda_d = 10 lambda_od; set
           it with --config.objective.off_diagonal=20.
Hardware:  estimated from the step time, not run: about ten hours on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites"),
        model=dict(name="ConvVAE", preset="locatello", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="dip_vae", kind="i", off_diagonal=10.0),
        optimizer=dict(name="adam", learning_rate=1e-4, b1=0.9, b2=0.999, eps=1e-8),
        train=dict(num_steps=300_000, batch_size=64, eval_every=30_000),
        eval=dict(
            disentanglement=dict(
                scores=dict(
                    beta_vae_score=dict(),
                    factor_vae_score=dict(),
                    mig=dict(),
                    sap=dict(),
                    modularity_explicitness=dict(),
                    active_units=dict(),
                ),
                num_images=100_000,
                num_repeats=5,
            ),
            bound=dict(split="test", batch_size=256, num_examples=10_240),
        ),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 4,
                "train.batch_size": 16,
                "train.log_every": 2,
                "train.eval_every": 4,
                "eval.disentanglement.scores": {"mig": {}, "active_units": {}},
                "eval.disentanglement.num_images": 1_200,
                "eval.disentanglement.num_points": 1_000,
                "eval.disentanglement.num_repeats": 2,
                "eval.bound.batch_size": 32,
                "eval.bound.num_examples": 64,
            }
        },
    )
