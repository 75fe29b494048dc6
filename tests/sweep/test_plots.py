"""Plots of made-up tables: what they show is where the table says."""

import itertools

import numpy as np
import pytest

from vaejax import sweep
from vaejax.sweep import plots
from vaejax.sweep.table import Row

pytest.importorskip("matplotlib")


def made_up(beta, latent_size, split, metric, mean, spread=0.5):
    point = {"objective.beta": beta, "model.latent_size": latent_size}
    values = {0: mean - spread, 1: mean + spread}
    bounds = (mean - spread, mean + spread)
    return Row(point, split, metric, "nats/image", values, mean, 0.1, *bounds, 0)


@pytest.fixture
def rows():
    """Betas out of order, two latent sizes; the KL falls with beta."""
    rows = []
    for latent_size in (2, 5):
        for beta in (100.0, 1.0, 10.0):
            kl, log_px = 30.0 / beta + latent_size, -50.0 - beta
            for metric, mean in {"kl": kl, "log_px": log_px, "elbo": log_px - kl}.items():
                rows.append(made_up(beta, latent_size, "test/bound", metric, mean))
                rows.append(made_up(beta, latent_size, "train", metric, 0.0))
            for name in ("mig", "mig_low", "mig_high", "mig_std"):
                metric = f"disentanglement/{name}"
                rows.append(made_up(beta, latent_size, "disentanglement", metric, 0.1))
            baseline = "disentanglement/pca/mig"
            rows.append(made_up(beta, latent_size, "disentanglement", baseline, 0.1))
    return rows


@pytest.fixture
def figure(monkeypatch):
    """The figure that was drawn, kept."""
    kept = []
    panels = plots._panels

    def keep(*args, **kwargs):
        drawn = panels(*args, **kwargs)
        kept.append(drawn[0])
        return drawn

    monkeypatch.setattr(plots, "_panels", keep)
    return kept


def curves(axis):
    return [np.array(bars[0].get_data(), float) for bars in axis.containers]


def test_tradeoff_runs_along_rising_beta(rows, figure, tmp_path):
    sweep.plot_tradeoff(rows, tmp_path / "tradeoff.png")
    (axis,) = figure[0].axes
    first, second = curves(axis)
    np.testing.assert_allclose(first, [[32.0, 5.0, 2.3], [51.0, 60.0, 150.0]])
    np.testing.assert_allclose(second[0], first[0] + 3.0)
    assert axis.get_legend_handles_labels()[1] == ["latent_size 2", "latent_size 5"]
    assert {text.get_text() for text in axis.texts} == {"1", "10", "100"}
    assert not axis.get_legend() and len(figure[0].legends) == 1
    assert (tmp_path / "tradeoff.png").read_bytes().startswith(b"\x89PNG")


def test_no_bar_is_drawn_where_there_is_no_interval(rows, figure, tmp_path):
    rows = [row._replace(low=np.nan, high=np.nan) for row in rows if row.metric != "kl"] + [
        row for row in rows if row.metric == "kl"
    ]
    sweep.plot_metrics(rows, tmp_path / "metrics.png")
    for axis in figure[0].axes:
        expected = 3 if axis.get_ylabel().startswith("kl") else 0
        for container in axis.containers:
            (bars,) = container.lines[2]
            drawn = [path for path in bars.get_paths() if np.isfinite(path.vertices).all()]
            assert len(drawn) == expected
            for caps in container.lines[1]:
                assert np.isfinite(np.asarray(caps.get_ydata(), float)).sum() == expected


def test_metrics_have_a_panel_each_over_beta(rows, figure, tmp_path):
    sweep.plot_metrics(rows, tmp_path / "metrics.pdf")
    labels = [axis.get_ylabel() for axis in figure[0].axes]
    names = ["elbo", "log_px", "kl", "mig"]
    assert labels == [f"{name}, nats/image" for name in names]
    for axis in figure[0].axes:
        assert axis.get_xscale() == "log" and axis.get_xlabel() == "beta"
        assert [curve[0].tolist() for curve in curves(axis)] == [[1.0, 10.0, 100.0]] * 2
    assert (tmp_path / "metrics.pdf").read_bytes().startswith(b"%PDF")


def boxes_of(texts):
    return [text.get_window_extent() for text in texts if text.get_text()]


def test_labels_at_points_do_not_overlap(rows, figure, tmp_path):
    """Two lines all but the same: their labels were printed over each other."""
    near = []
    for row in rows:
        apart = 0.98 * row.point["model.latent_size"] if row.metric == "kl" else 0.0
        near.append(row._replace(mean=row.mean - apart, low=np.nan, high=np.nan))
    sweep.plot_tradeoff(near, tmp_path / "tradeoff.png")
    boxes = boxes_of(figure[0].axes[0].texts)
    assert len(boxes) >= 4
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_what_is_swept_is_along_the_axis_and_its_labels_do_not_overlap(rows, figure, tmp_path):
    """Of powers of ten too few ticks were written, of other values none that was swept."""
    betas = (0.5, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
    few = [made_up(beta, 2, "test/bound", "elbo", -beta) for beta in betas]
    sweep.plot_metrics(few, tmp_path / "metrics.png")
    (axis,) = figure[0].axes
    ticks = [tick.get_text() for tick in axis.get_xticklabels()]
    assert set(ticks) <= {f"{beta:g}" for beta in betas} and {"0.5", "1", "64"} <= set(ticks)
    boxes = boxes_of(axis.get_xticklabels())
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))


def test_one_line_needs_no_legend_and_one_that_diverged_no_panel(rows, figure, tmp_path):
    one = [row for row in rows if row.point["model.latent_size"] == 2]
    lost = Row({"objective.beta": 9.0, "model.latent_size": 2}, "", "", "", {}, *[np.nan] * 4, 3)
    sweep.plot_metrics([*one, lost], tmp_path / "metrics.png")
    sweep.plot_tradeoff([*one, lost], tmp_path / "tradeoff.png")
    assert not figure[0].legends and not figure[1].legends
    assert all(axis.get_ylabel() for axis in figure[0].axes)


def test_the_swept_number_is_the_first_that_is_one(rows):
    assert sweep.swept_number(rows) == "objective.beta"
    named = [row._replace(point={"model.preset": "frey", "flip": True}) for row in rows]
    assert sweep.swept_number(named) is None
    assert sweep.swept_number([]) is None


def test_the_swept_number_holds_several_numbers_and_nothing_else(rows):
    def with_points(points):
        return [row._replace(point=point) for row, point in zip(rows, points, strict=False)]

    some = [{"optimizer.clip_norm": norm, "objective.beta": 1.0} for norm in (1.0, None)]
    assert sweep.swept_number(with_points(some)) == "objective.beta"
    some = [{"objective.beta": 1.0, "model.latent_size": size} for size in (2, 3)]
    assert sweep.swept_number(with_points(some)) == "model.latent_size"
    assert sweep.swept_number(with_points([{"train.skip_factor": np.inf}])) is None
