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


def test_a_factor_with_another_value_in_every_image_names_nothing():
    """It ended all traversals of a run: a continuous factor, or a held-out split of four images."""
    factors = np.stack([np.arange(100), np.arange(100) % 2], 1)
    codes = factors[:, ::-1].astype(float)
    assert followed(codes, factors, ("hue", "side")) == ["side, 100 %", "side, 0 %"]
    assert followed(codes, factors[:, :1], ("hue",)) == ["", ""]
