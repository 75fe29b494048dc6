"""Sampling a run that its folder describes, and what does not fit it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from vaejax.runs import kept_config, modes
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError, run_config
from vaejax.runs.setup import build, initial_state


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """The folder of a run of no steps, whose data are gone."""
    folder = tmp_path_factory.mktemp("run")
    np.save(folder / "images.npy", np.full((20, 8, 8, 1), 255, np.uint8))
    config = run_config(
        data=dict(name="array", path=str(folder / "images.npy")),
        model=dict(
            name="ConvVAE",
            preset="burda",
            latent_size=2,
            image_shape=(8, 8, 1),
            likelihood=dict(name="gaussian", scale=None),
        ),
        objective=dict(name="elbo", beta=dict(name="warm_up", num_steps=10.0)),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(batch_size=8),
        eval=dict(bound=dict(batch_size=8)),
    )
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(initial_state(build(config)))
    checkpoints.close()
    kept_config.keep_config(folder, config)
    (folder / "images.npy").unlink()
    return folder


@pytest.fixture(scope="module")
def config(workdir):
    return kept_config.get_config(str(workdir))


def test_the_kept_configuration_is_that_of_the_run(workdir, config):
    kept_config.check_same_run(workdir, config)
    assert config.is_locked
    again = kept_config.get_config(str(workdir))
    again.update_from_flattened_dict({"data.key": "images", "optimizer.clip_norm": 1.0})
    with pytest.raises(TypeError):  # what is None has a type
        kept_config.get_config(str(workdir)).optimizer.clip_norm = "high"


def test_samples_need_no_data(workdir, config):
    modes.sample(config, workdir, temperature=(0.5,), shared_groups=1)
    images = np.load(workdir / "samples_0.npy").reshape(8, 8, 8, 8, 1)
    np.testing.assert_allclose(images, images[:, :1].repeat(8, 1), rtol=1e-5)
    assert (workdir / "samples_0.png").exists() and (workdir / "interpolations_0.png").exists()
    with pytest.raises(ConfigError, match="config.data.path: expected"):
        modes.evaluate(config, workdir)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": (-1.0,)}, "--temperature: expected numbers >= 0, got"),
        ({"temperature": (1.0, np.nan)}, "--temperature: expected numbers >= 0, got"),
        ({"temperature": (np.inf,)}, "--temperature: expected numbers >= 0, got"),
        ({"temperature": ("warm",)}, "--temperature: expected numbers >= 0, got"),
        ({"temperature": ()}, "--temperature: expected numbers >= 0, got"),
        ({"temperature": (1.0, 2.0, 3.0)}, "--temperature: expected a number or 1 of them, got 3"),
        ({"shared_groups": 3}, "--shared_groups: expected 0 to 2, got 3"),
        ({"reestimate": True}, "--reestimate: expected a model with batch statistics"),
    ],
)
def test_what_does_not_fit_the_model_is_told(workdir, config, arguments, message):
    with pytest.raises(ConfigError, match=message):
        modes.sample(config, workdir, **arguments)


def test_an_interval_that_is_not_known_is_null_and_is_not_printed(tmp_path, monkeypatch, capsys):
    known = {"kl": np.float32(2.0), "kl_low": 1.5, "kl_high": 2.5}
    scores = {"test/bound": {"elbo": -1.0, "elbo_low": np.nan, "elbo_high": np.nan, **known}}
    evaluators = {"test/bound": lambda state: iter(scores["test/bound"].items())}
    units = {"test/bound": {"elbo": "nats/image", "kl": "nats/image"}}
    run, state = SimpleNamespace(evaluators=evaluators, units=units), SimpleNamespace(step=3)
    monkeypatch.setattr(modes, "restored", lambda *args: (run, state))
    modes.evaluate(None, tmp_path)
    kept = json.loads((tmp_path / "evaluation_3.json").read_text(), parse_constant=pytest.fail)
    assert kept["test/bound"]["elbo_low"] is None and kept["test/bound"]["kl_high"] == 2.5
    printed = " ".join(capsys.readouterr().out.split())
    assert "elbo -1 nats/image kl 2 [1.5, 2.5] nats/image" in printed
