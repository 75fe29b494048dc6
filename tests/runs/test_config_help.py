"""What `--help` says of a configuration: all keys, as they are set, and what they mean."""

import pytest

from vaejax.runs.command_line import split
from vaejax.runs.config_compared import first_difference
from vaejax.runs.config_file import load_config
from vaejax.runs.config_help import keys_of
from vaejax.runs.config_keys import places
from vaejax.runs.config_paths import config_names
from vaejax.runs.config_values import as_json, plain
from vaejax.runs.overrides import overridden


@pytest.fixture(scope="module")
def quickstart():
    config = load_config("quickstart")
    beta = "linear_schedule:init_value=12,end_value=4,transition_steps=5"
    return overridden(config, [("config.objective", "elbo"), ("config.objective.beta", beta)])


def test_every_key_is_told_with_its_value_type_and_meaning(quickstart):
    told = keys_of(quickstart)
    for line in (
        "  --config.model.latent_size=3\n      int: D, the number of latent dimensions.",
        "  --config.data.fixed=orientation:0,shape:1\n      NAME:int,... or none: factors held at",
        "  --config.objective.balance=false\n      bool: while beta < 1, weigh",  # not spelt out
        "  --config.train.skip_factor=none\n      float or none: steps that are not finite",
        "  --config.optimizer.b1=0.9\n      float: Exponential decay rate",  # of optax
        "  --config.objective.beta.init_value=12\n      float: initial value",  # of a part
        "config.eval.bound: The objective's metrics",
    ):
        assert line in told


def test_what_is_told_can_be_given_again(quickstart):
    """Every value in its written form is read as itself."""
    lines = [line.strip() for line in keys_of(quickstart).splitlines() if "  --config." in line]
    overrides, _ = split([line for line in lines if "  (" not in line])  # to be given; an object
    assert len(overrides) > 40
    before = as_json(quickstart)
    after = as_json(overridden(quickstart, overrides))
    assert first_difference(before, after, {}) is None


@pytest.mark.parametrize("name", [name for name in config_names() if name != "own"])
def test_no_key_of_ours_is_without_a_meaning(name):
    for place in places(plain("config", load_config(name))):
        assert place.factories, place.key
        for key, argument in place.arguments.items():
            assert argument.about, f"{place.key}.{key}"


def test_nothing_is_changed_by_asking(quickstart):
    before = as_json(quickstart)
    keys_of(quickstart)
    assert as_json(quickstart) == before
