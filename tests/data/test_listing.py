"""Which files of a folder are its pictures, in which split, and what is said of the others."""

import os
import warnings

import pytest

from vaejax.data.folder_walk import OTHER_SUFFIXES, SUFFIXES, is_hidden
from vaejax.data.listing import pictures_by_split


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def listed(root):
    """Names of the pictures by split; nothing is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        listings = pictures_by_split(root)
    return {
        split: [str(file.relative_to(root)) for file in listing.files]
        for split, listing in listings.items()
    }


def listed_with(root, *messages):
    """Names of the pictures by split, and each message is said in a line of its own."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        listings = pictures_by_split(root)
    lines = [str(warning.message) for warning in caught]
    assert len(lines) == len(messages), lines
    for line, message in zip(lines, messages, strict=True):
        assert message in line and str(root) in line and "\n" not in line
    return {
        split: [str(file.relative_to(root)) for file in listing.files]
        for split, listing in listings.items()
    }


def test_pictures_at_any_depth_in_the_order_of_their_paths(tmp_path):
    touch(tmp_path, "b/c.png", "b-.png", "a.JPG", "b/a/z.webp", "10.jpeg", "9.png", "notes.txt")
    names = ["10.jpeg", "9.png", "a.JPG", "b/a/z.webp", "b/c.png", "b-.png"]
    assert listed(tmp_path) == {"": names}


@pytest.mark.parametrize(
    "names",
    [
        ("train", "validation", "test"),
        ("Train", "Val", "Test"),
        ("TRAIN", "VALID", "TEST"),
        ("training", "valid", "testing"),
    ],
)
def test_splits_by_any_of_their_names(tmp_path, names):
    touch(tmp_path, *(f"{name}/{name}.png" for name in names))
    expected = zip(("train", "validation", "test"), names, strict=True)
    assert listed(tmp_path) == {split: [f"{name}/{name}.png"] for split, name in expected}


def test_a_split_alone(tmp_path):
    touch(tmp_path, "Train/a.png")
    assert listed(tmp_path) == {"train": ["Train/a.png"]}
    touch(tmp_path, "val/a.png")
    assert list(listed(tmp_path)) == ["train", "validation"]


@pytest.mark.parametrize("two", [("val", "valid"), ("Train", "train"), ("test", "Testing")])
def test_two_folders_of_one_split_are_refused(tmp_path, two):
    touch(tmp_path, "train/a.png", f"{two[0]}/b.png", f"{two[1]}/c.png")
    with pytest.raises(ValueError, match=r"^path: expected one folder for ") as caught:
        pictures_by_split(tmp_path)
    assert all(name in str(caught.value) for name in two)


def test_two_names_of_one_folder_are_one_split(tmp_path):
    touch(tmp_path, "train/a.png", "val/b.png")
    os.symlink(tmp_path / "val", tmp_path / "validation")
    listings = listed_with(tmp_path, "links to what is read already (1)")
    assert listings == {"train": ["train/a.png"], "validation": ["val/b.png"]}


def test_one_folder_for_two_splits_is_refused(tmp_path):
    touch(tmp_path, "train/a.png")
    os.symlink(tmp_path / "train", tmp_path / "test")
    with pytest.raises(ValueError, match=r"^path: expected test, train in .* to be different"):
        pictures_by_split(tmp_path)


def test_splits_without_train_are_refused(tmp_path):
    touch(tmp_path, "a.png", "Test/b.png")
    with pytest.raises(ValueError, match=r"^path: expected a folder train beside Test in "):
        pictures_by_split(tmp_path)


def test_pictures_beside_the_splits_are_told(tmp_path):
    touch(tmp_path, "train/a.png", "test/b.png", "c.png", "more/d.png")
    listings = listed_with(tmp_path, "left out of ")
    assert listings == {"train": ["train/a.png"], "test": ["test/b.png"]}
    with pytest.warns(UserWarning, match=r"pictures beside train, test \(2: c.png, ...\)"):
        pictures_by_split(tmp_path)


def test_splits_that_lie_deeper_are_told(tmp_path):
    touch(tmp_path, "images/train/a.png", "images/test/b.png")
    names = ["images/test/b.png", "images/train/a.png"]
    assert listed_with(tmp_path, "images/test, images/train lie too deep") == {"": names}


def test_hidden_files_and_folders_are_no_part(tmp_path):
    touch(tmp_path, "a.png", "._a.png", ".hidden.jpg", ".DS_Store", "Thumbs.db")
    touch(tmp_path, ".ipynb_checkpoints/a-checkpoint.png", ".Trash-1000/files/b.png")
    touch(tmp_path, "__MACOSX/._a.png", "__MACOSX/a.png", "@eaDir/a.png/thumb.jpg")
    assert listed(tmp_path) == {"": ["a.png"]}
    assert is_hidden("._x.png") and is_hidden("__MACOSX") and not is_hidden("x.png")


def test_a_folder_may_itself_be_hidden(tmp_path):
    touch(tmp_path, ".cache/a.png")
    assert listed(tmp_path / ".cache") == {"": ["a.png"]}


def test_a_folder_called_like_a_picture_is_a_folder(tmp_path):
    touch(tmp_path, "a.png", "b.png/c.png")
    (tmp_path / "x.jpg").mkdir()
    assert listed(tmp_path) == {"": ["a.png", "b.png/c.png"]}


def test_what_is_no_file_is_no_picture(tmp_path):
    touch(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait forever
    assert listed(tmp_path) == {"": ["a.png"]}


def test_other_formats_are_counted(tmp_path):
    touch(tmp_path, "a.png", *(f"{i}.JP2" for i in range(3)), "a.avif", "b/a.dng", "a.heic", "a.py")
    (tmp_path / "folder.jp2").mkdir()
    line = f"in other formats than {', '.join(SUFFIXES)} (3 .jp2, 1 .avif, 1 .heic, 1 .dng)"
    with pytest.warns(UserWarning) as caught:
        pictures_by_split(tmp_path)
    (found,) = (str(warning.message) for warning in caught)
    assert sorted(found.split("(")[1]) == sorted(line.split("(")[1])
    assert not set(SUFFIXES) & set(OTHER_SUFFIXES)


def test_other_formats_beside_the_splits_are_not(tmp_path):
    touch(tmp_path, "train/a.png", "test/a.png", "teaser.heic")
    assert list(listed(tmp_path)) == ["train", "test"]


def test_links_to_folders_and_files_are_followed(tmp_path):
    root, store = tmp_path / "root", tmp_path / "store"
    touch(root, "a.png")
    touch(store, "b/c.png", "d.png")
    os.symlink(store / "b", root / "class")
    os.symlink(store / "d.png", root / "z.png")
    assert listed(root) == {"": ["a.png", "class/c.png", "z.png"]}


def test_every_folder_and_file_is_read_once(tmp_path):
    root, store = tmp_path / "root", tmp_path / "store"
    touch(root, "real/a.png")
    touch(store, "b.png", "deep/c.png")
    os.symlink(root, root / "loop")
    os.symlink(tmp_path, root / "up")
    os.symlink(root / "real", root / "again")
    os.symlink(root / "real" / "a.png", root / "also.png")
    os.symlink(store, root / "one")
    os.symlink(store / "deep", root / "two")
    os.symlink(store / "b.png", root / "b.png")
    with pytest.warns(UserWarning, match=r"links to what is read already \(\d\)"):
        (listing,) = pictures_by_split(root).values()
    assert sorted(file.name for file in listing.files) == ["a.png", "b.png", "c.png"]


def test_what_is_really_in_a_split_is_not_taken_by_a_link(tmp_path):
    touch(tmp_path, "train/a.png", "test/b.png", "test/deep/c.png")
    os.symlink(tmp_path / "test" / "deep", tmp_path / "train" / "more")
    os.symlink(tmp_path / "test" / "b.png", tmp_path / "train" / "b.png")
    listings = listed_with(tmp_path, "links to what is read already (2)")
    assert listings == {"train": ["train/a.png"], "test": ["test/b.png", "test/deep/c.png"]}


def test_splits_may_be_links(tmp_path):
    touch(tmp_path, "store/1/a.png", "store/2/b.png")
    (tmp_path / "root").mkdir()
    os.symlink(tmp_path / "store" / "1", tmp_path / "root" / "train")
    os.symlink(tmp_path / "store" / "2", tmp_path / "root" / "test")
    assert listed(tmp_path / "root") == {"train": ["train/a.png"], "test": ["test/b.png"]}


def test_links_that_lead_nowhere_are_told(tmp_path):
    touch(tmp_path, "a.png")
    os.symlink(tmp_path / "gone.png", tmp_path / "b.png")
    os.symlink(tmp_path / "not mounted", tmp_path / "class")
    os.symlink(tmp_path / "itself.png", tmp_path / "itself.png")
    assert listed_with(tmp_path, "links that lead nowhere (3)") == {"": ["a.png"]}


def test_no_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"^path: .* of .bmp, .*, got .*none, which does not"):
        pictures_by_split(tmp_path / "none")
    touch(tmp_path, "file.png")
    with pytest.raises(ValueError, match=r"^path: expected a folder .*, got .*file.png$"):
        pictures_by_split(tmp_path / "file.png")
    touch(tmp_path, "set/a.heic", "set/b.heic")
    with pytest.raises(
        ValueError, match=r"^path: expected a folder .*, got .*set with 2 .heic only$"
    ):
        pictures_by_split(tmp_path / "set")
    touch(tmp_path, "splits/train/a.png")
    (tmp_path / "splits" / "val").mkdir()
    with pytest.raises(ValueError, match=r"^path: expected a folder .*, got .*splits/val without$"):
        pictures_by_split(tmp_path / "splits")


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "a.png", "closed/b.png")
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(folder) == "closed":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ValueError, match=r"^path: expected a folder that can be read, .*closed"):
        pictures_by_split(tmp_path)
