"""What few labels say, of a model whose codes are the factors with noise."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments import labels
from vaejax.data import Source
from vaejax.metrics.table import Table

NUM_IMAGES = 3_000


class Numbered(Source):
    """Images without pixels, of three factors and a constant one."""

    image_shape = (1, 1, 1)
    factor_names = ("a", "b", "c", "d")

    def __len__(self):
        return NUM_IMAGES

    def factors(self, indices):
        values = np.random.default_rng(0).integers(4, size=(NUM_IMAGES, 4))
        values[:, 3] = 0
        return values[indices]


@pytest.fixture
def encoded(monkeypatch):
    """Lists the images that are encoded; the codes are their factors with noise."""
    seen = []

    def codes_of(model, sources):
        (source,) = sources
        seen.append(source.indices)
        factors = source.factors(np.arange(len(source)))
        codes = factors[:, :3] + np.random.default_rng(1).normal(size=(len(source), 3))
        return Table(codes.astype(np.float32), codes, factors)

    monkeypatch.setattr(labels, "codes_of", codes_of)
    return seen


def test_every_repeat_draws_from_the_whole_split_and_an_image_is_encoded_once(encoded):
    model = SimpleNamespace(run=SimpleNamespace(source=Numbered()))
    scores = labels.label_scores(model, (100, 300), num_repeats=5)
    assert {n: some.shape for n, some in scores.items()} == {100: (5,), 300: (5,)}
    assert scores[300].min() > 0.6 and len(set(scores[100])) > 1
    (rows,) = encoded
    assert len(np.unique(rows)) == len(rows)
    # Five draws of 300 of 3,000 leave 59 % unseen; one table of 300 for all would leave 90 %.
    assert len(rows) > 1_000 and rows.min() < 50 and rows.max() > NUM_IMAGES - 50


def test_repeats_are_the_same_for_all_models(encoded):
    model = SimpleNamespace(run=SimpleNamespace(source=Numbered()))
    first, second = (labels.label_scores(model, (50,), num_repeats=2)[50] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(*encoded)


def test_draws_of_all_images_are_all_images(encoded):
    model = SimpleNamespace(run=SimpleNamespace(source=Numbered()))
    labels.label_scores(model, (NUM_IMAGES,), num_repeats=1)
    np.testing.assert_array_equal(encoded[0], np.arange(NUM_IMAGES))
