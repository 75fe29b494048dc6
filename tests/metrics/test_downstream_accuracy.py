import pytest

from vaejax.metrics import downstream_accuracy


def test_known_codes(perfect, useless, grid, key):
    scores = downstream_accuracy(perfect, grid, rng=key, num_labels=(10, 800))
    few, many = (scores[f"downstream_accuracy/{n}"] for n in (10, 800))
    assert few < many and many > 0.95
    assert scores["downstream_efficiency"] == pytest.approx(few / many)
    chance = downstream_accuracy(useless, grid, rng=key, num_labels=(800,))
    assert chance["downstream_accuracy/800"] == pytest.approx((1 / 3 + 1 / 4 + 1 / 5) / 3, abs=0.1)


def test_more_labels_than_points_are_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="num_labels: expected numbers"):
        downstream_accuracy(perfect, grid, rng=key, num_labels=(5000,))
