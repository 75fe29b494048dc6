"""Which rows scores and intervals are made of, seen by metrics that keep what they are given."""

import functools
import warnings

import jax
import numpy as np
import pytest
import scipy.stats

from vaejax import metrics
from vaejax.metrics import METRICS, Metric
from vaejax.metrics.estimates import estimates
from vaejax.metrics.records import drawn, fitted, labelled
from vaejax.metrics.table import Table

RNG = jax.random.key(0)


def table(num_images):
    """Codes [N, 1] that are numbers of rows."""
    codes = np.arange(num_images, dtype=np.float32)[:, None]
    return Table(codes, codes - 100, np.arange(num_images)[:, None] % 2)


@pytest.fixture
def seen():
    return []


@pytest.fixture
def mean(seen):
    """A metric of all rows it is given: their mean."""

    def metric(codes, factors, *, rng):
        seen.append((codes[:, 0].astype(int), tuple(jax.random.key_data(rng).tolist())))
        return {"mean": codes.mean(), "codes": codes, "rule": "given", "count": np.int32(3)}

    return Metric(metric, draws=True)


@pytest.fixture
def fit(seen):
    """A metric that fits to some rows and scores on others."""

    def metric(codes, factors, *, rng, num_train=40, num_test=20, rows=None):
        seen.append([codes[part, 0].astype(int) for part in rows])
        return {"score": codes[rows[0]].mean() - codes[rows[1]].mean()}

    return Metric(metric, draws=True, sizes=fitted)


def test_many_images_make_tables_without_a_common_image(mean, seen):
    found = estimates(mean, table(130), RNG, num_points=25, num_repeats=5)
    rows, keys = zip(*seen, strict=True)
    assert [len(some) for some in rows] == [25] * 5
    assert len(np.unique(np.concatenate(rows))) == 125
    assert len(set(keys)) == 5
    expected = metrics.mean_interval([some.mean() for some in rows])
    assert found["mean"] == pytest.approx(expected, rel=1e-6)
    assert set(found) == {"mean", "count"}  # what is one number
    assert np.isnan(found["count"].low)  # and did not vary


def test_of_fewer_images_a_table_is_halved(mean, seen):
    found = estimates(mean, table(130), RNG, num_points=50, num_repeats=5)
    (whole, *halves), keys = zip(*seen, strict=True)
    assert len(np.unique(whole)) == 50
    for half in halves:
        assert len(np.unique(half)) == 25 and set(half) < set(whole)
    assert len({tuple(sorted(half)) for half in halves}) == 5
    assert len(set(keys)) == 6  # noise of the metric's own is drawn anew
    spread = np.std([half.mean() for half in halves], ddof=1)
    ends = scipy.stats.t.interval(0.95, df=4, loc=whole.mean(), scale=spread)
    assert found["mean"] == pytest.approx((whole.mean(), spread, *ends), rel=1e-6)


def test_all_images_of_a_small_table_count(mean, seen):
    found = estimates(mean, table(31), RNG, num_points=50, num_repeats=2)
    assert [len(rows) for rows, _ in seen] == [31, 15, 15]
    assert found["mean"].value == pytest.approx(15.0)
    assert found["mean"].low < 15 < found["mean"].high


@pytest.mark.parametrize(
    ("num_images", "sizes"),
    [(200, [(40, 20)] * 3), (150, [(40, 20)] + [(20, 10)] * 3), (30, [(20, 10)] + [(10, 5)] * 3)],
)
def test_a_predictor_never_sees_what_it_is_scored_on(fit, seen, num_images, sizes):
    estimates(fit, table(num_images), RNG, num_points=7, num_repeats=3)
    assert [(len(train), len(test)) for train, test in seen] == sizes
    for train, test in seen:
        assert len({*train, *test}) == len(train) + len(test)
    if len(seen) > 3:  # halves of either part
        for train, test in seen[1:]:
            assert set(train) < set(seen[0][0]) and set(test) < set(seen[0][1])
    else:
        assert len(np.unique(np.concatenate([*map(np.concatenate, seen)]))) == 180


@pytest.mark.parametrize(
    ("num_images", "sizes"),
    [(90, [(50, 20), (25, 10)]), (60, [(50, 10), (25, 5)]), (40, [(5, 20)])],
)
def test_numbers_of_labels_leave_rows_to_score_on(seen, num_images, sizes):
    def metric(codes, *, rng, num_labels=(5, 50), num_test=20, rows=None):
        seen.append(tuple(map(len, rows)))
        return {"score": codes[rows[0]].mean()}

    record = Metric(metric, takes=("codes",), draws=True, sizes=labelled)
    estimates(record, table(num_images), RNG, num_points=7, num_repeats=2)
    assert seen[: len(sizes)] == sizes


def test_a_metric_that_draws_rows_itself_has_its_own_number(seen):
    def metric(codes, *, rng, num_points=20):
        seen.append(len(codes))
        return {"score": codes.mean()}

    record = Metric(metric, takes=("codes",), draws=True, sizes=drawn)
    estimates(record, table(100), RNG, num_points=7, num_repeats=5)
    record = record._replace(function=functools.partial(metric, num_points=60))
    estimates(record, table(100), RNG, num_points=7, num_repeats=1)
    assert seen == [20] * 5 + [60]


def test_noise_of_a_metric_counts_once():
    def metric(codes, *, rng):
        return {"score": 5.0 + float(jax.random.normal(rng))}

    record = Metric(metric, takes=("codes",), draws=True)
    found = estimates(record, table(50), RNG, num_points=50, num_repeats=300)
    assert found["score"].std == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("images", [1, 50])
def test_one_repeat_makes_no_interval(mean, images):
    found = estimates(mean, table(50), RNG, num_points=images, num_repeats=1)
    assert np.isfinite(found["mean"].value)
    assert np.isnan(found["mean"][1:]).all()


def test_where_halves_have_no_score_there_is_no_interval():
    def metric(codes):
        if len(codes) < 50:
            raise ValueError("codes: expected more")
        return {"score": codes.mean()}

    record = Metric(metric, takes=("codes",))
    found = estimates(record, table(50), RNG, num_points=50, num_repeats=3)
    assert found["score"].value == 24.5 and np.isnan(found["score"][1:]).all()
    with pytest.raises(ValueError, match="codes: expected more"):
        estimates(record, table(49), RNG, num_points=50, num_repeats=3)


def test_columns_are_given_in_the_order_in_which_a_metric_takes_them():
    def metric(noise, codes):
        return {"noise": noise.max(), "codes": codes.max()}

    record = Metric(metric, takes=("log_vars", "codes"))
    found = estimates(record, table(50), RNG, num_points=50, num_repeats=1)
    assert (found["noise"].value, found["codes"].value) == (-51, 49)


def test_codes_without_kls_have_none():
    found = estimates(METRICS["active_units"], table(1000), RNG, num_points=1000, num_repeats=1)
    assert set(found) == {"active_units"}


def test_what_is_not_numbers_by_name_is_told():
    record = Metric(lambda codes, factors: codes.mean())
    with pytest.raises(ValueError, match="expected numbers by name, got float32"):
        estimates(record, table(50), RNG, num_points=50, num_repeats=1)


def test_a_factor_that_a_drawn_table_lacks_the_values_of_is_left_out():
    """Three images of 2,000 have a rare value: of 1,000 drawn, fewer than two now and then."""
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=2000), np.arange(2000) < 3], axis=1).astype(int)
    codes = (factors[:, :1] + 0.1 * rng.normal(size=(2000, 2))).astype(np.float32)
    rare = Table(codes, codes - 5, factors)
    common = rare._replace(factors=factors[:, :1])
    told = []
    for seed in range(6):
        rows = {"num_points": 1000, "num_repeats": 1}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = estimates(METRICS["mig"], rare, jax.random.key(seed), **rows)["mig"].value
        assert np.isfinite(found)
        if caught:
            assert "left out: factors: column 1 has" in str(caught[0].message)
            alone = estimates(METRICS["mig"], common, jax.random.key(seed), **rows)["mig"].value
            assert found == alone
            told.append(seed)
    assert 0 < len(told) < 6


def with_settings(name, **settings):
    record = METRICS[name]
    return record._replace(function=functools.partial(record.function, **settings))


def rare_table(num_rare, num_images=2000):
    rng = np.random.default_rng(0)
    factors = np.stack([rng.integers(3, size=num_images), np.arange(num_images) < num_rare], 1)
    codes = (factors + 0.1 * rng.normal(size=factors.shape)).astype(np.float32)
    return Table(codes, codes - 5, factors.astype(int))


def test_all_tables_have_the_same_factors():
    """The mean of scores of two factors and of one would be neither."""
    rows = {"num_points": 1000, "num_repeats": 5}
    rare = rare_table(12, 6000)
    with pytest.warns(UserWarning, match="left out: factors: column 1 has") as told:
        found = estimates(METRICS["mig"], rare, RNG, **rows)
    assert len([w for w in told if "left out" in str(w.message)]) == 1
    common = rare._replace(factors=rare.factors[:, :1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found == estimates(METRICS["mig"], common, RNG, **rows)


@pytest.mark.parametrize("metric", ["mig", "sap"])
def test_halves_that_lack_a_factor_make_no_interval(metric):
    """Nor do they change the score, which is of both."""
    settings = {} if metric == "mig" else {"num_train": 1300, "num_test": 700}
    metric = with_settings(metric, **settings)
    rows = {"num_points": 2000, "num_repeats": 5}
    with pytest.warns(UserWarning, match="no interval: factors: column 1 has .* half of the rows"):
        found = estimates(metric, rare_table(4), jax.random.key(2), **rows)
    for estimate in found.values():
        assert np.isfinite(estimate.value) and np.isnan(estimate[1:]).all()


def test_a_single_number_of_labels():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(1500, 2)).astype(np.float32)
    given = Table(codes, codes, (codes > 0).astype(int))
    metric = with_settings("downstream_accuracy", num_labels=100, num_test=200)
    found = estimates(metric, given, RNG, num_points=1500, num_repeats=1)
    assert found["downstream_accuracy/100"].value > 0.8
