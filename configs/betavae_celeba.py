"""beta-VAE on CelebA: the blog's experiment, six latents, squared error plus beta KL.

    python -m vaejax.main --config=configs/betavae_celeba.py --workdir=runs/betavae_celeba

Paper:     Higgins et al., beta-VAE, 2017 (network of table 1); the blog post's 6 latents.
Data:      CelebA through tfds, 148 x 148 crop to 64 x 64, then standardised per pixel. With the
           files at hand: --config.data.manual_dir=FOLDER; see `vaejax/data/celeb_a.py`.
Model:     Higgins conv network, linear output, Gaussian of unit variance: the loss is
           1/2 |x - mean|^2 + beta KL + constant, summed over the 12,288 standardised values.
Expect:    blurred faces; latents for light, background, hair and pose. The blog's grid:
           beta = 0.1, 1, 2, 10 (--config.objective.beta=10).
Hardware:  two CPU cores, 15 minutes for 8,000 steps (4,000 of them took 7.5).
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(
            name="celeb_a",
            image_size=64,
            standardize=True,
            data_dir="~/tensorflow_datasets",
            manual_dir=placeholder(str),
        ),
        model=dict(
            name="ConvVAE",
            preset="higgins",
            latent_size=6,
            likelihood=dict(name="gaussian", scale=1.0),
        ),
        objective=dict(name="elbo", beta=1.0),
        optimizer=dict(name="adam", learning_rate=5e-4),
        train=dict(num_steps=8_000, batch_size=64, eval_every=1_000),
        eval=dict(bound=dict(split="validation", batch_size=200)),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.bound.batch_size": 8,
                "eval.bound.num_examples": 64,
            }
        },
    )
