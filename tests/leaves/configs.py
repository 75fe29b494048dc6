"""Configurations of the leaves, as a user writes them: `--config=tests/leaves/configs.py:<leaf>`.

Each is named as `tests.leaves.<file>:<name>`; nothing of the library knows them.
"""

from vaejax.runs.config import run_config

LEAF = "tests.leaves."
DENSE = {"name": "ConvVAE", "preset": "burda", "latent_size": 2}
BOUND = {"bound": {"split": "test", "batch_size": 40}}
MIG = {
    "disentanglement": {
        "scores": {"mig": {}, "spread": {"name": LEAF + "frechet:spread"}},
        "num_points": 40,
        "num_repeats": 1,
        "batch_size": 40,
    }
}
FRECHET = {"frechet": {"name": LEAF + "frechet:frechet", "split": "test"}}
# By leaf: model, objective, evaluations and settings of training, as far as they differ.
LEAVES = {
    "iwae": {
        "objective": {"name": LEAF + "iwae:iwae", "temper": 1.0},
        "train": {"best_metric": "iwae_bound"},
    },
    "pixels": {"model": {"name": LEAF + "pixels:PixelModel"}},
    "autoregressive_decoder": {"model": {"name": LEAF + "autoregressive_decoder:PixelVAE"}},
    "flow_prior": {"model": {**DENSE, "latent_size": 3, "prior": LEAF + "flow_prior:flow"}},
    "info_gan": {
        "model": {"name": LEAF + "info_gan:Generator"},
        "objective": {"name": LEAF + "info_gan:info_gan", "weight": 1.0},
        "eval": MIG,
        "train": {"best_metric": "disentanglement/mig"},
    },
    "conditional": {"model": {"name": LEAF + "conditional:ConditionalVAE"}},
    "normalised": {"model": {"name": LEAF + "normalised:NormalisedVAE"}},
    "frechet": {"eval": {**BOUND, **FRECHET}, "train": {"best_metric": "-frechet_distance"}},
}


def get_config(leaf: str):
    own = LEAVES[leaf]
    train = {"num_steps": 4, "batch_size": 16, "log_every": 2, "eval_every": 2}
    return run_config(
        data={"name": LEAF + "bars:bars"},
        model=own.get("model", DENSE),
        objective=own.get("objective", {"name": "elbo", "beta": 1.0}),
        optimizer={"name": "sgd", "learning_rate": 1e-3},
        train={**train, **own.get("train", {})},
        eval=own.get("eval", BOUND),
    )
