"""Makes a run of an official checkpoint: `python -m vaejax.interop.nvae CHECKPOINT DIR`.

    python -m vaejax.interop.nvae checkpoint.pt runs/official
    python -m vaejax.main --workdir=runs/official --mode=sample --temperature=0.7
    python -m vaejax.main --workdir=runs/official --mode=evaluate --config.data.path=FOLDER

Sampling needs no data. For evaluating, the official argument `dataset` chooses among the data
sections of `configs/`; another data set is taken to be a folder of pictures.
"""

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from vaejax.interop.nvae.weights import from_official, model_settings, read_checkpoint
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import run_config
from vaejax.runs.config_file import load_config
from vaejax.runs.config_values import as_json
from vaejax.runs.kept_config import CHECKPOINTS, keep_config
from vaejax.runs.setup import build
from vaejax.training.state import TrainState, count_parameters, create_train_state

USAGE = "usage: python -m vaejax.interop.nvae CHECKPOINT DIR"
RUNS = {  # official name of a data set -> the run of `configs/` on it
    "celeba_64": "nvae_celeba",
    "celeba_256": "nvae_celebahq256",
    "cifar10": "nvae_cifar10",
    "ffhq": "nvae_ffhq256",
    "imagenet_32": "nvae_imagenet32",
    "mnist": "nvae_mnist",
}
NUM_IMPORTANCE_SAMPLES = 100


def main(argv: list[str]) -> None:
    """Read the official checkpoint `argv[0]` and write a run into the new folder `argv[1]`."""
    if len(argv) != 2:
        sys.exit(f"error: expected a checkpoint and a folder, got {argv}\n{USAGE}")
    checkpoint, workdir = (Path(path).expanduser() for path in argv)
    if (workdir / CHECKPOINTS).exists():
        sys.exit(f"error: expected a new folder, got {workdir}, which holds a run")
    try:
        state_dict, args = read_checkpoint(checkpoint)
        config = run_of(model_settings(state_dict, args), args)
        _, variables = from_official(state_dict, args)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    state = _state(config, jax.tree.map(jnp.float32, variables))
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        keep_config(workdir, config)
        about = {"config": as_json(config)}
        with closing(Checkpoints(workdir / CHECKPOINTS, about=about)) as checkpoints:
            checkpoints.save(state)
    except OSError as error:
        sys.exit(f"error: expected a folder to write to, got {workdir} ({error})")
    print(f"{count_parameters(state.params):,} parameters; a run in {workdir}, for example")
    print(f"  python -m vaejax.main --workdir={workdir} --mode=sample --temperature=0.7")


def run_of(settings: Mapping[str, Any], args: Mapping[str, Any]) -> ConfigDict:
    """The configuration of a run with the model of these settings, on the official data set."""
    data, bound = _data(settings, args)
    weighted = {
        "split": bound["split"],
        "batch_size": bound["batch_size"],
        "num_samples": NUM_IMPORTANCE_SAMPLES,
    }
    return run_config(
        data=data,
        model={"name": "NVAE", **settings},
        objective={"name": "elbo"},
        optimizer={"name": "adamax", "learning_rate": 1e-3, "eps": 1e-3},
        eval={"bound": bound, "importance_weighted": weighted},
    )


def _data(
    settings: Mapping[str, Any], args: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections `data` and `eval.bound` for an official data set."""
    dataset = args.get("dataset", "images")
    binary = settings["likelihood"]["name"] == "bernoulli"
    if dataset in RUNS:
        config = load_config(RUNS[dataset])
        data, bound = config.data.to_dict(), config.eval.bound.to_dict()
    else:
        size, _, channels = settings["image_shape"]
        data = {"name": "folder", "path": f"~/datasets/{dataset}"}
        data |= {"image_size": size, "channels": channels}
        data |= {"binarize": "dynamic"} if binary else {}
        bound = {"split": "test", "batch_size": 16}
    return data | ({} if binary else {"bits": args["num_x_bits"]}), bound


def _state(config: ConfigDict, variables: dict[str, Any]) -> TrainState:
    run = build(config, for_sampling=True)
    batch = {"image": jnp.zeros((1, *run.source.image_shape))}  # at which nothing looks

    @jax.jit
    def create(params: Any, model_state: Any) -> TrainState:
        given = {"model": params}, model_state
        objective = run.context.objective._replace(init=lambda rng, batch: given)
        return create_train_state(objective, run.optimizer, jax.random.key(0), batch)

    return create(variables.pop("params"), variables)


if __name__ == "__main__":
    main(sys.argv[1:])
