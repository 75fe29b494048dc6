"""Traversals change one latent, directions are added, and all else stays as it is."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.objectives.traversal import move, traverse
from vaejax.types import Views


def decode(params, model_state, codes, keys, temperature=1.0):
    """Images [n, 1, 1, 3]: sums of the two groups' codes, and a draw of the image's own key."""
    top, bottom = codes
    drawn = jax.vmap(jax.random.normal)(keys)
    bottom = jnp.full((len(keys), 2, 1), 100.0) if bottom is None else bottom
    sums = jnp.stack([top @ params, bottom.sum((1, 2)), drawn], axis=1)
    return sums[:, None, None]


WEIGHTS = jnp.array([1.0, 10.0])
KEYS = jax.random.split(jax.random.key(0), 3)
TOP = jnp.arange(6.0).reshape(3, 2)
BOTTOM = jnp.arange(6.0).reshape(3, 2, 1)
VIEWS = Views(decode=decode)


def test_each_latent_takes_every_value():
    found = traverse(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), [7.0, 8.0], KEYS)[..., 0, 0, :]
    assert found.shape == (2, 3, 2, 3)  # [D, n, T, C]
    for n, (first, second) in enumerate(np.asarray(TOP)):
        np.testing.assert_allclose(found[0, n, :, 0], [7 + 10 * second, 8 + 10 * second])
        np.testing.assert_allclose(found[1, n, :, 0], [first + 70, first + 80])
    np.testing.assert_allclose(found[..., 1], np.broadcast_to([[1.0], [5.0], [9.0]], (2, 3, 2)))
    drawn = np.asarray(found[..., 2])  # the same along all of an image, and another in the next
    assert (np.ptp(drawn, axis=(0, 2)) == 0).all() and len(np.unique(drawn)) == 3


def test_each_latent_may_take_values_of_its_own():
    found = traverse(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), [[7.0, 8.0], [1.0, 2.0]], KEYS)[
        ..., 0, 0, 0
    ]
    for n, (first, second) in enumerate(np.asarray(TOP)):
        np.testing.assert_allclose(found[0, n], [7 + 10 * second, 8 + 10 * second])
        np.testing.assert_allclose(found[1, n], [first + 10, first + 20])
    with pytest.raises(ValueError, match=r"^values: expected \[T\] or \[2, T\], got \[3, 1\]$"):
        traverse(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), [[7.0], [8.0], [9.0]], KEYS)


def test_directions_are_added_to_their_groups():
    directions = (jnp.array([[1.0, 0.0], [0.0, 1.0]]), None)
    found = move(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), directions, [0.0, 2.0], KEYS)[..., 0, 0, :]
    before = np.asarray(TOP @ WEIGHTS)
    for place, weight in enumerate((1.0, 10.0)):
        expected = np.stack([before, before + 2.0 * weight], axis=1)
        np.testing.assert_allclose(found[place, ..., 0], expected)
    np.testing.assert_allclose(found[0, :, 0, 1], [1.0, 5.0, 9.0])
    both = (directions[0][:1], np.full((1, 2, 1), 3.0))
    found = move(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), both, [2.0], KEYS)[..., 0, 0, :]
    np.testing.assert_allclose(found[0, :, 0, 1], [13.0, 17.0, 21.0])
    np.testing.assert_allclose(found[0, :, 0, 0], before + 2.0)


def test_a_group_that_is_none_is_drawn():
    found = traverse(VIEWS, WEIGHTS, {}, (TOP, None), [0.0], KEYS)
    np.testing.assert_allclose(found[..., 1], 200.0)


@pytest.mark.parametrize("group", [1, 2, -1])
def test_what_is_no_group_of_vectors_is_refused(group):
    with pytest.raises(ValueError, match=f"group: expected one of vectors .*, got {group} of"):
        traverse(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), [0.0], KEYS, group=group)


@pytest.mark.parametrize(
    "directions", [(None, None), (TOP,), (TOP[:, :1], None), (TOP, BOTTOM, None)]
)
def test_directions_of_other_codes_are_refused(directions):
    with pytest.raises(ValueError, match=r"directions: .* of \[\(2,\), \(2, 1\)\], got"):
        move(VIEWS, WEIGHTS, {}, (TOP, BOTTOM), directions, [1.0], KEYS)
