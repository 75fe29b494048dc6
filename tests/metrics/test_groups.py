import jax
import jax.numpy as jnp
import numpy as np

from vaejax.metrics.draws import random_words
from vaejax.metrics.groups import FactorGroups


def test_partners_share_the_factor_and_are_uniform_in_the_rest(grid):
    kept = grid[np.random.default_rng(0).permutation(len(grid))[:700]]  # an incomplete grid
    groups = FactorGroups.of(kept)
    words = random_words(jax.random.key(0), (2, 20_000))
    rows = groups.rows(words[0])
    for factor in range(3):
        partners = groups.rows_like(words[1], rows, jnp.asarray(factor))
        np.testing.assert_array_equal(kept[rows, factor], kept[partners, factor])
        other = (factor + 1) % 3
        drawn = np.bincount(kept[partners, other]) / len(partners)
        np.testing.assert_allclose(drawn, np.bincount(kept[:, other]) / 700, atol=0.02)
