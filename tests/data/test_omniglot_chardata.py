"""Omniglot of the IWAE paper, from small MATLAB files made here."""

import jax
import numpy as np
import pytest
from scipy.io import savemat

from vaejax.data.omniglot_chardata import omniglot_chardata

NUM_TRAIN, NUM_TEST = 20, 6
ORDER = [14, 5, 4, 17, 8, 7, 19, 12, 0, 15, 16, 9, 11, 10, 3, 1, 6, 18, 2, 13]  # RandomState(123)


def drawings(number, seed):
    """Images [N, 28, 28] in [0, 1]: a stroke down the left, and noise that tells them apart."""
    images = np.random.default_rng(seed).uniform(0, 0.3, (number, 28, 28))
    images[:, 4:24, 3] = 1.0
    return images


TRAIN, TEST = drawings(NUM_TRAIN, 0), drawings(NUM_TEST, 1)


def columns(images):
    """As MATLAB's images(:, :, n) are laid out: every column of pixels after the other."""
    return np.stack([image.ravel(order="F") for image in images], axis=1)  # [784, N]


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def path(tmp_path, request):
    path = tmp_path / "chardata.mat"
    arrays = {"data": columns(TRAIN), "testdata": columns(TEST), "target": np.eye(3)}
    savemat(path, arrays, do_compression=request.param)
    return path


def all_images(source):
    return np.asarray(source.images(np.arange(len(source))))[..., 0]


def papers_code(data, num_validation):
    """Train and validation [N, 784] by the reshapes and the shuffle of the paper's own loader."""
    flat = data.T.astype("float32").reshape((-1, 28, 28)).reshape((-1, 28 * 28), order="F")
    flat = flat[np.random.RandomState(seed=123).permutation(flat.shape[0])]
    return flat[:-num_validation], flat[-num_validation:]


def test_images_stand_upright_in_the_papers_order(path):
    splits = omniglot_chardata(path, num_validation=5)
    assert {name: len(source) for name, source in splits.items()} == {
        "train": 15,
        "test": 6,
        "validation": 5,
    }
    np.testing.assert_allclose(all_images(splits["test"]), TEST, rtol=1e-6)
    expected = papers_code(columns(TRAIN), 5)
    for name, flat in zip(("train", "validation"), expected, strict=True):
        np.testing.assert_allclose(all_images(splits[name]).reshape(-1, 784), flat, rtol=1e-6)
    np.testing.assert_allclose(all_images(splits["train"]), TRAIN[ORDER[:15]], rtol=1e-6)


def test_binarised_anew_and_without_validation(path):
    splits = omniglot_chardata(path, binarize="dynamic", num_validation=0)
    assert [*splits] == ["train", "test"]
    images = all_images(splits["train"])
    assert set(np.unique(images)) == {0.0, 1.0}
    assert images[:, 4:24, 3].all()  # ink is certain there
    again = splits["train"].images(np.arange(20), jax.random.key(1))
    assert not np.array_equal(again[..., 0], images)
    np.testing.assert_allclose(splits["train"].pixel_means()[..., 0], TRAIN.mean(0), rtol=1e-5)


def test_errors_name_the_file(tmp_path):
    good = {"data": columns(TRAIN), "testdata": columns(TEST)}
    for name, arrays in {
        "other.mat": {"ff": np.zeros((560, 3))},
        "half.mat": {"data": columns(TRAIN)},
        "rows.mat": {**good, "testdata": columns(TEST).T},
        "bytes.mat": {**good, "data": (255 * columns(TRAIN)).astype(np.uint8)},
        "text.mat": {**good, "data": "characters"},
    }.items():
        savemat(tmp_path / name, arrays)
    savemat(tmp_path / "whole.mat", good, do_compression=True)
    (tmp_path / "cut.mat").write_bytes((tmp_path / "whole.mat").read_bytes()[:4000])
    for name, expected in {
        "none.mat": "the file chardata.mat, got .* which does not exist; download https://github",
        "": "the file chardata.mat, got .*; download",
        "other.mat": "a matrix data in .*, got none",
        "half.mat": "a matrix testdata in .*, got none",
        "rows.mat": r"testdata as 784 x N numbers in .*, got \(6, 784\)",
        "bytes.mat": r"images in \[0, 1\] in .*: images",
        "text.mat": "data as 784 x N numbers in",
        "cut.mat": "a whole file, got a damaged",
    }.items():
        with pytest.raises(ValueError, match=f"^path: expected {expected}") as error:
            omniglot_chardata(tmp_path / name, num_validation=5)
        assert str(tmp_path / name) in str(error.value)
    with pytest.raises(ValueError, match="^num_validation: expected at least 1 and less than 20"):
        omniglot_chardata(tmp_path / "whole.mat")
