"""Commands that ask a trained model write what it answers, and say what and where."""

import copy

import numpy as np
import pytest

import vaejax
from vaejax.data import ArraySource
from vaejax.main import LOOKS
from vaejax.pictures.figures import load_png
from vaejax.runs import looking
from vaejax.runs.attributes import title
from vaejax.runs.codes_file import load_codes
from vaejax.runs.config import ConfigError
from vaejax.runs.given import given_images
from vaejax.runs.looking import Asked

PAIR = ["tests.runs.hierarchy:Pair"]


@pytest.fixture(scope="module")
def dense(dense_run):
    return vaejax.load(dense_run)


@pytest.fixture(scope="module")
def deep(deep_run):
    return vaejax.load(deep_run, allowed=PAIR)


@pytest.fixture
def look(monkeypatch, tmp_path):
    """A command, with the model that is loaded already, in an empty folder."""

    def ask(model, mode, **asked):
        monkeypatch.setattr(looking, "trained_model", lambda *arguments: model)
        return looking.look(mode, model.config, tmp_path, "latest", Asked(**asked))

    return ask


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of mixed pictures: grey and RGB, of several sizes, one below in a folder."""
    from PIL import Image

    folder, draws = tmp_path_factory.mktemp("own") / "photos", np.random.default_rng(0)
    (folder / "more").mkdir(parents=True)
    for name, shape in (("b.png", (8, 8)), ("a.png", (30, 12, 3)), ("more/c.webp", (9, 20, 3))):
        Image.fromarray(draws.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    return folder


@pytest.mark.filterwarnings("ignore:path. of 3 pictures")
def test_a_folder_of_mixed_pictures_is_encoded(deep, photos, look, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (path,) = look(deep, "encode", images=str(photos))
    assert path == tmp_path / "codes_photos_0.npz"
    found = np.load(path)
    assert found["names"].tolist() == ["a.png", "b.png", "more/c.webp"]
    images = np.stack([load_png(photos / "b.png")[..., :1]])  # 8 x 8 and grey already
    latents, drawn = deep.encode(images), deep.encode(images, draw=True)
    for group, (latent, size) in enumerate(zip(latents, (2, 3), strict=True)):
        for name in ("mean", "scale", "kl_dims"):
            assert found[f"{name}_{group}"].shape == (3, size)
        np.testing.assert_allclose(found[f"mean_{group}"][1], latent.z[0], atol=1e-5)
        np.testing.assert_allclose(found[f"scale_{group}"][1], latent.posterior.scale[0], atol=1e-5)
    np.testing.assert_allclose(found["kl_0"][1], drawn[0].kl[0], rtol=1e-4)
    np.testing.assert_allclose(found["kl_dims_1"].sum(1), found["kl_1"], rtol=1e-4)
    said = capsys.readouterr().out
    assert f"written to {path}: names [3], mean_0 [3, 2], scale_0 [3, 2], kl_0 [3]" in said
    assert f"group 1 [3]: KL {found['kl_1'].mean():.4g} nats/image" in said


def test_codes_are_decoded_from_their_file(deep, look, tmp_path):
    (path,) = look(deep, "encode")  # of the held-out split
    picture, array = look(deep, "decode", codes=str(path))
    assert picture.name == "decoded_codes_test_0_0.png" and picture.is_file()
    images = np.load(array)
    np.testing.assert_allclose(images, deep.reconstruct(deep.data["test"]), atol=1e-5)
    kept = dict(np.load(path))
    np.savez(tmp_path / "bottom.npz", mean_1=kept["mean_1"])
    top, bottom = load_codes(str(tmp_path / "bottom.npz"))
    assert top is None and (bottom == kept["mean_1"]).all()
    np.save(tmp_path / "plain.npy", kept["mean_0"])
    (alone,) = load_codes(str(tmp_path / "plain.npy"))
    assert (alone == kept["mean_0"]).all()


def test_images_are_reconstructed_and_gone_between(deep, look, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=images, others=images[::-1])
    where = f"{tmp_path / 'own.npz'}:images"
    picture, array = look(deep, "reconstruct", images=where)
    assert picture.name == "reconstructions_own_0.png" and picture.is_file()
    np.testing.assert_allclose(np.load(array), deep.reconstruct(images), atol=1e-5)
    _, array = look(deep, "reconstruct", images=where, groups=1)
    assert array.name == "reconstructions_top1_own_0.npy"
    np.testing.assert_allclose(np.load(array), deep.reconstruct(images, groups=1), atol=1e-5)
    _, array = look(deep, "interpolate", images=where, num_steps=3)
    expected = deep.interpolate(images[:-1], images[1:], 3)
    np.testing.assert_allclose(np.load(array), expected, atol=1e-5)


def test_latents_and_attributes_are_traversed(dense, look, tmp_path, keep_run):
    images = np.random.default_rng(0).random((2, 8, 8, 1)) < 0.5
    np.save(tmp_path / "own.npy", images)
    paths = look(dense, "traverse", images=str(tmp_path / "own.npy"))
    assert [path.name for path in paths] == [
        f"traversals_own_{place}_0.{suffix}" for place in range(2) for suffix in ("png", "npy")
    ]
    np.testing.assert_allclose(np.load(paths[3]), dense.traverse(images)[:, 1], atol=1e-5)
    # The factors of a training set: whether the first pixel is white, and which third it is of.
    model, pixels = copy.copy(dense), np.random.default_rng(1).random((30, 8, 8, 1)) < 0.5
    factors = np.stack([pixels[:, 0, 0, 0], np.arange(30) // 10], axis=1).astype(int)
    names = {"factor_names": ("white", "third"), "factor_sizes": (2, 3)}
    names["labels"] = np.arange(30) // 10
    splits = {"train": ArraySource(pixels, factors=factors, **names)}
    model._run = dense._run._replace(
        source=splits["train"], context=dense._run.context._replace(splits=splits)
    )
    where = str(tmp_path / "own.npy")
    _, array, *_ = look(model, "traverse", images=where, attributes=["white", "third=2"])
    has = np.stack([factors[:, 0], factors[:, 1] == 2], axis=1)
    expected = dense.move(images, dense.directions(pixels, has))[:, 0]
    np.testing.assert_allclose(np.load(array), expected, atol=1e-4)
    _, array, *_ = look(model, "traverse", images=where, attributes=["label=2"])
    np.testing.assert_allclose(np.load(array), expected[1:], atol=1e-4)
    (path,) = look(model, "encode", images="train")
    assert (np.load(path)["factors"] == factors).all()
    assert np.load(path)["factor_names"].tolist() == ["white", "third"]
    for wrong in ("black", "third", "white=x"):
        with pytest.raises(ConfigError, match="--attributes: expected some of .*'white', 'third=0"):
            look(model, "traverse", images=where, attributes=[wrong])


def test_attributes_may_be_arrays_of_ones_own(dense, look, tmp_path):
    """Directions are then learnt from the images that are given, and the first ones moved."""
    images = np.random.default_rng(0).random((12, 8, 8, 1)) < 0.5
    white, third = images[:, 0, 0, 0].astype(np.uint8), np.arange(12) // 4
    np.savez(tmp_path / "own.npz", images=images, white=white, third=third, short=third[:5])
    np.save(tmp_path / "white.npy", white)
    file = str(tmp_path / "own.npz")
    names = [f"{tmp_path / 'white.npy'}", f"{file}:third=2"]
    paths = look(dense, "traverse", images=f"{file}:images", attributes=names)
    assert len(paths) == 16 and paths[0].name == "directions_own_0_0.png"
    has = np.stack([white, third == 2], axis=1)
    expected = dense.move(images[:8], dense.directions(images, has))
    np.testing.assert_allclose(np.load(paths[3]), expected[:, 1], atol=1e-4)
    for name, message in (
        (f"{file}:third", r"--attributes: expected .*:third=VALUE, which holds 0, 1, 2, ..., got"),
        (f"{file}:third=x", r"--attributes: expected .*:third=NUMBER, got"),
        (f"{file}:short", r"--attributes: expected a number for each of the 12 images .*\[5\]"),
        (f"{file}:nothing", r"--attributes: expected an array 'nothing' in"),
    ):
        with pytest.raises(ConfigError, match=message):
            look(dense, "traverse", images=f"{file}:images", attributes=[name])
    with pytest.raises(ConfigError, match=r"--attributes: expected factors .* got both: \['white'"):
        look(dense, "traverse", images=f"{file}:images", attributes=["white", f"{file}:white"])


def test_attributes_are_called_as_they_are_meant():
    said = ("white", "third=2", "a/own.npz:smile", "a/own.npz:third=2", "a/glasses.npy=1")
    names = ["white", "third=2", "smile", "third=2", "glasses=1"]
    assert list(map(title, said)) == names


@pytest.fixture(scope="module")
def conditional(keep_run, grey_images, tmp_path_factory):
    """A model that looks at classes, of which a file beside the images tells."""
    path = tmp_path_factory.mktemp("labelled") / "greys.npz"
    np.savez(path, images=np.load(grey_images), kind=np.arange(60) % 3)
    data = {"path": str(path), "key": "images", "labels": "kind"}
    name = "tests.leaves.conditional:ConditionalVAE"
    return vaejax.load(keep_run({"name": name}, data=data), allowed=[name]), path


def test_labels_come_with_images(conditional, look):
    model, path = conditional
    images, labels = np.load(path)["images"], np.load(path)["kind"]
    with pytest.raises(ConfigError, match="labels: expected the class of every image"):
        look(model, "encode", images=f"{path}:images")
    (codes,) = look(model, "encode", images=f"{path}:images", labels=f"{path}:kind")
    expected = model.encode(images, labels=labels)
    np.testing.assert_allclose(np.load(codes)["mean_1"], expected[1].z, atol=1e-5)
    np.testing.assert_array_equal(np.load(codes)["mean_0"].argmax(1), labels)
    _, array = look(model, "reconstruct", images=f"{path}:images", labels=f"{path}:kind")
    made = model.reconstruct(images, labels=labels)
    np.testing.assert_allclose(np.load(array), made, atol=1e-5)
    with pytest.raises(ConfigError, match="--labels: expected an array 'kinds' in"):
        look(model, "encode", images=f"{path}:images", labels=f"{path}:kinds")
    with pytest.raises(ConfigError, match="--labels: expected none for test of the run's own"):
        look(model, "encode", labels=f"{path}:kind")


def test_pictures_and_arrays_are_made_as_large_as_the_images(keep_run, tmp_path, monkeypatch):
    """Of a run on arrays resized to 8 x 4: neither was possible."""
    from PIL import Image

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 12), dtype=np.uint8)
    np.save(tmp_path / "large.npy", images)
    data = {"path": str(tmp_path / "large.npy"), "image_size": (8, 4), "aspect": "stretch"}
    model = vaejax.load(keep_run(data=data))
    given = given_images(str(tmp_path / "large.npy"), model).images
    assert given.shape == (20, 8, 4, 1)
    np.save(tmp_path / "one.npy", images[0, :, :, None].repeat(3, -1))
    with pytest.raises(ValueError, match=r"^images: expected \[N, H, W\] .* that of one image"):
        given_images(str(tmp_path / "one.npy"), model)
    (tmp_path / "photos").mkdir()
    Image.fromarray(images[3]).save(tmp_path / "photos" / "a.png")
    np.testing.assert_array_equal(given_images(str(tmp_path / "photos"), model).images[0], given[3])
    trained = np.concatenate([split.images(np.arange(len(split))) for split in model.data.values()])
    assert (np.abs(trained * 255 - given[3]).max((1, 2, 3)) < 1e-3).any()


def test_the_file_of_a_binary_run_can_be_encoded(keep_run, tmp_path):
    images = (np.random.default_rng(0).random((20, 8, 8)) < 0.5).astype(np.uint8)
    np.save(tmp_path / "binary.npy", images)
    model = vaejax.load(keep_run(data={"path": str(tmp_path / "binary.npy")}))
    shown = model.pictures(given_images(str(tmp_path / "binary.npy"), model).images)
    np.testing.assert_array_equal(shown[..., 0], images)


def test_the_nearest_training_images_are_drawn_and_kept(deep, look, tmp_path):
    training = np.asarray(deep.training.images(np.array([5, 17])))
    np.save(tmp_path / "copies.npy", training)
    picture, kept = look(deep, "nearest", images=str(tmp_path / "copies.npy"))
    assert picture.is_file() and picture.name == "nearest_copies_0.png"
    for by in ("pixels", "codes"):
        assert np.load(kept)[f"places_{by}"].tolist() == [[5], [17]]
    picture, kept = look(deep, "nearest")
    assert np.load(kept)["distances_codes"].shape == (8, 1)
    assert picture.name == "nearest_samples_0.png"


def test_a_picture_alone_and_a_split_are_images_too(dense, photos, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    alone = given_images(str(photos / "b.png"), dense)
    assert alone.names == ["b.png"] and alone.images.shape == (1, 8, 8, 1)
    split = given_images("train", dense)
    assert len(split.names) == 54 and split.images is dense.data["train"]
    few = given_images(None, dense, 4)
    assert few.name == "test" and len(few.images) == len(few.names) == 4


@pytest.mark.parametrize(
    ("mode", "asked", "message"),
    [
        ("encode", {"images": "nowhere"}, "--images: expected a folder of pictures, .*not exist"),
        ("encode", {"images": "nowhere.npy"}, "--images: expected a .npy or .npz file, got"),
        ("decode", {}, "--codes: expected a .npy or .npz file of codes, got none"),
        ("decode", {"codes": "nowhere.npz"}, "--codes: expected a .npy or .npz file, got"),
        ("reconstruct", {"groups": 3}, "--groups: expected 1 to 2, got 3"),
        ("interpolate", {"num_steps": 1}, "--num_steps: expected at least 2, got 1"),
        ("traverse", {}, "--mode=traverse: group: expected one group of vectors"),
        ("traverse", {"attributes": ["smile"]}, "--attributes: expected some of"),
    ],
)
def test_a_mistake_names_the_flag(deep, look, mode, asked, message):
    with pytest.raises(ConfigError, match=message):
        look(deep, mode, **asked)


def test_every_mode_of_looking_is_one_of_the_command_line():
    assert sorted(LOOKS) == sorted(looking.MODES)


def test_damaged_codes_are_told(tmp_path):
    (tmp_path / "codes.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ValueError, match="codes: expected a whole file, got a damaged"):
        load_codes(str(tmp_path / "codes.npz"))
