"""What follows from made-up readings: which models labels choose, and where a score is highest."""

import numpy as np
import pytest
from scipy import stats

from experiments.plans.readings import (
    Reading,
    by_beta_norm,
    by_size,
    choice,
    number,
    peak,
    results_of,
)

BETA_NORMS = (0.01, 0.1, 1.0)
FULL = {0: (0.5, 0.9, 0.7), 1: (0.6, 0.8, 0.4)}  # by seed, the metric at each beta_norm


@pytest.fixture
def readings():
    """Two seeds of five latents. 1,000 labels rank the models rightly; ten choose the last twice,
    then the first."""
    made = []
    for seed, scores in FULL.items():
        for place, (beta_norm, score) in enumerate(zip(BETA_NORMS, scores, strict=True)):
            few = np.array([place, place, -place], float)
            names = ("factor_vae_score", "mig", "active_units", "elbo", "log_likelihood")
            numbers = {"beta_vae_score": score} | dict.fromkeys(names, score)
            label_scores = {10: few, 1_000: np.array([score, score - 0.1])}
            made.append(Reading(5, beta_norm, 800 * beta_norm, seed, numbers, label_scores))
    return made[::-1]


def test_enough_labels_choose_the_best_model_of_each_seed(readings):
    made = choice(readings, 1_000)
    assert made.times_chosen == {0.01: 0, 0.1: 4, 1.0: 0} and made.times_tied == 0
    assert made.lost.tolist() == [0, 0]
    assert made.lost_blindly == pytest.approx(0.85 - (0.7 + 0.6) / 2)


def test_few_labels_choose_by_their_own_scores(readings):
    made = choice(readings, 10)
    assert made.times_chosen == {0.01: 2, 0.1: 0, 1.0: 4}
    np.testing.assert_allclose(made.lost, [(0.2 + 0.2 + 0.4) / 3, (0.4 + 0.4 + 0.2) / 3])


def test_models_that_tie_share_a_choice(readings):
    """Of the repeats one is a tie of two models, one of all three."""
    scores = {0.01: [0.5, 1.0], 0.1: [1.0, 1.0], 1.0: [1.0, 1.0]}
    tied = [r._replace(label_scores={10: np.array(scores[r.beta_norm])}) for r in readings]
    made = choice(tied, 10)
    assert made.times_chosen == pytest.approx({0.01: 2 / 3, 0.1: 1 + 2 / 3, 1.0: 1 + 2 / 3})
    assert made.times_tied == 4
    # Below the best by 0.4, 0, 0.2 and by 0.2, 0, 0.4, for the two seeds.
    np.testing.assert_allclose(made.lost, [(0.1 + 0.2) / 2, (0.2 + 0.2) / 2])


def test_the_peak_is_told_with_its_height_over_both_ends(readings):
    series = by_beta_norm(by_size(readings)[5], number("beta_vae_score"))
    assert list(series) == list(BETA_NORMS)
    told = peak(series)
    assert told["beta_norm"] == 0.1
    assert told["score"] == pytest.approx(0.85)
    assert told["above_lowest_beta"] == pytest.approx(0.85 - 0.55)
    assert told["above_highest_beta"] == pytest.approx(0.85 - 0.55)
    assert told["largest_range_of_seeds"] == pytest.approx(0.3)


def test_a_single_beta_is_a_peak_over_nothing():
    told = peak({0.1: np.array([0.5, 0.7])})
    assert (told["beta_norm"], told["above_lowest_beta"], told["above_highest_beta"]) == (0.1, 0, 0)


def test_one_seed_has_no_range():
    assert np.isnan(peak({0.1: np.array([0.5]), 1.0: np.array([0.7])})["largest_range_of_seeds"])
    some = {0.1: np.array([0.5]), 1.0: np.array([0.7, 0.6])}  # a seed diverged
    assert peak(some)["largest_range_of_seeds"] == pytest.approx(0.1)


def test_results_say_how_often_each_beta_was_chosen(readings):
    results = results_of(readings)
    ten, thousand = results["choices"]
    assert (ten["num_labels"], thousand["num_labels"]) == (10, 1_000)
    assert ten["times_chosen"] == {0.01: 2, 0.1: 0, 1.0: 4}
    assert thousand["times_chosen"] == {0.01: 0, 0.1: 4, 1.0: 0}
    assert len(results["points"]) == 6 and results["peaks"]["mig"][5]["beta_norm"] == 0.1


def test_intervals_are_over_seeds_however_often_labels_are_drawn(readings):
    lost = np.array([0.8 / 3, 1.0 / 3])  # of the two seeds, by ten labels
    low, high = stats.t.interval(0.95, df=1, loc=lost.mean(), scale=stats.sem(lost))
    ten = results_of(readings)["choices"][0]
    assert (ten["low"], ten["high"]) == pytest.approx((low, high))
    tripled = [
        r._replace(label_scores={n: np.tile(some, 3) for n, some in r.label_scores.items()})
        for r in readings
    ]
    again = results_of(tripled)["choices"][0]
    assert (again["low"], again["high"]) == pytest.approx((low, high))
    alone = results_of([r for r in readings if r.seed == 0])["choices"][0]
    assert np.isnan([alone["low"], alone["high"]]).all()


def test_figures_show_the_readings(readings):
    pytest.importorskip("matplotlib")
    from experiments.plans import figures

    map_of_scores = figures.heat_map(readings).axes[0]
    np.testing.assert_allclose(map_of_scores.images[0].get_array(), [[0.55, 0.85, 0.55]])
    (frame,) = map_of_scores.patches
    assert frame.get_x() + frame.get_width() / 2 == pytest.approx(1)
    line = figures.inverted_u(readings).axes[0].lines[0]
    np.testing.assert_allclose(line.get_xydata(), [[0.01, 0.55], [0.1, 0.85], [1.0, 0.55]])
    lost = figures.choices(readings).axes[0]
    np.testing.assert_allclose(lost.lines[0].get_xydata(), [[10, 0.3], [1_000, 0]], atol=1e-9)
    dots = lost.collections[0].get_offsets()
    np.testing.assert_allclose(dots, [[10, 0.8 / 3], [10, 1.0 / 3]])
    few = figures.few_labels(readings).axes[1]
    assert few.get_title() == "1,000 labels"
    np.testing.assert_allclose(few.lines[0].get_xydata(), [[0.01, 0.5], [0.1, 0.8], [1.0, 0.5]])
    assert len(few.collections[0].get_offsets()) == 6  # a dot per seed
    right = figures.likelihood(readings).axes[1]
    assert len(right.collections[0].get_offsets()) == 6
