import jax
import jax.numpy as jnp
import numpy as np

from vaejax.metrics.draws import random_words
from vaejax.metrics.groups import FactorGroups


def test_partners_share_the_factor_and_are_uniform_in_the_rest(grid):
    kept = grid[np.random.default_rng(0).permutation(len(grid))[:700]]  # an incomplete grid
    groups = FactorGroups.of(kept)
    words = random_words(jax.random.key(0), (2, 20_000))
    for factor in map(jnp.asarray, range(3)):
        rows = groups.rows(words[0], factor)
        for draw in (groups.rows_like, groups.partners):
            partners = draw(words[1], rows, factor)
            np.testing.assert_array_equal(kept[rows, factor], kept[partners, factor])
            other = (factor + 1) % 3
            drawn = np.bincount(kept[partners, other]) / len(partners)
            np.testing.assert_allclose(drawn, np.bincount(kept[:, other]) / 700, atol=0.02)


def test_no_row_is_its_own_partner_and_lone_ones_have_none():
    levels = np.array([[0, 5], [1, 2], [0, 3], [2, 2], [2, 3], [2, 4], [3, 5]])
    groups = FactorGroups.of(levels)
    words = random_words(jax.random.key(0), (2, 30_000))
    for factor, shared in ((0, [0, 2, 3, 4, 5]), (1, [0, 1, 2, 3, 4, 6])):
        rows = groups.rows(words[0], jnp.asarray(factor))
        share = np.bincount(rows, minlength=7) / len(rows)
        np.testing.assert_allclose(share[shared], 1 / len(shared), atol=0.01)
        partners = np.asarray(groups.partners(words[1], rows, jnp.asarray(factor)))
        assert (partners != rows).all()
        np.testing.assert_array_equal(levels[rows, factor], levels[partners, factor])
    of_three = partners_of(groups, words, 3)
    np.testing.assert_allclose(np.bincount(of_three)[[4, 5]] / len(of_three), 0.5, atol=0.02)


def partners_of(groups, words, row):
    """Partners of one row by the first factor."""
    rows = jnp.full(words.shape[1], row)
    return np.asarray(groups.partners(words[1], rows, jnp.asarray(0)))


def test_distinct_rows_are_every_set_equally_often():
    levels = np.array([[0], [1], [0], [2], [0], [1], [2], [0], [2], [3]])
    groups, factor = FactorGroups.of(levels), jnp.zeros((30_000, 1), int)
    words = random_words(jax.random.key(0), (30_000, 2))

    def drawn(row, size=2):
        rows = jnp.full((30_000, 1), row)
        return np.sort(groups.distinct_like(words[:, :size], rows, factor), axis=1)

    pairs, counts = np.unique(drawn(4), axis=0, return_counts=True)
    np.testing.assert_array_equal(pairs, [[0, 2], [0, 4], [0, 7], [2, 4], [2, 7], [4, 7]])
    np.testing.assert_allclose(counts / 30_000, 1 / 6, atol=0.01)
    np.testing.assert_array_equal(np.unique(drawn(5), axis=0), [[1, 5]])  # all there are
    np.testing.assert_array_equal(np.bincount(drawn(3, 1)[:, 0])[[3, 6, 8]] > 9_000, True)


def test_of_fewer_rows_all_are_drawn_in_turn():
    groups = FactorGroups.of(np.array([[0], [1], [0], [1], [1]]))
    words = random_words(jax.random.key(0), (50, 7))
    rows = np.asarray(groups.distinct_like(words, jnp.full((50, 1), 3), jnp.zeros((50, 1), int)))
    for some in rows:
        counts = np.bincount(some, minlength=5)
        assert counts[[0, 2]].sum() == 0 and sorted(counts[[1, 3, 4]]) == [2, 2, 3]
