"""The runs of the IWAE paper, which differ in their data alone.

Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, section 5.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from vaejax.runs.config import run_config

NUM_EPOCHS = 3_280  # the eight stages of the learning rate
LAPTOP_STEPS = 10_000


def iwae_run(variant: str, data: Mapping[str, Any], steps_per_epoch: int) -> ConfigDict:
    """The configuration in the paper's setting, or the variant `laptop` or `smoke` of it.

    Args:
        variant: empty for the paper's.
        data: the section of that name.
        steps_per_epoch: of batches of 20 training images.
    """
    num_steps = NUM_EPOCHS * steps_per_epoch
    return run_config(
        data=data,
        model=dict(name="burda", num_layers=1, likelihood="bernoulli"),
        objective=dict(name="iwae", num_samples=50),
        optimizer=dict(
            name="adam",
            learning_rate=dict(name="iwae_learning_rate", steps_per_epoch=steps_per_epoch),
            b1=0.99,
            b2=0.999,
            eps=1e-4,
        ),
        train=dict(
            num_steps=num_steps,
            batch_size=20,
            ema_decay=0.0,
            log_every=steps_per_epoch,
            eval_every=num_steps // 10,
            best_metric="iwae_bound",  # of the validation split
        ),
        eval=dict(
            bound=dict(split="validation", batch_size=20),
            importance_weighted=dict(split="test", num_samples=5_000, chunk=50, batch_size=20),
            active_units=dict(split="train", num_images=500, batch_size=20),
        ),
        variant=variant,
        variants={
            "laptop": {
                "optimizer.learning_rate": dict(
                    name="cosine_decay_schedule", init_value=1e-3, decay_steps=LAPTOP_STEPS
                ),
                "train.num_steps": LAPTOP_STEPS,
                "train.log_every": 500,
                "train.eval_every": LAPTOP_STEPS // 4,
                "eval.importance_weighted.num_examples": 500,
            },
            "smoke": {
                "objective.num_samples": 5,
                "data.num_validation": 4,
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.importance_weighted.num_samples": 5,
                "eval.bound.batch_size": 16,
                "eval.importance_weighted.batch_size": 16,
                "eval.active_units.batch_size": 16,
            },
        },
    )
