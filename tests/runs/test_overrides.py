"""What a command line can say of a configuration: every key that something takes, and parts."""

import pytest
from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from vaejax.runs.command_line import split
from vaejax.runs.config import ConfigError, build, run_config
from vaejax.runs.config_values import as_json
from vaejax.runs.overrides import overridden
from vaejax.training import schedules
from vaejax.types import Schedule

BOUND = {"bound": {"split": "test"}}


@pytest.fixture(scope="module")
def config() -> ConfigDict:
    return run_config(
        data={"name": "dsprites", "fixed": {"scale": 5}},
        model={"name": "ConvVAE", "latent_size": 6, "likelihood": "bernoulli"},
        objective={
            "name": "elbo",
            "beta": {
                "name": "linear_schedule", "init_value": 2.0, "end_value": 1.0,
                "transition_steps": 9,
            },
        },
        optimizer={"name": "adam", "learning_rate": 1e-3},
        train={"num_steps": 5},
        eval=BOUND,
    )  # fmt: skip


def said(config, line):
    overrides, rest = split(line.split())
    assert not rest
    return as_json(overridden(config, overrides))


@pytest.mark.parametrize(
    ("line", "section", "expected"),
    [
        # Of the issue: keys that the file did not spell out.
        (
            "--config.eval.disentanglement.scores=mig,sap,dci",
            "eval",
            {**BOUND, "disentanglement": {"scores": {"mig": {}, "sap": {}, "dci": {}}}},
        ),
        (
            "--config.eval.importance_weighted.num_samples=10",
            "eval",
            {**BOUND, "importance_weighted": {"num_samples": 10}},
        ),
        ("--config.data.fixed=orientation:0", "data.fixed", {"orientation": 0}),
        ("--config.data.fixed={'shape':2}", "data.fixed", {"shape": 2}),
        ("--config.data.fixed.shape=1", "data.fixed", {"scale": 5, "shape": 1}),
        ("--config.data.fixed=none --config.data.fixed.shape=1", "data.fixed", {"shape": 1}),
        ("--config.optimizer.b1=0.5", "optimizer.b1", 0.5),
        ("--config.model.image_shape=64,64,1", "model.image_shape", [64, 64, 1]),
        ("--config.model.image_shape=(64,64,1)", "model.image_shape", [64, 64, 1]),
        ("--config.eval.bound.num_examples 9", "eval.bound.num_examples", 9),
        # Whole parts, by name.
        ("--config.model.likelihood=gaussian", "model.likelihood", {"name": "gaussian"}),
        (
            "--config.model.likelihood=gaussian:scale=none",
            "model.likelihood",
            {"name": "gaussian", "scale": None},
        ),
        (
            "--config.model.likelihood.border=2",
            "model.likelihood",
            {"name": "bernoulli", "border": 2},
        ),
        ("--config.model.prior=standard:scale=2", "model.prior.scale", 2.0),
        ("--config.model.posterior.name=iaf", "model.posterior", {"name": "iaf"}),
        (
            "--config.model.prior.num_flows=4 --config.model.prior.name=autoregressive_flow",
            "model.prior.num_flows",
            4,
        ),
        ("--config.model.posterior=iaf:hidden=8,9", "model.posterior.hidden", [8, 9]),
        ("--config.objective.beta=4", "objective.beta", 4.0),
        (
            "--config.objective.beta=warm_up:num_steps=7",
            "objective.beta",
            {"name": "warm_up", "num_steps": 7.0},
        ),
        ("--config.objective.beta.end_value=3", "objective.beta.end_value", 3.0),
        (
            "--config.objective.beta_norm.name=warm_up --config.objective.beta_norm.num_steps=7",
            "objective.beta_norm",
            {"name": "warm_up", "num_steps": 7.0},
        ),
        ("--config.eval.fit=bound:split=train", "eval.fit", {"name": "bound", "split": "train"}),
        ("--config.optimizer.name=sgd", "optimizer.learning_rate", 1e-3),
        ("--config.optimizer=sgd:learning_rate=0.1", "optimizer.learning_rate", 0.1),
        ("--config.data.path=x --config.data.name=folder", "data.path", "x"),  # in any order
        ("--config.model=DenseHierarchy:latent_sizes=5,6", "model.latent_sizes", [5, 6]),
        (
            "--config.model=DenseHierarchy:hidden=(9,8),(7,6)",
            "model.hidden",
            [[9, 8], [7, 6]],
        ),
        # Truth.
        ("--config.data.coloured", "data.coloured", True),
        ("--config.data.coloured=1", "data.coloured", True),
        ("--config.data.coloured --noconfig.data.coloured", "data.coloured", False),
    ],
)  # fmt: skip
def test_what_something_takes_can_be_set(config, line, section, expected):
    found = said(config, line)
    for name in section.split("."):
        found = found[name]
    assert found == expected and type(found) is type(expected)


def test_a_part_that_is_replaced_is_filled_in_and_the_rest_stays(config):
    values = said(config, "--config.data=folder:path=a,b/c=d,image_size=64")
    assert values["data"]["path"] == "a,b/c=d" and values["data"]["image_size"] == 64
    assert values["data"]["flip"] is False and "fixed" not in values["data"]
    assert {k: v for k, v in values.items() if k != "data"} == {
        k: v for k, v in as_json(config).items() if k != "data"
    }


def test_the_configuration_itself_stays_and_what_is_made_is_locked(config):
    before = as_json(config)
    changed = overridden(config, [("config.objective.beta", "8")])
    assert as_json(config) == before
    with pytest.raises(AttributeError):
        changed.train.num_stps = 3


def test_what_is_given_is_what_is_built(config):
    values = said(config, "--config.objective.beta=warm_up:num_steps=4")
    schedule = build(
        "config.objective.beta", schedules, values["objective"]["beta"], returns=Schedule
    )
    assert float(schedule(2)) == 0.5


def test_references_to_a_value_follow_it():
    size = placeholder(int)
    config = ConfigDict({"data": {"name": "folder", "image_size": size}, "train": {"seed": size}})
    assert as_json(overridden(config, [("config.train.seed", "3")]))["data"]["image_size"] == 3


def test_code_of_ones_own_is_named_alone_and_with_settings(config):
    name = "tests.runs.hierarchy:Pair"
    assert said(config, f"--config.model={name}")["model"]["name"] == name
    assert (
        said(config, "--config.objective=vaejax.objectives:elbo:beta=2")["objective"]["beta"] == 2
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--config.eval.bond.split=a", "^config.eval.bond: unknown 'bond'; did you mean 'bound'"),
        ("--config.eval.bound.splt=a", "^config.eval.bound.splt: .*'split'"),
        ("--config.model.memory=store", "^config.model.memory: unknown .*'latent_size'"),
        ("--config.data.fixed=orientation", "^config.data.fixed: expected NAME:int,... or none"),
        ("--config.data.fixed=orientation:x", "^config.data.fixed: expected NAME:int"),
        ("--config.data.fixed.scale.x=1", "^config.data.fixed.scale: expected no key below"),
        ("--config.data=", "^config.data: expected NAME or NAME:KEY=VALUE"),
        ("--config.data=folder:pth=x", "^config.data.pth: unknown 'pth'; did you mean 'path'"),
        ("--config.data.coloured=maybe", "^config.data.coloured: expected bool, got 'maybe'"),
        ("--config.train.num_steps", "^config.train.num_steps: expected a value, got none"),
        ("--config.objective.beta=warm_down", "expected float or Schedule or none, .*'warm_up'"),
        ("--config.model.image_shape=64,64", "^config.model.image_shape: expected int,int,int"),
        ("--config.model.likelihood=gauss", "^config.model.likelihood: expected .*'gaussian'"),
        ("--config.optimizer.nesterov=2", "^config.optimizer.nesterov: expected bool"),
    ],
)
def test_a_mistake_names_its_key(config, line, message):
    with pytest.raises(ConfigError, match=message) as caught:
        said(config, line)
    assert len(str(caught.value).splitlines()) == 1


def test_overrides_are_told_from_flags():
    line = "--workdir=w --config=c -config.a.b 1 --config.d -0.5 --config.e --mode=sample x"
    overrides, rest = split(line.split())
    assert overrides == [("config.a.b", "1"), ("config.d", "-0.5"), ("config.e", None)]
    assert rest == ["--workdir=w", "--config=c", "--mode=sample", "x"]
