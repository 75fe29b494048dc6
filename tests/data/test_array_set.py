"""The data set `array`: images of a file, and what else it knows of them."""

import numpy as np
import pytest
from PIL import Image

from vaejax.data.array_set import array

GREY = np.random.default_rng(0).integers(0, 256, (30, 4, 5), dtype=np.uint8)


def test_array_of_npy_and_npz(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    np.savez(tmp_path / "one.npz", anything=GREY)
    np.savez_compressed(tmp_path / "two.npz", other=np.arange(3), images=GREY)
    for splits in (
        array(tmp_path / "a.npy"),
        array(str(tmp_path / "one.npz")),
        array(tmp_path / "two.npz", key="images"),
    ):
        assert {name: len(source) for name, source in splits.items()} == {"train": 27, "test": 3}
        found = np.concatenate([s.images(np.arange(len(s))) for s in splits.values()])
        both = [np.sort(images.sum((1, 2)).ravel()) for images in (found, GREY[..., None] / 255)]
        np.testing.assert_allclose(*both, rtol=1e-5)


def test_array_errors_name_the_file(tmp_path):
    (tmp_path / "text.npy").write_text("hello")
    with pytest.raises(ValueError, match=r"^path: expected a whole file, got a damaged .*text.npy"):
        array(tmp_path / "text.npy")
    np.save(tmp_path / "vector.npy", np.arange(5))
    with pytest.raises(ValueError, match=r"^path: expected a file of images, got .*vector.npy"):
        array(tmp_path / "vector.npy")
    images = np.random.default_rng(0).random((1000, 8, 8), np.float32)
    images[333] = np.nan
    np.save(tmp_path / "nan.npy", images)
    np.savez(tmp_path / "nan.npz", images)
    for name in ("nan.npy", "nan.npz"):
        with pytest.raises(
            ValueError, match=rf"^path: .* got .*{name}: .* from nan to nan in images\[333\]"
        ):
            array(tmp_path / name)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (GREY % 17, r"16 of 255: they are dark; if 16 is white, give images / 16 as float32"),
        (GREY % 101, r"100 of 255: they are dark"),
        ((GREY % 17 / 255).astype(np.float32), r"0.0627\d* of 1: they are dark"),
        (GREY / 255 * 0, r"0 of 1: they are dark; so are"),
    ],
)
def test_array_tells_of_dark_images(tmp_path, images, told):
    np.save(tmp_path / "a.npy", images)
    for _ in range(2):  # in every run
        with pytest.warns(UserWarning, match=rf"^images: the .* of a.npy is {told}"):
            array(tmp_path / "a.npy")


def test_array_transforms(tmp_path):
    np.save(tmp_path / "a.npy", GREY)
    binary = array(tmp_path / "a.npy", binarize="fixed")["test"].images(np.arange(3))
    assert set(np.unique(binary)) == {0.0, 1.0}
    standard = array(tmp_path / "a.npy", standardize=True)["train"].images(np.arange(27))
    np.testing.assert_allclose(standard.mean(0), 0, atol=1e-5)


def together(splits, name):
    """A leaf of all batches in the order of the images, as indices of the source say."""
    both = [(s.indices, np.asarray(s.batch(np.arange(len(s)))[name])) for s in splits.values()]
    places, values = (np.concatenate(some) for some in zip(*both, strict=True))
    return values[np.argsort(places)]


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_integers_of_0_and_1_are_binary_images(tmp_path, name):
    """As the file of dSprites has them; as they were, they would be nearly black."""
    binary = (GREY > 99).astype(np.uint8)
    (np.save if name == "a.npy" else np.savez)(tmp_path / name, binary)
    splits = array(tmp_path / name)
    np.testing.assert_array_equal(together(splits, "image")[..., 0], binary)
    assert splits["train"].bits == 1


@pytest.fixture
def sprites(tmp_path):
    """A file of the format of dSprites, of a grid of factors with holes."""
    classes = np.stack([np.zeros(30), np.arange(30) % 3, np.arange(30) // 4], 1).astype(np.int64)
    np.savez_compressed(
        tmp_path / "sprites.npz",
        metadata=np.array({"latents_names": ("color", "shape", "posX")}, dtype=object),
        imgs=(GREY > 99).astype(np.uint8),
        latents_classes=classes,
        latents_values=classes / 7,
        names=np.array([b"color", b"shape", b"posX"]),
        kind=classes[:, 1],
    )
    return tmp_path / "sprites.npz", classes


@pytest.mark.parametrize("names", ["color, shape, posX", "names", ("color", "shape", "posX")])
def test_factors_of_the_same_file(sprites, names):
    path, classes = sprites
    splits = array(path, key="imgs", factors="latents_classes", factor_names=names)
    assert splits["train"].factor_names == ("color", "shape", "posX")
    assert splits["test"].factor_sizes == (1, 3, 8)
    np.testing.assert_array_equal(together(splits, "factors"), classes)
    values = array(path, key="imgs", factors="latents_values")
    assert values["train"].factor_names == ("factor_0", "factor_1", "factor_2")
    np.testing.assert_array_equal(together(values, "factors"), classes)


def test_labels_and_factors_of_other_files(sprites, tmp_path):
    path, classes = sprites
    np.save(tmp_path / "hue.npy", classes[:, 2])
    splits = array(
        path, key="imgs", factors=f"{tmp_path / 'hue.npy'}", labels="kind", factor_names="hue"
    )
    assert splits["train"].num_labels == 3 and splits["train"].factor_names == ("hue",)
    np.testing.assert_array_equal(together(splits, "label"), classes[:, 1])
    np.testing.assert_array_equal(together(splits, "factors"), classes[:, 2:])
    splits = array(path, key="imgs", factors=f"{path}:kind")
    np.testing.assert_array_equal(together(splits, "factors"), classes[:, 1:2])


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"factors": "latents"}, r"^factors: expected an array 'latents' in .*npz, got \['metad"),
        ({"factors": "no.npy"}, r"^factors: expected a .npy or .npz file, got no.npy, which"),
        ({"labels": "kinds"}, r"^labels: expected an array 'kinds' in"),
        ({"labels": "latents_values"}, r"^labels: expected integers \[30\], got float64"),
        (
            {"factors": "latents_classes", "factor_names": "a,b"},
            r"^factor_names: expected a name for each of the 3 columns of .*, got a, b",
        ),
        ({"factor_names": "a,b"}, r"^factors: expected the factors called a,b, got none"),
        ({"image_size": 8}, r"^image_size: expected None for images \[30, 4, 5\] of bool, got 8 x"),
        ({"bits": 5}, r"^bits: expected 8 for images of bool, got 5"),
    ],
)
def test_what_does_not_fit_the_images_is_named(sprites, known, message):
    with pytest.raises(ValueError, match=message):
        array(sprites[0], key="imgs", **known)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_resized_as_pictures_are(tmp_path, channels):
    images = np.random.default_rng(1).integers(0, 256, (20, 9, 6, channels), dtype=np.uint8)
    np.save(tmp_path / "a.npy", images)
    for _ in range(2):  # made once, then read
        splits = array(tmp_path / "a.npy", image_size=3)
    middle = Image.fromarray(images[7, 1:7].squeeze()).resize((3, 3), Image.Resampling.BILINEAR)
    found = together(splits, "image")[7] * 255
    np.testing.assert_allclose(found, np.asarray(middle).reshape(3, 3, channels), atol=1e-3)
    assert array(tmp_path / "a.npy", image_size=(9, 6))["train"].image_shape == (9, 6, channels)
    assert array(tmp_path / "a.npy", bits=5)["train"].bits == 5
