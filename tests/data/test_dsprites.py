"""dSprites, drawn and as tfds prepares it."""

import io

import jax
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from tests.data.tfds_files import write_prepared
from vaejax.data import factor_grid
from vaejax.data.dsprites import FILES, LABELS, Coloured, DSprites, dsprites
from vaejax.data.sprites import FACTOR_SIZES, render

SOME = np.array([0, 1, 32, 1024, 40 * 1024, 240 * 1024, 737279])  # one step of each factor


def test_order_of_the_factors():
    source = DSprites()
    assert len(source) == 737280
    assert source.factor_names == ("shape", "scale", "orientation", "x", "y")
    expected = [(0, 0, 0, 0, 0), (0, 0, 0, 0, 1), (0, 0, 0, 1, 0), (0, 0, 1, 0, 0)]
    expected += [(0, 1, 0, 0, 0), (1, 0, 0, 0, 0), (2, 5, 39, 31, 31)]
    np.testing.assert_array_equal(source.factors(SOME), expected)
    images = np.asarray(source.images(SOME))
    np.testing.assert_array_equal(images, render(source.factors(SOME)))
    assert images[0, 15, 15] == 1 and images[-1, 47, 47] == 1  # centres at 16 and at 48


def test_splits_share_no_image():
    splits = dsprites()
    train, test = splits["train"].indices, splits["test"].indices
    assert (len(train), len(test)) == (663552, 73728)
    assert len(np.union1d(train, test)) == 737280
    # Every value of every factor is held out about as often as it occurs.
    for factor, size in zip(splits["test"].factors(np.arange(73728)).T, FACTOR_SIZES, strict=True):
        np.testing.assert_allclose(np.bincount(factor) * size / 73728, 1.0, atol=0.1)


def test_factors_can_be_held_at_a_value():
    splits = dsprites(fixed={"orientation": 3, "scale": 5})
    factors = np.concatenate([s.factors(np.arange(len(s))) for s in splits.values()])
    assert len(factors) == 3 * 32 * 32
    assert set(factors[:, 1]) == {5} and set(factors[:, 2]) == {3}
    assert len(np.unique(factors, axis=0)) == len(factors)


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ({"colour": 0}, "fixed: expected factors among .* got 'colour'"),
        ({"shape": 3}, r"fixed: expected shape in \[0, 3\), got 3"),
    ],
)
def test_only_existing_values_can_be_held(fixed, message):
    with pytest.raises(ValueError, match=message):
        dsprites(fixed=fixed)


@pytest.fixture(scope="module")
def colours():
    """Colours [6, 3] of sprites: three batches' keys, the first two of them equal."""
    source = Coloured(DSprites())
    indices = np.array([5, 300000])
    images = [np.asarray(source.images(indices, jax.random.key(seed))) for seed in (0, 0, 1)]
    grey = np.asarray(DSprites().images(indices))
    assert images[0].shape == (2, 64, 64, 3)
    for batch in images:
        np.testing.assert_array_equal(batch, grey * batch.max(axis=(1, 2), keepdims=True))
    return np.concatenate(images).max(axis=(1, 2))


def test_colours_are_drawn_from_the_upper_half(colours):
    assert 0.5 <= colours.min() <= colours.max() <= 1.0


def test_colours_differ_between_examples_channels_and_batches_alone(colours):
    np.testing.assert_array_equal(colours[:2], colours[2:4])
    assert len(np.unique(colours)) == 4 * 3


def test_a_colour_does_not_depend_on_the_place_in_the_batch():
    source = dsprites(coloured=True)["test"]
    image = np.asarray(source.images(np.array([7])))[0]
    np.testing.assert_array_equal(np.asarray(source.images(np.array([3, 1, 7])))[2], image)


@pytest.mark.parametrize("name", ["data_dir", "manual_dir"])
def test_folders_are_for_the_official_file(name, tmp_path):
    with pytest.raises(ValueError, match=f"^{name}: expected None unless official=True"):
        dsprites(**{name: tmp_path})


def png(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def test_prepared_records_come_in_the_order_of_their_factors(tmp_path):
    """The images could not have been drawn, and the records are in no order."""
    rng = np.random.default_rng(0)
    indices = rng.choice(737280, 40, replace=False)
    images = rng.integers(0, 2, (40, 64, 64)).astype(np.uint8)
    factors = factor_grid.factors_of(indices, FACTOR_SIZES)
    records = [
        {"image": png(image), **dict(zip(LABELS, map(int, values), strict=True))}
        for image, values in zip(images, factors, strict=True)
    ]
    write_prepared(tfds.builder("dsprites", data_dir=tmp_path), {"train": records})
    splits = dsprites(official=True, data_dir=tmp_path)
    assert {name: len(split) for name, split in splits.items()} == {"train": 36, "test": 4}
    order = np.argsort(indices)
    for split in splits.values():
        kept = order[split.indices]
        everything = np.arange(len(split))
        np.testing.assert_array_equal(split.factors(everything), factors[kept])
        np.testing.assert_array_equal(split.images(everything)[..., 0], images[kept])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_genuine_builder_prepares_what_is_read(tmp_path):
    pytest.importorskip("tensorflow", reason="preparing a tfds data set needs TensorFlow")
    h5py = pytest.importorskip("h5py")
    indices = np.random.default_rng(0).choice(737280, 50, replace=False)
    images = np.asarray(DSprites().images(indices))[..., 0].astype(np.uint8)
    factors = DSprites().factors(indices)
    with h5py.File(tmp_path / FILES[0], "w") as file:
        file["imgs"] = images
        file["latents/classes"] = np.pad(factors, [(0, 0), (1, 0)])
        file["latents/values"] = np.zeros((50, 6))
    splits = dsprites(official=True, data_dir=tmp_path / "tfds", manual_dir=tmp_path)
    for split in splits.values():
        everything = np.arange(len(split))
        np.testing.assert_array_equal(
            split.images(everything), render(split.factors(everything)), strict=True
        )
    expected = np.sort(indices)[splits["test"].indices]
    found = factor_grid.index_of(splits["test"].factors(np.arange(5)), FACTOR_SIZES)
    np.testing.assert_array_equal(found, expected)
