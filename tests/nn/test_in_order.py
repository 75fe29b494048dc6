"""The solution of a triangular system: the loop's, in fewer passes, with its gradient."""

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.nn.in_order import solved_in_order

SIZE = 6
RANK = np.arange(SIZE)
BEFORE = np.triu(np.ones((SIZE, SIZE), np.float32), 1)
WEIGHTS = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
NOISE = np.random.default_rng(1).normal(size=(3, SIZE)).astype(np.float32)


def update(z, weights, noise):
    return noise + jnp.tanh(z @ (weights * BEFORE))


def solved(weights, noise):
    return solved_in_order(update, noise, RANK, weights, noise)


def one_by_one(weights, noise):
    z = jnp.zeros_like(noise)
    for i in range(SIZE):
        z = z.at[:, i].set(update(z, weights, noise)[:, i])
    return z


def test_it_is_what_one_coordinate_after_another_gives_with_its_gradient():
    @jax.jit
    def both(weights, noise):
        def of(solve):
            value = lambda *given: jnp.sin(solve(*given)).sum()  # noqa: E731
            return solve(weights, noise), jax.grad(value, (0, 1))(weights, noise)

        return of(solved), of(one_by_one)

    ours, theirs = both(WEIGHTS, NOISE)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-6)
    for mine, other in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)


def test_samples_are_a_mapped_solution():
    """As objectives draw them: `vmap` within the gradient."""
    draws = jnp.stack([NOISE, -2 * NOISE])

    def mean(weights, solve):
        return jax.vmap(lambda noise: solve(weights, noise))(draws).mean()

    ours, theirs = (
        jax.jit(jax.grad(mean), static_argnums=1)(WEIGHTS, f) for f in (solved, one_by_one)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_it_ends_when_nothing_changes():
    """A chain takes as many passes as it has coordinates; of pairs, one, and one to see it."""
    passes = []

    def number_of(weights):
        def counted(z):
            jax.debug.callback(lambda: passes.append(1))
            return NOISE + z @ weights

        passes.clear()
        jax.block_until_ready(jax.jit(lambda: solved_in_order(counted, NOISE, RANK))())
        jax.effects_barrier()
        return len(passes)

    pairs = np.zeros((SIZE, SIZE), np.float32)
    pairs[RANK[::2], RANK[1::2]] = 1.0
    assert number_of(np.eye(SIZE, k=1, dtype=np.float32)) == SIZE
    assert number_of(pairs) == 2


def test_what_is_not_right_yet_does_no_harm():
    """Coordinates that would overflow on the way, and infinity times zero is no number."""
    steep = np.diag(np.full(63, 1e6, np.float32), 1)
    start = jnp.ones((1, 64))
    z = jax.jit(lambda: solved_in_order(lambda z: z @ steep, start, np.arange(64)))()
    np.testing.assert_array_equal(z, 0.0)
