"""beta-VAE on Frey faces: the thesis's network and scale of beta.

    python -m vaejax.main --config=configs/betavae_frey.py --workdir=runs/betavae_frey

Paper:     the thesis, chapters 4-6 (tables 4.1 and 4.2: 379,556 + 45,633 parameters).
Data:      1,965 frames of 28 x 20, 90 % to train on. Put `frey_rawface.mat` (or .npz, key `ff`)
           where `data.path` says, or --config.data.path=FILE.
Model:     two latents, sigmoid output, cross-entropy. The reconstruction is a mean over the 560
           pixels, so beta = 0.01 here weighs as much as 5.6 does with the usual sum.
Expect:    one latent for the expression, one for the pose; learning stops for beta > 0.01.
           The thesis's grid, beta = 1e-6 ... 1e3 and latent_size = 2, 3, 5, with its figures
           and what was decided where the thesis is silent: `experiments/thesis_frey.py`.
Hardware:  two minutes on two CPU cores.
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="frey_faces", path="~/datasets/frey_faces/frey_rawface.mat"),
        model=dict(name="ConvVAE", preset="frey", latent_size=2, likelihood="bernoulli"),
        objective=dict(name="elbo", beta=1e-3, reduction="mean"),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=3_000, batch_size=32, ema_decay=0.99, log_every=50, eval_every=500),
        eval=dict(bound=dict(split="test", batch_size=200)),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.bound.batch_size": 8,
            }
        },
    )
