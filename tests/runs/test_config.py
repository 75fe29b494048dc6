"""Configurations: what a section resolves to, and what each mistake is told."""

import functools
import types

import ml_collections
import optax
import pytest

from vaejax import data, distributions, models, objectives
from vaejax.models import ConvVAE, posteriors, priors
from vaejax.runs.config import ConfigError, TrainSettings, build, call, run_config
from vaejax.training.optimizers import make_optimizer
from vaejax.types import Objective

MODEL = ConvVAE((8, 8, 1), 2, "burda")


def test_section_resolves_to_the_object_it_names():
    section = {"name": "ConvVAE", "image_shape": [8, 8, 1], "latent_size": 3, "preset": "burda"}
    assert build("config.model", models, section) == ConvVAE((8, 8, 1), 3, "burda")


def test_nested_likelihood_by_name_or_with_arguments():
    section = {"name": "ConvVAE", "image_shape": (8, 8, 1), "preset": "burda"}
    by_name = build("config.model", models, {**section, "likelihood": "gaussian"})
    assert by_name.likelihood.num_outputs(3) == 3
    likelihood = {"name": "logistic_mixture", "num_mixtures": 2}
    with_arguments = build("config.model", models, {**section, "likelihood": likelihood})
    assert with_arguments.likelihood.num_outputs(3) == 20


def test_priors_and_posteriors_are_parts_of_a_model():
    section = {"name": "ConvVAE", "image_shape": (8, 8, 1), "preset": "burda"}
    given = {"prior": "autoregressive_flow", "posterior": {"name": "iaf", "hidden": [8, 8]}}
    model = build("config.model", models, {**section, **given})
    assert model.prior == priors.autoregressive_flow()
    assert model.posterior == posteriors.iaf(hidden=(8, 8))
    assert build("config.model", models, section).posterior == posteriors.gaussian()
    for message, wrong in (
        ("config.model.posterior.name: unknown 'standard'", {"posterior": "standard"}),
        ("config.model.posterior.num_flows: expected at least 1", {
            "posterior": {"name": "iaf", "num_flows": 0}
        }),
        ("config.model.prior.hidden: expected one or more widths", {
            "prior": {"name": "autoregressive_flow", "hidden": ()}
        }),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            build("config.model", models, {**section, **wrong})


def test_nested_schedule_is_optaxs():
    section = {
        "name": "linear_schedule", "init_value": 0.0, "end_value": 4.0, "transition_steps": 10
    }  # fmt: skip
    seen = {}

    def objective(model, *, beta: float | optax.Schedule | None = None) -> Objective:
        seen["beta"] = beta
        return objectives.elbo(model)

    call("config.objective", objective, {"beta": ml_collections.ConfigDict(section)}, MODEL)
    assert float(seen["beta"](5)) == 2.0


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"name": "elbo", "bta": 1.0}, "config.objective.bta: unknown 'bta'; did you mean 'beta'"),
        ({"name": "elbow"}, "config.objective.name: unknown 'elbow'; did you mean 'elbo'"),
        ({"beta": 1.0}, "config.objective.name: unknown None"),
        ({"name": "variational_"}, "config.objective.name: unknown"),
        ({"name": "normalise_beta"}, "config.objective.name: unknown"),
        ({"name": "elbo", "beta": -1.0}, "config.objective.beta: expected a number >= 0"),
        ({"name": "elbo", "beta": "high"}, "config.objective.beta: expected .*float.*got 'high'"),
        ({"name": "elbo", "beta": True}, "config.objective.beta: expected .*got True"),
        ({"name": "capacity", "signed": 1}, "config.objective.signed: expected bool, got 1"),
        ({"name": "capacity", "num_steps": 1.5}, "config.objective.num_steps: expected int"),
        (
            {"name": "elbo", "reduction": "max"},
            "config.objective.reduction: expected .*sum.*mean.*got 'max'",
        ),
        (
            {"name": "elbo", "beta": {"name": "linear_schedul"}},
            "config.objective.beta.name: unknown 'linear_schedul'; did you mean 'linear_schedule'",
        ),
        (
            {"name": "elbo", "beta": {"name": "linear_schedule", "init_value": 0.0}},
            "config.objective.beta.end_value: expected a value, got none",
        ),
    ],
)
def test_every_mistake_names_its_key(section, message):
    with pytest.raises(ConfigError, match=message):
        build("config.objective", objectives, section, MODEL, returns=Objective)


def test_only_data_sets_are_offered_as_data():
    with pytest.raises(ConfigError, match="config.data.name: unknown 'batch_indices'") as error:
        build("config.data", data, {"name": "batch_indices"}, returns=data.Splits)
    assert "'dsprites'" in str(error.value)


def test_missing_file_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="config.data.path: expected"):
        build("config.data", data, {"name": "mnist", "path": str(tmp_path)}, returns=data.Splits)


def test_impossible_image_shape_is_a_config_error():
    section = {"name": "ConvVAE", "image_shape": (28, 28, 1), "preset": "higgins"}
    with pytest.raises(ConfigError, match="config.model.image_shape: .*divisible by 16"):
        build("config.model", models, section)


def test_own_package_can_be_the_library():
    """Someone else's module of models resolves like ours."""
    package = types.SimpleNamespace(__name__="mine", Tiny=lambda width: width)
    assert build("config.model", package, {"name": "Tiny", "width": 3}) == 3


def test_run_config_is_locked_and_filled_in():
    config = run_config(data={"name": "dsprites"}, train={"num_steps": 5})
    assert config.train.num_steps == 5
    assert config.train.batch_size == TrainSettings().batch_size
    with pytest.raises(AttributeError):
        config.train.num_stpes = 3


def test_integers_where_floats_belong_become_floats():
    config = run_config(objective={"name": "elbo", "beta": 4}, optimizer={"name": "adam", "l2": 0})
    assert [type(value) for value in (config.objective.beta, config.optimizer.l2)] == [float] * 2
    config.objective.beta = 0.5  # which it would not be, where an integer stands
    assert type(run_config(model={"name": "ConvVAE", "latent_size": 3}).model.latent_size) is int


def test_what_a_section_leaves_out_can_be_set():
    config = run_config(
        data={"name": "dsprites"},
        model={"name": "ConvVAE"},
        objective={"name": "elbo", "beta": 4.0},
        optimizer={"name": "adam", "learning_rate": 1e-3},
    )
    config.update_from_flattened_dict(
        {
            "data.coloured": True,
            "objective.reduction": "mean",
            "optimizer.clip_norm": 1.0,
            "train.skip_factor": 10.0,
        }
    )
    assert config.model.latent_size == 10
    assert config.objective.beta_norm is None
    with pytest.raises(TypeError):
        config.optimizer.clip_norm = "high"
    model = build("config.model", models, {"image_shape": (64, 64, 3), **config.model})
    build("config.objective", objectives, config.objective, model, returns=Objective)
    call("config.optimizer", make_optimizer, config.optimizer)


def test_variants_change_what_they_say():
    variants = {"smoke": {"train.num_steps": 2}}
    assert run_config("smoke", variants, train={"num_steps": 5}).train.num_steps == 2
    with pytest.raises(ConfigError, match="variant: expected one of .'smoke'., got 'smok'"):
        run_config("smok", variants)
    with pytest.raises(ConfigError, match="config.train.num_step: unknown .* 'num_steps'"):
        run_config(train={"num_step": 5})


@pytest.mark.parametrize(
    "settings",
    [
        {"num_steps": 0},
        {"batch_size": -1},
        {"ema_decay": 1.0},
        {"num_microbatches": 0},
        {"skip_factor": 1.0},
        {"log_every": 0},
        {"eval_every": 0},
    ],
)
def test_impossible_train_settings_are_refused(settings):
    (name,) = settings
    with pytest.raises(ConfigError, match=f"config.train.{name}: expected"):
        call("config.train", TrainSettings, settings)


def test_likelihoods_are_the_only_names_for_a_likelihood():
    section = {"name": "ConvVAE", "image_shape": (8, 8, 1), "likelihood": "Normal"}
    with pytest.raises(ConfigError, match="config.model.likelihood.name: unknown 'Normal'"):
        build("config.model", models, section)
    assert isinstance(distributions.bernoulli(), distributions.Likelihood)


@pytest.mark.parametrize("name", ["builtins:max", "math:hypot"])
def test_what_does_not_say_its_arguments_is_refused_in_one_line(name):
    with pytest.raises(ConfigError, match=r"^config\.model"):
        build("config.model", models, {"name": name, "latent_size": 2})


def test_a_partial_function_is_a_function():
    def model(images, latent_size: int = 3):
        return images, latent_size

    partial = functools.partial(model, latent_size=4)
    assert call("config.model", partial, {}, "images") == ("images", 4)
