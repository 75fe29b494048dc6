"""Somebody with a model and an objective of their own: in a configuration, then loaded."""

from tests.journeys.walking import walk

MINE = '''
import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax import objectives
from vaejax.distributions import Bernoulli, Normal
from vaejax.models import ConvVAE


class Mine(ConvVAE):
    """ConvVAE under a name of one's own."""


def mine(model, *, weight: float = 1.0):
    """The ELBO times a weight."""
    inner = objectives.elbo(model)

    def loss(*arguments):
        value, (metrics, state) = inner.loss(*arguments)
        return weight * value, ({**metrics, "loss": weight * value}, state)

    return inner._replace(loss=loss)
'''
CONFIG = """
from vaejax.runs.config import run_config


def get_config():
    return run_config(
        data=dict(name="dsprites", fixed=dict(orientation=0)),
        model=dict(name="mine:Mine", preset="burda", latent_size=3),
        objective=dict(name="mine:mine", weight=1.0),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(num_steps=4, batch_size=8, log_every=2, eval_every=4),
        eval=dict(bound=dict(split="test", batch_size=8, num_examples=16)),
    )
"""
SCRIPT = """
python -m vaejax.main --config=config.py --help
python -m vaejax.main --config=config.py --workdir=runs/mine --config.objective.weight=2
python -m vaejax.main --config=config.py --workdir=runs/mine --config.objective.weight=2 --mode=evaluate
python -m vaejax.main --config=config.py --workdir=runs/mine --config.objective.weight=2 --mode=sample
python -m vaejax.main --config=config.py --workdir=runs/mine --config.objective.weight=2 --mode=traverse
python -c "import vaejax; m = vaejax.load('runs/mine', allowed=['mine:Mine', 'mine:mine']); print(m.sample(2).shape)"
"""  # noqa: E501


def test_an_objective_and_a_model_of_ones_own(tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "config.py").write_text(CONFIG)
    keys, trained, evaluated, sampled, traversed, loaded = walk(SCRIPT, tmp_path)
    assert "config.objective.weight" in keys.out
    assert "elbo" in trained.out + trained.err and "elbo" in evaluated.out + evaluated.err
    assert ".png" in sampled.out and ".png" in traversed.out
    assert loaded.out.splitlines()[-1] == "(2, 64, 64, 1)"
