"""A VAE on binarised MNIST, the baseline of the IWAE paper.

    python -m vaejax.main --config=configs/vae_mnist.py --workdir=runs/vae_mnist

Paper:     Burda, Grosse, Salakhutdinov, Importance weighted autoencoders, 2016, table 1.
Data:      MNIST, binarised anew at every use. Put the four official files where `data.path` says,
           or --config.data.path=FOLDER.
Model:     784-200-200 tanh, 50 latents, 200-200-784; Bernoulli.
Expect:    the paper's VAE (k = 1) reaches a test log-likelihood of -86.76 nats (5,000 importance
           samples); the bound that this config reports lies a few nats below that, and 3,280
           epochs of a falling learning rate below what a constant one finds in a few.
Hardware:  a minute on two CPU cores for 13 epochs (6,000 steps).
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="mnist", path="~/datasets/mnist", binarize="dynamic"),
        model=dict(name="ConvVAE", preset="burda", latent_size=50, likelihood="bernoulli"),
        objective=dict(name="elbo", beta=1.0),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=6_000, batch_size=128, eval_every=1_000),
        eval=dict(bound=dict(split="test", batch_size=1_000)),
        variant=variant,
        variants={
            "smoke": {
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.bound.batch_size": 16,
            }
        },
    )
