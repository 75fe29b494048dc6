"""Shares of variance by factor: of the codes of a split's images, under the factors' names."""

import jax
import numpy as np
import pytest

from vaejax import metrics
from vaejax.data import Subset
from vaejax.data.source import Wrapper
from vaejax.evaluators import correlation_ratio, units_of
from vaejax.runs.units import unit
from vaejax.types import Views


def test_shares_are_those_of_the_posterior_means(context, state, bars):
    evaluate = correlation_ratio(context, split="train", batch_size=64)
    results = dict(evaluate(state))
    assert results.pop("num_examples") == 1080
    source = context.splits["train"]
    batch = source.batch(np.arange(1080))
    (latent,) = jax.jit(context.objective.views.encode)(state.ema_params, {}, batch)
    expected = metrics.correlation_ratio(latent.posterior.loc, batch["factors"])
    expected = expected["correlation_ratio"]
    assert list(results) == [f"correlation_ratio/{name}" for name in bars.factor_names]
    np.testing.assert_allclose(np.stack(list(results.values()), axis=1), expected, atol=1e-4)
    assert {unit(name, units_of(evaluate)) for name in results} == {""}


def test_a_factor_that_the_data_hold_fixed_has_no_share(context, state, bars):
    (level,) = np.nonzero(bars.factors(np.arange(len(bars)))[:, 1] == 5)
    held = context._replace(splits={"test": Subset(bars, np.tile(level, 20))})
    results = dict(correlation_ratio(held, num_examples=None, batch_size=64)(state))
    assert list(results) == [
        "correlation_ratio/brightness",
        "correlation_ratio/slope",
        "num_examples",
    ]
    assert results["num_examples"] == 1000


def test_an_objective_without_codes_is_refused(context):
    mute = context.objective._replace(views=Views())
    with pytest.raises(ValueError, match="correlation_ratio: expected an objective .*'encode'"):
        correlation_ratio(context._replace(objective=mute))


def test_data_without_factors_are_refused(context, bars):
    nameless = Wrapper(bars)
    nameless.factor_names = ()
    with pytest.raises(ValueError, match="split: expected data with ground-truth factors"):
        correlation_ratio(context._replace(splits={"test": nameless}))
