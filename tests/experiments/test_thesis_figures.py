"""What the thesis's figures show, of readings made up for the purpose."""

import numpy as np
import pytest

from experiments.thesis import canvas, frey, plots
from experiments.thesis.readings import Reading, by_beta, first_seed

pytest.importorskip("matplotlib")

BETAS, SEEDS, EPOCHS = (1e-3, 1.0), (0, 1, 2), 4


def reading(latent_size: int, beta: float, seed: int) -> Reading:
    rng = np.random.default_rng(seed)
    falling = 360.0 + seed - np.arange(EPOCHS) / (1 + beta)
    parts = ("kl", "mutual_information", "marginal_kl")
    return Reading(
        latent_size=latent_size,
        beta=beta,
        seed=seed,
        scores={
            "frobenius_distance/posterior": (1 + seed) / beta,
            "frobenius_distance/means": 1.0,
            **{f"equation_3_14/{part}": 1.0 + seed for part in parts},
        },
        losses={
            part: {"training": falling, "validation": falling + 1}
            for part in ("loss", "reconstruction", "kl")
        },
        samples=rng.normal(size=(200, latent_size)),
        plane=rng.uniform(size=(36, 28, 20, 1)),
        draws=rng.uniform(size=(36, 28, 20, 1)),
    )


@pytest.fixture(scope="module")
def readings():
    return [reading(n, beta, seed) for n in (2, 3) for beta in BETAS[::-1] for seed in SEEDS]


def test_a_line_is_the_mean_over_seeds_and_its_bars_their_range():
    figure = plots.against_beta({2: {1e-3: np.array([1.0, 2.0, 6.0]), 1.0: np.zeros(2)}}, "F")
    (panel,) = figure.axes
    (bars,) = panel.containers
    np.testing.assert_allclose(bars.lines[0].get_xydata(), [[1e-3, 3.0], [1.0, 0.0]])
    segments = bars.lines[2][0].get_segments()
    np.testing.assert_allclose(np.array(segments)[:, :, 1], [[1, 6], [0, 0]])
    assert panel.get_xscale() == "log"
    low, high = panel.get_ylim()
    assert low < 0 and high > 6  # 0 is shown
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["2 latents"]


def test_one_seed_has_no_range():
    figure = plots.against_beta({2: {1e-3: np.array([1.0]), 1.0: np.array([2.0, 3.0])}}, "F")
    (bars,) = figure.axes[0].containers
    np.testing.assert_allclose(bars.lines[0].get_ydata(), [1.0, 2.5])
    drawn = [path.vertices[:, 1] for path in bars.lines[2][0].get_paths()]
    np.testing.assert_allclose([ends for ends in drawn if np.isfinite(ends).all()], [[2, 3]])
    canvas.curve(figure.axes[0], np.ones((1, 3)), "C0", "")
    assert len(figure.axes[0].collections) == 1  # the bars: no band


def test_losses_have_a_panel_per_beta_and_the_mean_image():
    falling = np.array([[362.0, 350.0, 340.0], [360.0, 352.0, 338.0]])
    flat = np.full((1, 3), 361.0)  # of one seed
    series = {1e-3: falling, 10.0: flat}
    curves = {part: {"training": series} for part in ("loss", "reconstruction")}
    figure = plots.losses(curves, baseline=361.5)
    assert [panel.get_title() for panel in figure.axes] == ["β = $10^{-3}$", "β = 10"]
    baseline, loss, reconstruction = figure.axes[0].lines
    assert set(baseline.get_ydata()) == {361.5}
    for curve in (loss, reconstruction):
        np.testing.assert_array_equal(curve.get_xydata(), [[1, 361], [2, 351], [3, 339]])
    low, high = figure.axes[0].get_ylim()
    assert low < 338 and high > 362


def test_aggregate_posterior_is_ringed_by_its_covariance():
    rng = np.random.default_rng(0)
    root = np.array([[3.0, 0.0], [1.0, 0.5]])
    figure = plots.aggregate_posterior({"q(z)": rng.normal(size=(20_000, 2)) @ root.T})
    circle, ellipse = (line.get_xydata() for line in figure.axes[0].lines)
    np.testing.assert_allclose((circle**2).sum(1), 4.0)
    whitened = np.linalg.solve(root, ellipse.T)
    np.testing.assert_allclose((whitened**2).sum(0), 4.0, rtol=0.1)


@pytest.mark.parametrize(
    "beta, text", [(1e-6, "$10^{-6}$"), (0.01, "0.01"), (20.0, "20"), (1e3, "$10^{3}$")]
)
def test_beta_in_titles(beta, text):
    assert canvas.beta_text(beta) == f"β = {text}"


def test_seeds_of_a_beta_are_stacked(readings):
    two = [r for r in readings if r.latent_size == 2]
    stacked = by_beta(two, lambda r: r.losses["loss"]["training"])
    assert list(stacked) == list(BETAS) and stacked[1.0].shape == (len(SEEDS), EPOCHS)
    assert [(r.beta, r.seed) for r in first_seed(two[::-1])] == [(1e-3, 0), (1.0, 0)]


def test_results_hold_every_seed(readings):
    rows = frey.points(readings)
    assert [(row["latent_size"], row["beta"]) for row in rows] == [
        (size, beta) for size in (2, 3) for beta in BETAS
    ]
    assert rows[0]["frobenius_distance/posterior"] == [1e3, 2e3, 3e3]
    assert rows[0]["loss/validation_first"] == [361.0, 362.0, 363.0]
    assert rows[1]["loss/training"] == [360.0 - 1.5, 361.0 - 1.5, 362.0 - 1.5]


def test_every_figure_is_written(readings, tmp_path):
    further = [reading(2, 20.0, 0)]
    frey.draw_codes(readings, further, 100, tmp_path)
    frey.draw_images(readings, tmp_path)
    frey.draw_losses(readings, 360.0, tmp_path)
    figures = {f"figure_5_{n}" for n in ("1", "1_of_means", "2", "4", "6")}
    grids = {f"figure_5_{n}_{what}" for n in (3, 5) for what in ("plane", "draws")}
    expected = figures | grids | {"equation_3_14", "kl_per_epoch"}
    assert {path.stem for path in tmp_path.glob("*.png")} == expected
