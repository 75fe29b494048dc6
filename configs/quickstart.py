"""A beta-VAE on rendered dSprites, small enough to watch.

    python -m vaejax.main --config=configs/quickstart.py --workdir=runs/quickstart

Data:      dSprites, rendered on the fly: nothing to download.
Model:     the Burgess network, 10 latents, beta = 4 (Higgins et al., 2017; Burgess et al., 2018).
Expect:    after two minutes on two CPU cores the shapes are recognisable and two or three latents
           move the sprite; a paper-length run is `configs/betavae_dsprites.py`.
"""

from ml_collections import ConfigDict

from vaejax.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites", fixed=dict(orientation=0)),
        model=dict(name="ConvVAE", preset="burgess", latent_size=10, likelihood="bernoulli"),
        objective=dict(name="elbo", beta=4.0),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=1_000, batch_size=64, ema_decay=0.99, log_every=20, eval_every=250),
        eval=dict(bound=dict(split="test", batch_size=256, num_examples=2_048)),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 6,
                "train.batch_size": 16,
                "train.log_every": 2,
                "train.eval_every": 3,
                "eval.bound.batch_size": 32,
                "eval.bound.num_examples": 64,
            }
        },
    )
