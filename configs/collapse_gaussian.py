"""Posterior collapse on two Gaussian numbers: the lecture's toy example.

    python -m vaejax.main --config=configs/collapse_gaussian.py --workdir=runs/collapse
    python -m vaejax.main --workdir=runs/collapse --mode=collapse

Paper:     Isachenko, Deep generative models, lecture of spring 2021, "posterior collapse: toy
           example"; the KL is Wyner's common information of Gaussians (Xu, Liu & Chen, 2011).
Data:      two numbers of correlation 0.9, drawn on the fly (--config.data.correlation=0 is the
           univariate case).
Model:     32 tanh units on either side, one latent; a Gaussian decoder of diagonal covariance.
           --config.model.likelihood=full_gaussian has a full one, which needs no latent.
Objective: beta falls from 1.1 to 1, so that of equally good optima that of least KL is found.
Expect:    an ELBO of -2.01 nats, the negative entropy of the data, and a KL of 1.47, what a latent
           must tell of two numbers that it leaves independent; with correlation 0, or a full
           covariance, an ELBO of -2.84 or -2.01 and a KL of 0.01 or less: the latent is dead.
Hardware:  ten seconds on a CPU core.
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="gaussian_pair", correlation=0.9, num_examples=50_000),
        model=dict(
            name="ConvVAE",
            preset="toy",
            latent_size=1,
            likelihood=dict(name="gaussian", scale=None),
        ),
        objective=dict(
            name="elbo",
            beta=dict(
                name="linear_schedule", init_value=1.1, end_value=1.0, transition_steps=1_500
            ),
        ),
        optimizer=dict(
            name="adam",
            learning_rate=dict(name="cosine_decay_schedule", init_value=5e-3, decay_steps=2_000),
        ),
        train=dict(num_steps=2_000, batch_size=256, ema_decay=0.99, log_every=100, eval_every=500),
        eval=dict(
            bound=dict(split="test", batch_size=1_000),
            elbo_surgery=dict(split="test", num_examples=5_000, batch_size=1_000),
        ),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "data.num_examples": 40,
                "eval.bound.batch_size": 16,
                "eval.elbo_surgery.batch_size": 16,
            }
        },
    )
