"""An importance-weighted autoencoder on binarised MNIST, in the setting of its paper.

    python -m vaejax.main --config=configs/iwae_mnist.py --workdir=runs/iwae_mnist

Paper:     Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, table 1.
Data:      MNIST, binarised anew at every use; the last 400 training images are for validation. Put
           the four official files where `data.path` says, or --config.data.path=FOLDER.
Model:     784-200-200 tanh, 50 latents, 200-200-784; Bernoulli. With --config.model.num_layers=2
           the paper's two stochastic layers, 100 and 50.
Expect:    test log-likelihood by 5,000 importance samples.
Hardware:  not run.
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config

STEPS_PER_EPOCH = 59_600 // 20
NUM_EPOCHS = 3_280  # the eight stages of the learning rate
LAPTOP_STEPS = 10_000
LAPTOP_RATE = dict(name="cosine_decay_schedule", init_value=1e-3, decay_steps=LAPTOP_STEPS)


def get_config(variant: str = "") -> ConfigDict:
    return run_config(
        data=dict(name="mnist", path="~/datasets/mnist", binarize="dynamic", num_validation=400),
        model=dict(name="burda", num_layers=1, likelihood="bernoulli"),
        objective=dict(name="elbo"),
        optimizer=dict(
            name="adam",
            learning_rate=dict(name="iwae_learning_rate", steps_per_epoch=STEPS_PER_EPOCH),
            b1=0.99,
            b2=0.999,
            eps=1e-4,
        ),
        train=dict(
            num_steps=NUM_EPOCHS * STEPS_PER_EPOCH,
            batch_size=20,
            ema_decay=0.0,
            log_every=STEPS_PER_EPOCH,
            eval_every=NUM_EPOCHS * STEPS_PER_EPOCH // 10,
            best_metric="log_likelihood",
        ),
        eval=dict(
            importance_weighted=dict(split="test", num_samples=5_000, chunk=50, batch_size=20),
        ),
        variant=variant,
        variants={
            "laptop": {
                "optimizer.learning_rate": LAPTOP_RATE,
                "train.num_steps": LAPTOP_STEPS,
                "train.log_every": 500,
                "train.eval_every": LAPTOP_STEPS // 4,
                "eval.importance_weighted.num_examples": 500,
            },
            "smoke": {
                "data.num_validation": 4,
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.importance_weighted.num_samples": 5,
                "eval.importance_weighted.batch_size": 16,
            },
        },
    )
