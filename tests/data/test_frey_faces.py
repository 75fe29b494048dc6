"""Frey faces, from bytes made here and from the real file."""

import numpy as np
import pytest
from scipy.io import savemat

from vaejax.data.frey_faces import frey_faces

FACES = np.random.default_rng(0).integers(8, 239, (1965, 560), dtype=np.uint8)


def all_images(splits):
    return np.concatenate([s.images(np.arange(len(s))) for s in splits.values()])


def test_mat_and_npz_either_way_round(tmp_path):
    savemat(tmp_path / "frey_rawface.mat", {"ff": FACES.T})
    savemat(tmp_path / "small.mat", {"ff": FACES.T}, do_compression=True)
    np.savez(tmp_path / "rows.npz", ff=FACES)
    np.savez(tmp_path / "columns.npz", ff=FACES.T)
    sums = np.sort(FACES.sum(1)) / 255
    for name in ("frey_rawface.mat", "small.mat", "rows.npz", "columns.npz"):
        splits = frey_faces(tmp_path / name)
        assert {n: len(s) for n, s in splits.items()} == {"train": 1769, "test": 196}
        assert splits["test"].image_shape == (28, 20, 1)
        np.testing.assert_allclose(np.sort(all_images(splits).sum((1, 2, 3))), sums, rtol=1e-5)
    first = np.array([0])  # rows of a face are contiguous: 28 of 20 pixels
    image = np.asarray(frey_faces(tmp_path / "rows.npz")["train"].images(first))[0, :, :, 0]
    assert any(np.allclose(image * 255, face.reshape(28, 20)) for face in FACES[:50])


def test_errors_name_the_file(tmp_path):
    savemat(tmp_path / "whole.mat", {"ff": FACES.T}, do_compression=True)
    (tmp_path / "cut.mat").write_bytes((tmp_path / "whole.mat").read_bytes()[:5000])
    (tmp_path / "text.mat").write_text("not a matrix " * 20)
    (tmp_path / "empty.mat").write_bytes(b"")
    savemat(tmp_path / "other.mat", {"gg": FACES.T})
    savemat(tmp_path / "float.mat", {"ff": FACES.T / 255})
    np.savez(tmp_path / "other.npz", gg=FACES)
    for name, expected in {
        "none.mat": "frey_rawface.mat, .* which does not exist",
        "cut.mat": "a whole file, got a damaged",
        "text.mat": "a whole file, got a damaged",
        "empty.mat": "a whole file, got a damaged",
        "other.mat": "a matrix ff in",
        "other.npz": "an array 'ff' in",
        "float.mat": r"ff as 560 x 1965 .* got .* float64",
    }.items():
        with pytest.raises(ValueError, match=rf"^path: expected {expected}") as error:
            frey_faces(tmp_path / name)
        assert name in str(error.value)


def test_real_file(shared):
    splits = frey_faces(shared / "data" / "frey_faces" / "frey_rawface.npz")
    images = np.rint(all_images(splits) * 255)
    assert images.shape == (1965, 28, 20, 1)
    assert (images.min(), images.max()) == (8, 238)
    # Faces are smooth: neighbouring rows are alike only if the 560 pixels are folded rightly.
    roughness = {
        width: np.abs(np.diff(images.reshape(1965, -1, width), axis=1)).mean()
        for width in (10, 14, 20, 28, 35)
    }
    assert min(roughness, key=roughness.get) == 20
    train = splits["train"].images(np.arange(1000))  # video order is kept
    assert np.abs(train[1:] - train[:-1]).mean() < 0.7 * np.abs(train[500:] - train[:500]).mean()


def test_real_file_standardized(shared):
    path = shared / "data" / "frey_faces" / "frey_rawface.npz"
    train = frey_faces(path, standardize=True)["train"]
    images = train.images(np.arange(len(train)))
    np.testing.assert_allclose(images.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(images.std(0), 1, atol=1e-4)
    plain = frey_faces(path)["train"].images(np.arange(len(train)))
    np.testing.assert_allclose(train.pictures(images), plain, atol=1e-6)
