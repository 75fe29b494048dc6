"""The readings behind the lecture's pages, on made-up codes and logs."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from experiments import trained
from experiments.lecture import capacity, coloured, position, trade_off
from experiments.lecture.runs import PLACES
from vaejax import data
from vaejax.evaluators import some_examples
from vaejax.metrics.table import Table


def test_a_code_is_traversed_one_latent_at_a_time():
    rows = position.traversed(np.array([0.5, -0.5]))
    assert rows.shape == (2, len(position.VALUES), 2)
    np.testing.assert_array_equal(rows[0], np.stack([position.VALUES, [-0.5] * 7], axis=1))
    np.testing.assert_array_equal(rows[1], np.stack([[0.5] * 7, position.VALUES], axis=1))


def test_maps_have_x_across_and_y_down(monkeypatch):
    """Of a model whose codes are x, y and nothing, and which paints its codes."""
    splits = data.dsprites(fixed=PLACES)

    def codes_of(model, sources):
        factors = np.concatenate([source.factors(np.arange(len(source))) for source in sources])
        means = np.stack([factors[:, 3], factors[:, 4], 0 * factors[:, 4]], 1).astype(np.float32)
        return Table(means, np.zeros_like(means), factors)

    monkeypatch.setattr(position, "codes_of", codes_of)
    monkeypatch.setattr(position, "decoded", lambda model, codes: codes)
    context = SimpleNamespace(splits=splits)
    member = SimpleNamespace(point={"objective.beta": 2.0})
    page = position.page(SimpleNamespace(run=SimpleNamespace(context=context), member=member))
    places = np.arange(32)
    np.testing.assert_array_equal(page.maps[0], np.tile(places, (32, 1)))
    np.testing.assert_array_equal(page.maps[1], np.tile(places[:, None], 32))
    np.testing.assert_array_equal(page.reconstructions[:, 0], page.reconstructions[:, 1])
    np.testing.assert_allclose(page.shares, [[1, 0], [0, 1], [0, 0]], atol=1e-6)
    # From the upper left to the lower right, each image where its code says.
    rows, columns = (page.originals[..., 0].any(axis).argmax(1) for axis in (2, 1))
    assert (np.diff(rows) > 0).all() and (rows == columns).all()
    results = position.results_of(page)
    assert results["kl"] == sorted(results["kl"], reverse=True)
    assert results["range_of_mean"] == [31, 31, 0] and results["beta"] == 2.0


@pytest.fixture
def member(tmp_path):
    """A run that logged two latents: x is on from 2 nats, y, once on, is off again, then on."""
    kls = ([0.1, 0.0], [2.0, 1.0], [3.0, 0.4], [4.0, 2.0])
    shares = {"x": ([0.9, 0.0], *[[0.8, 0.0]] * 3), "y": ([0.0, 0.9], *[[0.1, 0.7]] * 3)}
    lines = []
    for step, kl in enumerate(kls):
        where = {"step": step, "split": "test/bound"}
        lines.append({**where, "capacity": 2.0 * step, "kl_dims/0": kl, "log_px": None})
        dependence = {f"correlation_ratio/{name}": rows[step] for name, rows in shares.items()}
        lines.append({"step": step, "split": "test/correlation_ratio", **dependence})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return SimpleNamespace(workdir=tmp_path)


def test_latents_and_factors_come_in_with_capacity(member):
    rise = capacity.rise(member)
    assert rise.shares.shape == (4, 2, 2) and np.isnan(rise.log_px).all()
    assert capacity.leading(rise) == ["x", "y"]
    # At C = 0 both latents follow a factor, but neither is on; at 4 the second is off again.
    np.testing.assert_allclose(
        capacity.best_shares(rise), [[0, 0], [0.8, 0.7], [0.8, 0.1], [0.8, 0.7]]
    )
    results = capacity.results_of(rise)
    assert [latent["on_from_capacity"] for latent in results["latents"]] == [2.0, 6.0]
    assert results["factor_told_from_capacity"] == {"x": 2.0, "y": 6.0}
    json.dumps(results)


def test_what_is_not_reached_at_the_end_has_no_capacity():
    capacities = np.arange(3.0)
    assert capacity.first(capacities, np.array([True, True, False])) is None
    assert capacity.first(capacities, np.array([True, True, True])) == 0.0


def test_colours_are_those_that_the_codes_saw():
    """A code that is the brightest red of its image is explained whole, one of x not at all."""
    source = some_examples(data.dsprites(coloured=True)["test"], 300)
    colours = coloured.colours_of(source)
    assert colours.shape == (300, 3) and colours.min() >= 0.5 and colours.max() <= 1
    x = source.factors(np.arange(300))[:, 3]
    codes = np.stack([2 * colours[:, 0] - colours[:, 2], x, np.ones(300)], 1)
    shares = coloured.explained(codes, colours)
    np.testing.assert_allclose(shares, [1, 0, 0], atol=0.03)


def test_regression_agrees_with_the_correlation_of_one_channel():
    rng = np.random.default_rng(0)
    colour = rng.uniform(0.5, 1, size=(500, 1))
    code = colour + 0.1 * rng.normal(size=(500, 1))
    expected = np.corrcoef(code[:, 0], colour[:, 0])[0, 1] ** 2
    np.testing.assert_allclose(coloured.explained(code, colour), [expected])


def test_the_trade_off_is_told_as_a_difference_of_means():
    numbers = {
        "FactorVAE": {"log_px": [-10.0, -20.0], "mig": [0.2, 0.4], "total_correlation": [1.0, 1.0]},
        "beta-VAE": {"log_px": [-30.0, -50.0], "mig": [0.1, 0.1]},
    }
    results = trade_off.results_of(numbers)
    assert results["FactorVAE less beta-VAE"] == pytest.approx({"log_px": 25.0, "mig": 0.2})


def test_diverged_members_have_no_numbers():
    scores = {f"disentanglement/{name}": 0.5 for name in trade_off.SCORES}
    last = {"test/bound": {"elbo": -3.0, "log_px": -2.0, "kl": 1.0}, "disentanglement": scores}
    healthy = SimpleNamespace(diverged=False, last_metrics=lambda: last)
    numbers = trade_off.numbers_of([healthy, SimpleNamespace(diverged=True)])
    assert numbers["elbo"] == [-3.0] and numbers["mig"] == [0.5]
    assert "total_correlation" not in numbers


def test_kl_of_a_table_is_that_of_its_gaussians():
    means, variances = np.array([[1.0, 0.0], [3.0, 0.0]]), np.array([[0.5, 1.0], [0.5, 1.0]])
    expected = 0.5 * (means**2 + variances - np.log(variances) - 1.0).mean(0)
    table = Table(*(x.astype(np.float32) for x in (means, np.log(variances))), np.zeros((2, 0)))
    np.testing.assert_allclose(trained.kl_of(table), expected, rtol=1e-6)
