"""A beta-VAE on a small part of dSprites: minutes to something worth looking at.

    python -m vaejax.main --config=configs/quickstart.py --workdir=runs/quickstart

Data:      dSprites, drawn on the fly: nothing to download. Size and orientation are held, so that
           3 shapes at 32 x 32 places remain, and shapes are learnt in minutes instead of hours.
Model:     the Higgins conv network (Higgins et al., beta-VAE, 2017), 6 latents.
Objective: beta falls from 12 to 4: position is learnt first, and smoothly; then shape.
Expect:    two minutes on two quiet CPU cores, nine on two that were shared (50 to 170 ms of CPU
           time a step): squares, ellipses, hearts (still without their notch) in reconstructions;
           three latents for position and shape, not yet wholly apart, so that a sprite may vanish
           between two shapes. The whole of dSprites: `configs/betavae_dsprites.py`.
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="dsprites", fixed=dict(scale=5, orientation=0)),
        model=dict(name="ConvVAE", preset="higgins", latent_size=6, likelihood="bernoulli"),
        objective=dict(
            name="elbo",
            beta=dict(
                name="linear_schedule", init_value=12.0, end_value=4.0, transition_steps=1_500
            ),
        ),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=3_000, batch_size=32, ema_decay=0.99, log_every=50, eval_every=500),
        eval=dict(bound=dict(split="test", batch_size=256)),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 6,
                "train.batch_size": 16,
                "train.log_every": 2,
                "train.eval_every": 3,
                "eval.bound.batch_size": 32,
            }
        },
    )
