"""What is refused of official weights and arguments, and that nothing is lost on the way."""

import argparse

import jax
import numpy as np
import pytest

from tests.interop.official import ARGS, random_state_dict
from vaejax.interop.nvae import from_official, to_official

SINGLE = {**ARGS, "num_latent_scales": 1}


@pytest.fixture(scope="module")
def state_dict():
    return random_state_dict(SINGLE, image_size=8)


def test_a_single_group_survives_the_way_here_and_back(state_dict):
    assert state_dict["prior_ftr0"].shape == (16, 2, 2)
    model, variables = from_official(state_dict, SINGLE)
    assert model.groups == (1,) and model.image_shape == (8, 8, 1)
    back = to_official(model, variables)
    assert back.keys() == state_dict.keys()
    for name, array in state_dict.items():
        assert back[name].dtype == array.dtype
        np.testing.assert_array_equal(back[name], array, strict=True)


def test_arguments_may_be_the_namespace_of_the_checkpoint(state_dict):
    model, variables = from_official(state_dict, SINGLE)
    same, equal = from_official(state_dict, argparse.Namespace(**SINGLE))
    assert same.clone(likelihood=model.likelihood) == model
    jax.tree.map(np.testing.assert_array_equal, equal, variables)


@pytest.mark.parametrize("name", sorted(ARGS.keys() - {"dataset"}))
def test_a_missing_argument_is_named(state_dict, name):
    args = {key: value for key, value in SINGLE.items() if key != name}
    with pytest.raises(ValueError, match=f"^args: expected {name} among them"):
        from_official(state_dict, args)


@pytest.mark.parametrize(
    "name", ["prior_ftr0", "stem.weight", "image_conditional.1.bias", "stem.bias"]
)
def test_a_missing_array_is_named(state_dict, name):
    fewer = {key: array for key, array in state_dict.items() if key != name}
    with pytest.raises(ValueError, match=f"^state_dict: expected an array {name}, got none"):
        from_official(fewer, SINGLE)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("prior_ftr0", (16, 2), r"prior_ftr0 with 3 axes, got shape \(16, 2\)"),
        ("stem.weight", (4, 1, 5, 5), r"stem.weight of shape \(4, 1, 3, 3\), got \(4, 1, 5, 5\)"),
        ("stem.log_weight_norm", (4,), r"stem.log_weight_norm of shape \(4, 1, 1, 1\), got \(4,\)"),
        ("image_conditional.1.bias", (10,), r"image_conditional.1.bias of 1 numbers .*, got 10"),
        ("image_conditional.1.bias", (2,), r"image_conditional.1.weight of shape \(2, .*got \(1, "),
    ],
)
def test_an_array_of_another_shape_is_named(state_dict, name, shape, message):
    with pytest.raises(ValueError, match=f"^state_dict: expected {message}"):
        from_official({**state_dict, name: np.zeros(shape, np.float32)}, SINGLE)


def test_a_stacked_array_of_another_shape_is_named():
    """A group of a scan, whose leaf has one axis more."""
    args = {**SINGLE, "num_groups_per_scale": 3}
    state_dict = random_state_dict(args, image_size=8)
    state_dict["enc_sampler.2.bias"] = np.zeros(5, np.float32)
    message = r"^state_dict: expected enc_sampler.2.bias of shape \(4,\), got \(5,\)"
    with pytest.raises(ValueError, match=message):
        from_official(state_dict, args)


def test_a_mixture_of_logistics_has_ten_numbers_for_each(state_dict):
    stem = np.zeros((4, 3, 3, 3), np.float32)
    more = {**state_dict, "stem.weight": stem, "image_conditional.1.bias": np.zeros(25)}
    with pytest.raises(ValueError, match=r"or 10 per logistic of an RGB mixture, got 25$"):
        from_official(more, SINGLE)
