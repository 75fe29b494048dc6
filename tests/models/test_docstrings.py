"""What `help` says of a model."""

import dataclasses
import inspect

import pytest

from vaejax import models

MODELS = [model for model in vars(models).values() if inspect.isclass(model)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_attribute_is_explained(model):
    text = inspect.getdoc(model)
    own = {field.name for field in dataclasses.fields(model)} - {"parent", "name"}
    assert own and [name for name in own if f"\n    {name}: " not in text] == []
