"""The bound taken apart, of a model with one group, of two layers, and of NVAE."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest
import scipy.stats

from tests.evaluators.layers import DOWN, NOISE, SLOPE, SPREAD, START, UP, TwoLayers
from tests.models.variables import random_variables
from vaejax import metrics
from vaejax.core.mesh import data_mesh
from vaejax.core.randomness import stream
from vaejax.data import ArraySource
from vaejax.evaluators import Context, elbo_surgery, units_of
from vaejax.models import ConvVAE
from vaejax.nn.noise import example_keys, part_keys
from vaejax.objectives import elbo
from vaejax.runs.units import unit

MODEL = ConvVAE((8, 8, 1), 3, "burda")
NUM_IMAGES = 21  # no multiple of the batch sizes
IMAGES = np.random.default_rng(0).random((NUM_IMAGES, 8, 8, 1)).astype(np.float32)
PARTS = ("mutual_information", "marginal_kl", "total_correlation", "dimension_wise_kl", "gap")


def context_of(model, images=IMAGES, devices=2):
    mesh = data_mesh(jax.devices()[:devices])
    return Context(elbo(model), {"test": ArraySource(images)}, mesh, seed=0)


def state_of(model, reach=0.3):
    params = random_variables(model, reach)
    collections = {name: value for name, value in params.items() if name != "params"}
    return SimpleNamespace(ema_params={"model": params["params"]}, model_state=collections)


def surgery(model=MODEL, devices=2, batch_size=8, importance_samples=None, **kwargs):
    given = {"batch_size": batch_size, "importance_samples": importance_samples, **kwargs}
    return dict(elbo_surgery(context_of(model, devices=devices), **given)(state_of(model)))


@pytest.fixture(scope="module")
def scores():
    return surgery(num_samples=3, num_examples=None)


def test_it_is_the_pure_function_of_the_codes_the_model_draws(scores):
    params, keys = {"params": state_of(MODEL).ema_params["model"]}, example_keys(
        stream(0, "draws"), np.arange(NUM_IMAGES)
    )  # fmt: skip
    drawn = []
    for sample in range(3):
        noise = MODEL.noise(part_keys(keys, sample))
        drawn.append(MODEL.apply(params, {"image": IMAGES}, noise, method="encode")[0])
    expected = metrics.elbo_surgery(
        metrics.Draws(
            means=drawn[0].posterior.loc,
            log_vars=2 * np.log(drawn[0].posterior.scale),
            z=np.stack([latent.z for latent in drawn]),
            log_p=np.stack([latent.log_p for latent in drawn]),
            kl=np.stack([latent.kl for latent in drawn]),
        )
    )
    for name, value in expected.items():
        assert scores[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    assert (scores["num_samples"], scores["num_examples"]) == (3, NUM_IMAGES)


@pytest.mark.parametrize("kwargs", [{"batch_size": 16}, {"devices": 1, "batch_size": 7}])
def test_neither_batches_nor_devices_change_the_numbers(scores, kwargs):
    for name, value in surgery(num_samples=3, num_examples=None, **kwargs).items():
        assert value == pytest.approx(scores[name], rel=1e-4, abs=1e-5), name


def test_readings_of_the_bound_agree():
    found = surgery(num_samples=200, importance_samples=50)
    by_term = found["log_px"] - found["kl"]
    assert found["elbo"] == pytest.approx(by_term, rel=1e-6)
    by_energy = found["negative_energy"] + found["entropy"]
    assert abs(by_energy - by_term) < 4 * (found["negative_energy_se"] + found["log_px_se"])
    assert abs(found["gap"]) < 4 * found["gap_se"]
    by_surgery = found["log_px"] - found["mutual_information"] - found["marginal_kl"]
    assert abs(by_surgery - by_term) < 4 * found["gap_se"]
    by_evidence = found["log_likelihood"] - found["posterior_gap"]  # of a quarter of the draws
    assert abs(by_evidence - by_term) < 4 * 3 * found["elbo_se"] < 1
    assert found["posterior_gap"] > 0
    assert 0 <= found["mutual_information"] <= found["log_n"] == np.log(NUM_IMAGES)
    assert found["log_likelihood_low"] < found["log_likelihood"] < found["log_likelihood_high"]


def test_parts_are_all_that_is_there(scores):
    assert {*PARTS, *(f"{name}_se" for name in PARTS)} < set(scores)
    assert "log_likelihood" not in scores and "posterior_gap" not in scores
    assert abs(scores["gap"]) < 4 * scores["gap_se"]


def test_units_are_said():
    units = units_of(elbo_surgery(context_of(MODEL), batch_size=8))
    for name in (
        "mutual_information",
        "gap_se",
        "posterior_gap",
        "marginal_kl/0",
        "negative_energy_se",
    ):
        assert unit(name, units) == "nats/image", name
    assert unit("num_samples", units) == ""


FEW = np.random.default_rng(1).random(4).astype(np.float32)


@pytest.fixture(scope="module")
def by_quadrature():
    """I(n; z) and KL(q(y, z) || p(y, z)) of two layers, from densities on a grid."""
    line = np.linspace(-8.0, 8.0, 1_201)
    normal = scipy.stats.norm.pdf
    below = normal(line[:, None], SLOPE * (FEW - 0.5), NOISE)  # q(z | x_n), [Z, N]
    marginal = below.mean(1)
    ratio = np.log(np.maximum(below, 1e-300) / np.maximum(marginal, 1e-300)[:, None])
    information = np.trapezoid((below * ratio).mean(1), line)
    joint = marginal[:, None] * normal(line[None], UP * line[:, None], SPREAD)  # [Z, Y]
    prior = normal(line[None]) * normal(line[:, None], DOWN * line[None], SPREAD)
    ratio = np.log(np.maximum(joint, 1e-300) / np.maximum(prior, 1e-300))
    return information, np.trapezoid(np.trapezoid(joint * ratio, line), line)


def layers(model, images, **kwargs):
    given = {"num_samples": 500, "importance_samples": None, "batch_size": 16, **kwargs}
    evaluate = elbo_surgery(context_of(model, images, devices=1), **given)
    return dict(evaluate(SimpleNamespace(ema_params={"model": START["params"]}, model_state={})))


def test_of_two_layers_the_lower_holds_all_information(by_quadrature):
    images = np.broadcast_to(FEW[:, None, None, None], (4, 2, 2, 1)).copy()
    found = layers(TwoLayers(), images, num_samples=5_000)
    for name, expected in zip(("mutual_information", "marginal_kl"), by_quadrature, strict=True):
        assert found[f"{name}_se"] < 0.02
        assert abs(found[name] - expected) < 4 * found[f"{name}_se"], name
    assert found["kl_se"] > 0  # it has no closed form
    assert abs(found["kl"] - sum(by_quadrature)) < 4 * found["kl_se"]
    assert "total_correlation" not in found  # the prior's coordinates depend on each other


def test_where_all_groups_look_at_the_image_the_top_is_taken_apart():
    """As in NVAE: q(y | x) q(z | y, x)."""
    found = layers(TwoLayers(skip=1.0, top_down=True), IMAGES)
    alone = metrics.elbo_surgery(
        metrics.standard_draws(
            SLOPE * (IMAGES.mean((1, 2, 3))[:, None] - 0.5),
            np.full((NUM_IMAGES, 1), 2 * np.log(NOISE), np.float32),
            rng=jax.random.key(0),
            num_samples=500,
        )
    )
    assert found["kl/0"] == pytest.approx(alone["kl"], rel=1e-4)
    for name in PARTS:
        error = found[f"{name}_se/0"] + alone[f"{name}_se"]
        assert abs(found[f"{name}/0"] - alone[name]) < 4 * error + 1e-6, name
    assert found["kl"] > found["kl/0"]  # of both groups
    assert "mutual_information" not in found


def test_what_looks_at_the_image_beside_the_lower_layer_is_refused():
    with pytest.raises(ValueError, match="elbo_surgery: expected a group of latents that looks"):
        layers(TwoLayers(skip=1.0), IMAGES)


def test_mistakes_are_told_before_anything_is_drawn():
    def make(context=None, **kwargs):
        return elbo_surgery(context or context_of(MODEL), **{"batch_size": 8, **kwargs})

    for kwargs, message in (
        ({"num_samples": 1}, "num_samples: expected at least 2, got 1"),
        ({"num_examples": 1}, "num_examples: expected at least 2, got 1"),
        ({"batch_size": 9}, "batch_size: expected a positive multiple of 2 devices, got 9"),
        ({"split": "tset"}, "split: expected one of"),
        ({"importance_samples": 0}, "importance_samples: expected at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            make(**kwargs)
    views = context_of(MODEL).objective.views._replace(encode=None)
    objective = context_of(MODEL).objective._replace(views=views)
    with pytest.raises(ValueError, match="elbo_surgery: expected .* view 'encode'"):
        make(context_of(MODEL)._replace(objective=objective))
