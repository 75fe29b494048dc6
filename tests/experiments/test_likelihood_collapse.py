"""Posterior collapse on two Gaussian numbers, learnt beside its exact prediction."""

import numpy as np
import pytest

from experiments.likelihood import collapse
from experiments.likelihood.collapse import DECODERS, Size, learn, optimum

CORRELATIONS = (0.0, 0.5, 0.9)
SIZE = Size(num_steps=1_000, num_examples=10_000)


@pytest.mark.parametrize("decoder", DECODERS)
def test_what_is_learnt_is_what_is_predicted(decoder):
    _, learnt = learn(DECODERS[decoder], CORRELATIONS, SIZE)
    best = [optimum(correlation) for correlation in CORRELATIONS]
    np.testing.assert_allclose(learnt.elbo, [one["elbo"] for one in best], atol=0.02)
    if decoder == "diagonal":
        np.testing.assert_allclose(learnt.kl, [one["kl"] for one in best], atol=0.05)
    else:  # whatever the correlation, the latent is useless
        assert (np.asarray(learnt.kl) < 0.05).all()


def test_the_prediction_is_that_of_the_closed_form():
    """Sections 1.9 and 1.16 of the reference: 0.549, 1.472 and 2.647 nats."""
    kls = [optimum(correlation)["kl"] for correlation in (0.0, 0.5, 0.9, 0.99)]
    np.testing.assert_allclose(kls, [0, 0.549, 1.472, 2.647], atol=5e-4)
    expected = -np.log(2 * np.pi * np.e) - 0.5 * np.log(1 - 0.9**2)
    assert optimum(0.9)["elbo"] == pytest.approx(expected)


def test_smoke_size(tmp_path):
    pytest.importorskip("matplotlib")
    rows = collapse.run("smoke", tmp_path)
    assert (tmp_path / "collapse.png").exists()
    assert [(row["decoder"], row["correlation"]) for row in rows] == [
        ("diagonal", 0.0), ("diagonal", 0.9), ("full", 0.0), ("full", 0.9),
    ]  # fmt: skip
    assert [round(row["least_kl"], 3) for row in rows] == [0.0, 1.472, 0.0, 0.0]
    for row in rows:
        assert np.isfinite([row["kl"], row["elbo"]]).all()
        assert row["elbo"] < row["best_elbo"]
