"""Whether and where a model has collapsed, in numbers and in words."""

import numpy as np
import pytest

from vaejax.metrics import collapse, collapse_sentence


def said(kl, kl_dims, information=None):
    return collapse_sentence(collapse(kl, kl_dims), information)


def test_latents_and_groups_that_carry_nothing_are_counted():
    found = collapse([0.004, 3.2, 1.5], [[0.001, 0.003], [3.2, 0.0, 0.0], None])
    assert found.num_latents == (2, 3, 1)
    assert found.num_unused == (2, 2, 0)
    assert found.dead_groups == (0,)
    assert found.weakest == 1.5
    assert found.kl == (0.004, 3.2, 1.5)


def test_a_group_without_parts_is_dead_by_its_whole():
    assert collapse([0.0099, 0.01], [None, None]).dead_groups == (0,)


def test_a_model_without_a_used_latent_has_no_weakest():
    assert collapse([0.0], [[0.0, 0.0]]).weakest == 0.0


@pytest.mark.parametrize(
    ("kl", "kl_dims", "information", "expected"),
    [
        ([0.0], [[0.0] * 5], None,
         "collapsed: all 5 latents carry nothing (a KL of 0 nats in all)"),
        ([0.002], [[0.002]], None,
         "collapsed: the only latent carries nothing (a KL of 0.002 nats in all)"),
        ([0.0, 0.0], [[0.0], [0.0]], None,
         "collapsed: all 2 groups carry nothing (a KL of 0 nats in all)"),
        ([0.003, 9.0, 11.0], [None] * 3, None,
         "group 0 of 3 is dead: its KL is 0.003 nats; the others carry 20 nats"),
        ([0.003, 0.001, 11.0], [None] * 3, None,
         "groups 0, 1 of 3 are dead: the KL of none is above 0.003 nats; "
         "the others carry 11 nats"),
        ([12.5], [[0.0] * 12 + [0.625] * 20], 8.25,
         "12 of 32 latents are unused; the others carry 12.5 nats, 8.25 of them information about "
         "the image"),
        ([3.0, 2.0], [[3.0, 0.0], [1.0, 1.0]], None,
         "1 of 2 latents of group 0 is unused; the others carry 5 nats"),
        ([3.0], [[1.0, 2.0]], None,
         "no collapse: all 2 latents carry 3 nats, the weakest 1"),
        ([3.0], [[3.0]], 2.0,
         "no collapse: the only latent carries 3 nats, 2 of them information about the image"),
        ([3.0, 1.0], [None, None], None,
         "no collapse: all 2 groups carry 4 nats, the weakest 1"),
    ],
)  # fmt: skip
def test_it_is_said_in_one_sentence(kl, kl_dims, information, expected):
    assert said(kl, kl_dims, information) == expected


def test_a_negative_term_of_the_bound_is_no_dead_group():
    """Of a group that is estimated under those above: log q - log p of a sharper p."""
    found = collapse([30.0, -6.0], [[30.0], [-3.0, -3.0]])
    assert found.dead_groups == () and found.num_unused == (0, 0)


def test_what_the_others_carry_is_without_the_dead():
    assert "the others carry 30 nats" in said([30.0, 0.009], [[30.0], [0.009]], None)


def test_groups_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"kl: expected \[G\] of 2 groups of latents, got shape"):
        collapse(np.zeros(3), [None, None])
    with pytest.raises(ValueError, match=r"kl: expected \[G\] of 0 groups"):
        collapse(np.zeros(0), [])
