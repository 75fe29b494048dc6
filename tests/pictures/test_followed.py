import numpy as np
import pytest

from vaejax.pictures.followed import followed

FACTORS = np.tile(np.stack(np.meshgrid([0], range(4), range(8)), -1).reshape(-1, 3), (125, 1))
NAMES = ("shape", "x", "y")


def test_a_latent_has_the_name_of_the_factor_that_explains_most():
    noise = np.random.default_rng(0).normal(size=4_000)
    x, y = (column / column.std() for column in FACTORS[:, 1:].T)
    codes = np.stack([x, 3 * y + noise, np.ones(4_000), 0.6 * x + 0.8 * y], axis=1)
    assert followed(codes, FACTORS, NAMES) == ["x, 100 %", "y, 90 %", "", "y, 64 %"]


@pytest.mark.parametrize(
    ("codes", "factors"), [(np.full((9, 2), np.nan), FACTORS[:9]), (np.eye(9, 2), FACTORS[:9, :1])]
)
def test_nothing_is_named_where_nothing_is_known(codes, factors):
    assert followed(codes, factors, NAMES) == ["", ""]


def test_what_chance_explains_is_no_share():
    """A factor of as many values as half the images explains half of any noise."""
    rng = np.random.default_rng(0)
    x = rng.integers(4, size=400)
    codes = np.stack([x + 0.1 * rng.normal(size=400), rng.normal(size=400)], axis=1)
    factors = np.stack([x, np.arange(400) // 2], axis=1)
    first, second = followed(codes, factors, ["x", "pair"])
    assert first == "x, 99 %"
    assert not second or int(second.split(", ")[1].removesuffix(" %")) < 20


def test_factors_whose_values_do_not_repeat_are_not_followed():
    x = np.arange(60) % 3
    factors = np.stack([np.arange(60), x, np.arange(60) == 7], axis=1)
    assert followed(x[:, None].astype(float), factors, ["id", "x", "rare"]) == ["x, 100 %"]
    assert followed(x[:, None].astype(float), factors[:, [0, 2]], ["id", "rare"]) == [""]
