"""What a configuration stands for is checked before anything compiles."""

import jax
import numpy as np
import pytest

from vaejax import objectives
from vaejax.pictures.run_pictures import Pictures, examples
from vaejax.runs.config import ConfigError, run_config
from vaejax.runs.setup import abstract_state, build, initial_state


def config_of(folder, likelihood, channels=1, **data):
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, channels)).astype(np.uint8)
    np.save(folder / "images.npy", images)
    return run_config(
        data=dict(name="array", path=str(folder / "images.npy"), **data),
        model=dict(name="ConvVAE", preset="burda", latent_size=2, likelihood=likelihood),
        objective=dict(name="elbo"),
        optimizer=dict(name="adam", learning_rate=1e-3),
    )


def test_masses_are_of_the_values_that_the_images_take(tmp_path):
    build(config_of(tmp_path, dict(name="logistic_mixture", bits=8)))
    with pytest.raises(ConfigError, match=r"config.model.likelihood.bits: expected 8, .* got 5"):
        build(config_of(tmp_path, dict(name="logistic_mixture", bits=5)))
    with pytest.raises(ConfigError, match=r"config.model.likelihood.bits: expected 1, .* got 8"):
        build(config_of(tmp_path, dict(name="logistic_mixture"), binarize="fixed"))


def config_of_tcvae(folder, **objective):
    config = config_of(folder, "bernoulli").to_dict()
    sections = {name: config[name] for name in ("data", "model", "optimizer", "train")}
    return run_config(objective=dict(name="beta_tcvae", **objective), **sections)


def test_the_number_of_training_images_is_filled_in(tmp_path):
    run = build(config_of_tcvae(tmp_path))
    batch = run.source.batch(np.arange(4))
    params, state = run.context.objective.init(jax.random.key(0), batch)

    def loss(objective):
        return objective.loss(params, state, batch, jax.random.key(1), 0, True)[0]

    explicit = objectives.beta_tcvae(run.model, num_examples=len(run.source))
    other = objectives.beta_tcvae(run.model, num_examples=1_000)
    assert len(run.source) == 18
    assert loss(run.context.objective) == loss(explicit) != loss(other)


def test_a_number_of_training_images_must_be_theirs(tmp_path):
    build(config_of_tcvae(tmp_path, num_examples=18))
    message = r"config.objective.num_examples: expected 18, as the data have, got 20; .* left out"
    with pytest.raises(ConfigError, match=message):
        build(config_of_tcvae(tmp_path, num_examples=20))


def test_the_mean_image_is_filled_in(tmp_path):
    """That of the grey training images, although they are binarised; a sampler does without."""
    config = config_of(tmp_path, "bernoulli", binarize="dynamic").to_dict()
    config["model"] = dict(name="burda", num_layers=2)
    run = build(run_config(**config))
    grey = run.source.source.images(np.arange(18))
    np.testing.assert_allclose(run.model.pixel_means, np.ravel(grey.mean(0)), rtol=1e-5)
    config["model"]["image_shape"] = (8, 8, 1)
    sampler = build(run_config(**config), for_sampling=True)
    assert sampler.model.pixel_means is None
    shapes = [jax.tree.map(np.shape, abstract_state(each).params) for each in (run, sampler)]
    assert shapes[0] == shapes[1]


def test_the_shape_of_images_must_be_theirs(tmp_path):
    config = config_of(tmp_path, "bernoulli")
    with config.unlocked():
        config.model.image_shape = (8, 8, 3)
    with pytest.raises(ConfigError, match=r"config.model.image_shape: expected \(8, 8, 1\)"):
        build(config)


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize(
    ("channels", "shown"), [(2, "2 as red and green"), (4, "3 as red, "), (5, "3")]
)
def test_images_of_other_than_one_or_three_channels(tmp_path, likelihood, channels, shown):
    line = rf"^images have {channels} channels, .* pictures show the first {shown}"
    with pytest.warns(UserWarning, match=line):
        run = build(config_of(tmp_path, dict(name=likelihood), channels))
    state = initial_state(run)
    for picture in Pictures(run.context, run.held_out).of(state).values():
        assert picture.shape[-1] == 3
    assert examples(run.source).shape[-1] == 3


@pytest.mark.parametrize("channels", [2, 4, 5])
@pytest.mark.parametrize("model", ["ConvVAE", "NVAE"])
def test_channels_that_a_likelihood_has_no_place_for(tmp_path, channels, model):
    config = config_of(tmp_path, dict(name="logistic_mixture"), channels)
    if model == "NVAE":
        with config.unlocked():
            config.model = dict(name="NVAE", likelihood=dict(name="logistic_mixture"))
    with pytest.raises(ConfigError, match=rf"^config.model.*: channels: .* got {channels}"):
        build(config)
