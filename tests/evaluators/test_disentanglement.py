"""One table of codes, many scores: what the evaluation yields for a tiny model and baselines."""

import sys
import warnings
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tests.leaves.info_gan import Generator, info_gan
from vaejax import metrics
from vaejax.core.mesh import data_mesh
from vaejax.data import Subset
from vaejax.evaluators import disentanglement, some_examples, units_of
from vaejax.evaluators.encoders import encoder
from vaejax.evaluators.tables import Tables
from vaejax.metrics import METRICS, Metric
from vaejax.metrics.estimates import estimates
from vaejax.metrics.table import Table
from vaejax.models import ConvVAE
from vaejax.objectives import elbo
from vaejax.types import Views

SCORES = {
    "mig": {},
    "factor_vae_score": {"num_train": 100, "num_eval": 100, "batch_size": 8},
    "frobenius_distance": {},
}
KWARGS = {"scores": SCORES, "num_points": 1000, "num_repeats": 2, "batch_size": 64}


def test_every_score_comes_with_its_interval(context, state):
    evaluate = disentanglement(context, **KWARGS, baselines=("ground_truth",))
    results = dict(evaluate(state))
    assert results["num_images"] == 1200
    for name in ("mig", "frobenius_distance"):
        score, low, high = (
            results[f"disentanglement/{name}{end}"] for end in ("", "_low", "_high")
        )
        assert low < score < high
        assert results[f"disentanglement/{name}_std"] > 0
    assert np.isfinite(results["disentanglement/factor_vae_score"])
    assert results["disentanglement/ground_truth/factor_vae_score"] > 0.95
    assert results["disentanglement/ground_truth/mig"] > 0.9
    again = dict(evaluate(state))
    assert again["disentanglement/mig"] == results["disentanglement/mig"]
    assert "disentanglement/ground_truth/mig" not in again


def test_codes_are_the_posterior_means_of_all_images(context, state, bars):
    """The yielded score is that of codes computed by hand, image by image in the splits' order."""
    scores = {"active_units": {"min_variance": 0.0}}
    kwargs = {**KWARGS, "scores": scores, "num_points": 1200}
    results = dict(disentanglement(context, **kwargs)(state))
    assert results["disentanglement/active_units"] == 3
    batch = bars.batch(np.arange(len(bars)))
    (latent,) = jax.jit(context.objective.views.encode)(state.ema_params, {}, batch)
    table = Table(np.asarray(latent.z), np.zeros((1200, 3)), bars.factors(np.arange(1200)))
    rng = jax.random.key(0)
    by_hand = estimates(METRICS["mig"], table, rng, num_points=1200, num_repeats=2)["mig"]
    kwargs = {**KWARGS, "scores": {"mig": {}}, "num_points": 1200}
    ours = dict(disentanglement(context, **kwargs)(state))["disentanglement/mig"]
    assert ours == pytest.approx(by_hand.value, abs=1e-5)


def test_codes_at_hand_are_scored_as_in_an_evaluation(context, state, bars):
    """All numbers and intervals of `metrics.evaluate` are those that the evaluation yields."""
    scores = {**SCORES, "sap": {}, "active_units": {"min_variance": 0.0}}
    results = dict(disentanglement(context, **{**KWARGS, "scores": scores})(state))
    parts = list(context.splits.values())
    factors = np.concatenate([part.factors(np.arange(len(part))) for part in parts])
    table = Tables(context, parts, factors, 64, "test").of_model(state)
    found = metrics.evaluate(
        table.means,
        factors,
        scores=scores,
        repeats=2,
        num_points=1000,
        log_vars=table.log_vars,
        kls=table.kls,
    )
    assert not found.left_out
    ours = {
        f"disentanglement/{name}{ending}": value
        for numbers in found.scores.values()
        for name, estimate in numbers.items()
        for ending, value in zip(("", "_std", "_low", "_high"), estimate, strict=True)
    }
    assert results.pop("num_images") == len(factors)
    assert results.keys() == ours.keys()
    np.testing.assert_equal(results, ours)


def test_a_warning_of_all_scores_is_given_once(context, state):
    scores = {"mig": {}, "irs": {}, "sap": {}}
    kwargs = {**KWARGS, "scores": scores, "num_images": 600}
    evaluate = disentanglement(context, **kwargs, baselines=("ground_truth",))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dict(evaluate(state))
    said = [str(warning.message) for warning in caught]
    points = [text for text in said if "600 points" in text]
    assert len(points) == 2  # of the model, and of the baseline
    assert points[0].startswith("disentanglement: codes: 600 points")


def test_one_cpu_encodes_by_parts(context, state, bars):
    factors = bars.factors(np.arange(80))
    one = context._replace(mesh=data_mesh(jax.devices()[:1]))
    whole, parts = (
        Tables(kind, [some_examples(bars, 80)], factors, 32, "test").of_model(state)
        for kind in (context, one)
    )
    assert parts.means.shape == (80, 3)
    np.testing.assert_allclose(parts.means, whole.means, atol=1e-5)
    np.testing.assert_allclose(parts.log_vars, whole.log_vars, atol=1e-5)


def test_a_part_of_the_images_is_enough(context, state):
    kwargs = {**KWARGS, "scores": {"active_units": {}}, "num_images": 1100}
    assert dict(disentanglement(context, **kwargs)(state))["num_images"] == 1100


def test_a_factor_that_the_data_hold_fixed_does_not_count(context, state, bars):
    (level,) = np.nonzero(bars.factors(np.arange(len(bars)))[:, 1] == 5)
    held = context._replace(splits={"train": Subset(bars, np.tile(level, 20))})
    scores = {"factor_vae_score": SCORES["factor_vae_score"]}
    kwargs = {**KWARGS, "scores": scores, "baselines": ("ground_truth",)}
    results = dict(disentanglement(held, **kwargs)(state))
    assert results["disentanglement/ground_truth/factor_vae_score"] > 0.95


@pytest.mark.parametrize("baseline", ["ica", "pca", "pixels", "untrained"])
def test_baselines_are_scored_like_the_model(context, state, baseline):
    kwargs = {**KWARGS, "scores": {"mig": {}, "active_units": {}}, "num_repeats": 1}
    results = dict(disentanglement(context, **kwargs, baselines=(baseline,))(state))
    assert 0 <= results[f"disentanglement/{baseline}/mig"] <= 1
    expected = 64 if baseline == "pixels" else 3
    if baseline != "untrained":
        assert results[f"disentanglement/{baseline}/active_units"] <= expected


def test_a_single_repeat_has_no_interval(context, state):
    results = dict(disentanglement(context, **{**KWARGS, "num_repeats": 1})(state))
    for end in ("_std", "_low", "_high"):
        assert np.isnan(results[f"disentanglement/mig{end}"])


def test_trees_are_grown_once_unless_more_is_asked_for(context, state, monkeypatch):
    grown = []

    def importance(*rows, say):
        grown.append(len(rows[0]))
        importance = np.random.default_rng(len(grown)).random((3, 3))
        return importance, (0.5, 0.5), np.full(3, True)

    monkeypatch.setattr(sys.modules["vaejax.metrics._dci"], "tree_importance", importance)
    results = dict(disentanglement(context, **{**KWARGS, "scores": {"dci": {}}})(state))
    assert grown == [800] and np.isnan(results["disentanglement/completeness_low"])
    scores = {"dci": {"num_repeats": 3}}
    results = dict(disentanglement(context, **{**KWARGS, "scores": scores})(state))
    assert grown == [800, 800, 400, 400, 400]
    assert results["disentanglement/completeness_low"] < results["disentanglement/completeness"]
    scores = {"dci": {"predictor": "lasso"}}
    results = dict(disentanglement(context, **{**KWARGS, "scores": scores})(state))
    assert np.isfinite(results["disentanglement/completeness_low"])


def trained_game(context):
    """InfoGAN, whose code head reads the codes, before its first step."""
    objective = info_gan(Generator())
    params, _ = jax.jit(objective.init)(jax.random.key(0), context.splits["train"].batch([0, 1]))
    state = SimpleNamespace(ema_params=params, model_state={})
    return context._replace(objective=objective), state


def test_the_code_head_of_a_game_is_scored(context, bars):
    """By the same numbers as its codes by hand; no player of it is called `model`."""
    game, state = trained_game(context)
    kwargs = {**KWARGS, "scores": {"mig": {}}, "num_points": 1200, "baselines": ("untrained",)}
    results = dict(disentanglement(game, **kwargs)(state))
    (latent,) = jax.jit(game.objective.views.encode)(
        state.ema_params, {}, bars.batch(np.arange(1200))
    )
    table = Table(np.asarray(latent.z), None, bars.factors(np.arange(1200)))
    rng = jax.random.key(0)
    by_hand = estimates(METRICS["mig"], table, rng, num_points=1200, num_repeats=1)["mig"].value
    assert results["disentanglement/mig"] == pytest.approx(by_hand, abs=1e-5)
    # Initialised from the same key, but for the batch, at which InfoGAN does not look.
    assert results["disentanglement/untrained/mig"] == results["disentanglement/mig"]


def coded(context, change):
    """The context, its latents changed."""
    encode = context.objective.views.encode
    views = context.objective.views._replace(encode=lambda *args: change(encode(*args)))
    return context._replace(objective=context.objective._replace(views=views))


def test_a_posterior_that_is_no_gaussian_is_scored_by_its_codes(context, state):
    def probabilities(latents):
        z = jax.nn.softmax(latents[0].z)
        return (latents[0]._replace(z=z, posterior=None, kl_dims=None),)

    categorical = coded(context, probabilities)
    kwargs = {**KWARGS, "scores": {"mig": {}, "active_units": {"min_variance": 0.0}}}
    results = dict(disentanglement(categorical, **kwargs)(state))
    gaussian = dict(disentanglement(context, **kwargs)(state))
    assert results["disentanglement/mig"] != gaussian["disentanglement/mig"]
    assert "disentanglement/active_kl" in gaussian and "disentanglement/active_kl" not in results
    message = "scores.frobenius_distance: expected a model with a Gaussian posterior, got another"
    with pytest.raises(ValueError, match=message):
        disentanglement(categorical, **KWARGS)


def test_the_kl_that_codes_carry_is_the_models_own(context, state, bars):
    """From whatever its prior is, averaged over the images; codes of a baseline have none."""
    other = coded(context, lambda latents: (latents[0]._replace(kl_dims=3 * latents[0].kl_dims),))
    kwargs = {**KWARGS, "scores": {"active_units": {"min_variance": 0.0}}, "num_points": 1200}
    results = dict(disentanglement(other, **kwargs, baselines=("ground_truth",))(state))
    encode = jax.jit(context.objective.views.encode)
    (latent,) = encode(state.ema_params, {}, bars.batch(np.arange(1200)))
    expected = 3 * np.asarray(latent.kl_dims).mean(0)
    assert results["disentanglement/active_kl"] == pytest.approx(expected.sum(), rel=1e-5)
    assert results["disentanglement/weakest_active_kl"] == pytest.approx(expected.min(), rel=1e-5)
    assert "disentanglement/ground_truth/active_units" in results
    assert "disentanglement/ground_truth/active_kl" not in results


def test_several_groups_are_refused_before_anything_is_trained(context):
    twice = coded(context, lambda latents: latents * 2)
    message = r"disentanglement: expected a model with one group .*, got .*\(3,\), \(3,\)"
    with pytest.raises(ValueError, match=message):
        disentanglement(twice, **{**KWARGS, "scores": {"mig": {}}})


def test_an_objective_without_codes_is_refused_before_anything_is_trained(context):
    mute = context._replace(objective=context.objective._replace(views=Views()))
    with pytest.raises(ValueError, match="disentanglement: expected an objective .*'encode'"):
        disentanglement(mute, **KWARGS)


def spread(z, v, *, power=1):
    """A metric of one's own, whose arguments are called as one likes."""
    return {"spread": (np.std(z, axis=0) ** power).sum(), "num_values": len(np.unique(v))}


def test_a_metric_of_ones_own_is_a_function_or_a_record(context, state):
    record = Metric(spread, units=(("spread", "codes"),))
    scores = {
        "plain": {"name": spread},
        "squared": {"name": spread, "power": 2},
        "told": {"name": record, "num_repeats": 1},
    }
    for name, repeats in (("plain", True), ("told", False)):
        kwargs = {**KWARGS, "scores": {name: scores[name]}}
        evaluate = disentanglement(context, **kwargs)
        results = dict(evaluate(state))
        assert results["disentanglement/spread"] > 0
        assert results["disentanglement/num_values"] == 25  # of the three factors together
        assert np.isfinite(results["disentanglement/spread_std"]) == repeats
        assert units_of(evaluate).get("disentanglement/spread_low") == (
            None if repeats else "codes"
        )
    kwargs = {**KWARGS, "scores": {"squared": scores["squared"]}}
    squared = dict(disentanglement(context, **kwargs)(state))
    assert squared["disentanglement/spread"] != results["disentanglement/spread"]


def test_a_score_may_be_called_otherwise_than_its_metric(context, state):
    cut, fine = (
        dict(disentanglement(context, **{**KWARGS, "scores": scores})(state))
        for scores in ({"cut": {"name": "mig", "num_bins": 2}}, {"mig": {}})
    )
    assert cut["disentanglement/mig"] != fine["disentanglement/mig"]


def test_what_is_in_nats_says_so(context):
    scores = {"active_units": {}, "mig": {}}
    units = units_of(
        disentanglement(context, **{**KWARGS, "scores": scores, "baselines": ("pca",)})
    )
    assert units["disentanglement/active_kl"] == "nats/image"
    assert units["disentanglement/pca/weakest_active_kl_std"] == "nats/image"
    assert not any("mig" in name or "units" in name for name in units)


def test_equal_models_share_what_is_compiled(context, state):
    """As the members of a sweep do: another objective of an equal model compiles nothing."""
    kwargs = {**KWARGS, "scores": {"mig": {}}, "num_repeats": 1}
    first = dict(disentanglement(context, **kwargs)(state))
    other = context._replace(objective=elbo(ConvVAE((8, 8, 1), 3, "burda"), beta=4.0))
    evaluate = disentanglement(other, **kwargs)
    encode = encoder(context.objective.views.encode)
    size = encode._cache_size()
    assert dict(evaluate(state)) == first
    assert encoder(other.objective.views.encode) is encode and encode._cache_size() == size


def drawing(codes, factors, rng, size):
    """A metric of one's own that has to be given a key and a number."""


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"scores": {"migg": {}}}, "scores: expected some of .*'migg'"),
        ({"scores": {"udr": {}}}, "scores: expected some of .*'udr'"),
        ({"scores": {"mig": {"bins": 3}}}, "scores.mig.bins: unknown"),
        ({"baselines": ("vae",)}, "baselines: expected some of"),
        ({"num_repeats": 0}, "num_repeats: expected at least 1"),
        ({"num_points": 1}, "num_points: expected at least 2"),
        ({"scores": {"mig": {"num_repeats": 0}}}, "scores.mig.num_repeats: expected at least 1"),
        ({"scores": {"sap": {"rows": None}}}, "scores.sap.rows: unknown"),
        ({"scores": {"mine": {"name": "migg"}}}, "scores: expected some of .*'migg'"),
        ({"scores": {"mine": {"name": 3}}}, "scores.mine.name: expected a metric, got 3"),
        ({"scores": {"mine": {"name": spread, "bins": 3}}}, "scores.mine.bins: unknown; .*power"),
        ({"scores": {"mine": {"name": drawing}}}, "scores.mine.rng: .*; a `Metric` that draws"),
        (
            {"scores": {"mine": {"name": Metric(drawing, draws=True)}}},
            "scores.mine.size: expected a value, got none",
        ),
        ({"scores": {"mig": {"num_bins": 0}}}, "scores.mig.num_bins: expected .* got 0"),
        ({"scores": {"sap": {"num_train": -5}}}, "scores.sap.num_train: expected"),
        ({"scores": {"dci": {"predictor": "forest"}}}, "scores.dci.predictor: expected 'trees' or"),
        ({"scores": {"infomec": {"prune": "max"}}}, "scores.infomec.prune: expected"),
        ({"scores": {"downstream_accuracy": {"num_labels": "few"}}}, "downstream_accuracy.num_l"),
        ({"scores": {"frobenius_distance": {"aggregate": "x"}}}, "distance.aggregate: expected"),
        ({"scores": {"active_units": {"min_variance": None}}}, "units.min_variance: expected"),
        ({"num_images": 1}, "num_images: expected at least 2"),
        ({"batch_size": 3}, "batch_size: expected a positive multiple of 2 devices"),
    ],
)
def test_impossible_settings_are_refused(context, kwargs, message):
    with pytest.raises(ValueError, match=message):
        disentanglement(context, **{**KWARGS, **kwargs})


def failing(name, error):
    """`estimates` that cannot score one metric."""

    def of_metric(metric, *args, **kwargs):
        if metric.function.func is METRICS[name].function:
            raise error
        return estimates(metric, *args, **kwargs)

    return of_metric


def kept_of(evaluator, state):
    """What it yields, and the error it then raises."""
    found = {}
    try:
        for name, value in evaluator(state):
            found[name] = value
    except Exception as error:
        return found, error
    return found, None


@pytest.mark.parametrize("kind", [ValueError, TypeError, FloatingPointError])
def test_a_score_that_fails_takes_no_other_with_it(context, state, monkeypatch, kind):
    module = sys.modules["vaejax.metrics.scoring"]
    evaluate = disentanglement(context, **KWARGS, baselines=("ground_truth",))
    monkeypatch.setattr(module, "estimates", failing("mig", kind("codes: no good")))
    found, error = kept_of(evaluate, state)
    names = {n for n in found if not n.endswith(("_std", "_low", "_high", "train", "active"))}
    per_table = ("factor_vae_score", "frobenius_distance")
    assert names == {"num_images"} | {
        f"disentanglement/{table}{score}" for table in ("", "ground_truth/") for score in per_table
    }
    assert isinstance(error, FloatingPointError) == (kind is FloatingPointError)
    assert str(error) == (
        "disentanglement/mig: codes: no good; disentanglement/ground_truth/mig: codes: no good"
    )
    monkeypatch.undo()  # the baseline had not all its scores: it has them next time
    found, error = kept_of(evaluate, state)
    assert error is None and "disentanglement/ground_truth/mig" in found
    assert "disentanglement/ground_truth/mig" not in dict(evaluate(state))


def test_a_baseline_that_fails_takes_no_other_with_it(context, state, monkeypatch):
    def none(*args):
        raise ValueError("latent_size: too large")

    monkeypatch.setattr(sys.modules["vaejax.evaluators.tables"], "pca", none)
    kwargs = {**KWARGS, "scores": {"active_units": {}}, "num_repeats": 1}
    evaluate = disentanglement(context, **kwargs, baselines=("pca", "ground_truth"))
    found, error = kept_of(evaluate, state)
    assert "disentanglement/active_units" in found
    assert "disentanglement/ground_truth/active_units" in found
    assert str(error) == "baseline pca: latent_size: too large"
    monkeypatch.undo()
    found = dict(evaluate(state))
    assert "disentanglement/pca/active_units" in found
    assert "disentanglement/ground_truth/active_units" not in found
