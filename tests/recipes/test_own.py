"""Runs on one's own data: what is chosen from them, and that they train."""

import re

import numpy as np
import pytest
from PIL import Image

from tests.data.picture_files import fill, flat, save
from tests.test_main import run_main
from vaejax.recipes.own import halvings, likelihood_of
from vaejax.recipes.own_data import OwnData, own_data
from vaejax.runs.config import ConfigError
from vaejax.runs.config_file import load_config
from vaejax.runs.setup import build, initial_state

GREY = np.random.default_rng(0).integers(0, 256, (40, 16, 12), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_folder_is_looked_at(tmp_path):
    fill(tmp_path / "grey", 5)
    found = own_data(str(tmp_path / "grey"), "")
    assert found.image_shape == (64, 64, 1) and found.values == "8 bits" and found.number == 5
    assert found.section["labels"] is False
    fill(tmp_path / "two" / "cats", 3)
    save(tmp_path / "two" / "dogs" / "a.png", np.full((8, 8, 3), (255, 0, 0)))
    (tmp_path / "two" / "dogs" / "b.png").write_bytes(b"damaged")
    found = own_data(str(tmp_path / "two"), "28x20")
    assert found.image_shape == (28, 20, 3) and found.section["labels"] is True
    assert found.section["image_size"] == (28, 20)
    assert found.said == "5 pictures, 2 classes (cats, dogs), 1 of 4 looked at are in colour"


@pytest.mark.parametrize(
    ("images", "values"),
    [
        (GREY, "8 bits"),
        (GREY / 255, "8 bits"),
        ((GREY / 255).astype(np.float32), "8 bits"),
        (GREY / 256, "numbers"),
        (GREY > 99, "binary"),
        ((GREY > 99).astype(np.uint8), "binary"),
        ((GREY > 99).astype(np.uint8) * 255, "binary"),
        ((GREY > 99).astype(np.float32), "binary"),
    ],
)
def test_an_array_is_looked_at(tmp_path, images, values):
    np.save(tmp_path / "a.npy", images)
    found = own_data(str(tmp_path / "a.npy"), "")
    assert found.values == values and found.image_shape == (16, 12, 1)
    assert "image_size" not in found.section and found.number == 40


def test_what_else_a_file_holds_is_found(tmp_path):
    classes = np.stack([np.arange(40) % 2, np.arange(40) // 2], 1)
    more = {"latents_classes": classes, "factor_names": ["side", "place"], "label": classes[:, 0]}
    np.savez(tmp_path / "a.npz", imgs=GREY, metadata=np.array({}, dtype=object), **more)
    found = own_data(str(tmp_path / "a.npz"), "8")
    assert dict(found.section, path="") == {
        "name": "array",
        "path": "",
        "key": "imgs",
        "factors": "latents_classes",
        "factor_names": "factor_names",
        "labels": "label",
        "image_size": (8, 8),
    }
    assert "resized from 16 x 12" in found.said
    np.savez(tmp_path / "b.npz", first=GREY, second=GREY[:9])
    with pytest.raises(ConfigError, match=r"^--data: expected one array .* first \[40, 16, 12\]"):
        own_data(str(tmp_path / "b.npz"), "")
    assert own_data(f"{tmp_path / 'b.npz'}:second", "").number == 9


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (np.eye(4)[np.arange(40) % 4], "float64 [40, 4]"),
        (np.arange(39), "int64 [39]"),
        (np.array(["cat", "dog"] * 20), "<U3 [40]"),
        (np.arange(40) - 1, "int64 [40], some of them negative"),
    ],
)
def test_what_fits_no_images_is_left_out(tmp_path, labels, why):
    """Nobody has asked for these labels: they once ended the run."""
    np.savez(tmp_path / "a.npz", images=GREY, labels=labels, factors=np.ones((39, 2)))
    found = own_data(str(tmp_path / "a.npz"), "")
    assert found.section["labels"] is None and found.section["factors"] is None
    left = f"factors factors left out (float64 [39, 2]), labels labels left out ({why})"
    assert found.said == f"40 images (images), {left}"
    build(load_config("own:smoke", {"data": str(tmp_path / "a.npz")}))


@pytest.mark.parametrize(
    ("data", "size", "message"),
    [
        ("", "", "--data: expected a folder of pictures, or a .npy .*, got none"),
        ("nowhere", "", "--data: expected .* got nowhere, which does not exist"),
        ("empty", "", "--data: expected a folder of .bmp, .* got .*empty without"),
        ("text.txt", "", "--data: expected a .npy or .npz file, got .*text.txt"),
        ("one.npy", "32", r"--data: expected \[N, H, W\] or .* which is that of one image"),
        ("a.npy", "64by64", "--size: expected 64 or HEIGHTxWIDTH, as 218x178, got '64by64'"),
        ("a.npy", "0", "--size: expected 64 or HEIGHTxWIDTH"),
        ("a.npy", "218x178", "--size: expected sides that .* as 224x176, got 218x178"),
        ("bits.npy", "32", r"--size: expected none, .* images \[40, 45, 45\] of bool, got 32x32"),
        ("bits.npy", "", "--data: expected images with sides .* 45x45; --size=48x48 resizes uint8"),
    ],
)
def test_a_mistake_names_the_flag(tmp_path, monkeypatch, data, size, message):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", GREY)
    np.save("bits.npy", np.eye(45, dtype=bool)[None].repeat(40, axis=0))
    np.save("one.npy", np.zeros((60, 40, 3), np.uint8) + 200)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no pictures")
    with pytest.raises(ConfigError, match=f"^{message}"):
        load_config("own", {"data": data, "size": size})


def test_what_the_likelihood_is():
    def of(values, channels, variant):
        found = OwnData({}, (8, 8, channels), values, 1, "")
        return likelihood_of(found, variant)["name"]

    assert [of("binary", 1, variant) for variant in ("", "beta", "nvae")] == ["bernoulli"] * 3
    assert of("8 bits", 3, "") == of("numbers", 1, "") == of("8 bits", 4, "nvae") == "gaussian"
    assert of("8 bits", 3, "beta") == "bernoulli"
    assert of("8 bits", 3, "nvae") == of("8 bits", 1, "nvae_laptop") == "logistic_mixture"


def test_as_many_halvings_as_the_size_allows():
    sizes = [(28, 28), (32, 32), (64, 64), (128, 128), (28, 20), (32, 64), (45, 45), (7, 6)]
    assert [halvings((*size, 1)) for size in sizes] == [2, 3, 4, 5, 2, 3, 0, 0]


@pytest.mark.parametrize("variant", ["", ":beta", ":nvae", ":nvae_laptop"])
@pytest.mark.parametrize("size", ["28", "32", "64", "128", "28x20", "32x64"])
def test_every_size_can_be_built(tmp_path, variant, size):
    """Nothing is compiled: shapes and settings agree."""
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    np.save(tmp_path / "a.npy", images)
    run = build(load_config(f"own{variant}", {"data": str(tmp_path / "a.npy"), "size": size}))
    height, _, width = size.partition("x")
    assert run.source.image_shape == (int(height), int(width or height), 3)


def test_factors_over_a_grid_with_holes_are_scored(tmp_path, capsys):
    """Own images of 0 and 1 with their factors enter a run and its scores from one line."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, (3, 4), (2_400, 2))
    factors = factors[(factors != (2, 3)).any(1)]  # of twelve combinations one is never there
    images = np.zeros((len(factors), 8, 8), np.uint8)
    for image, (row, column) in zip(images, factors, strict=True):
        image[2 * row : 2 * row + 3, 2 * column : 2 * column + 2] = 1
    np.savez(tmp_path / "a.npz", images=images, factors=factors, factor_names=["row", "column"])
    config = load_config("own:smoke", {"data": str(tmp_path / "a.npz")})
    said = f"own data: {len(images):,} images (images), factors factors; as 8 x 8 x 1, binary, "
    assert capsys.readouterr().out == f"{said}p(x|z) bernoulli\n"
    assert config.model.likelihood.name == "bernoulli"
    config.update_from_flattened_dict({"model.widths": (), "model.preset": "toy"})
    numbers = {"num_train": 100, "num_eval": 50}
    scores = {"mig": {}, "beta_vae_score": numbers, "factor_vae_score": numbers, "irs": {}}
    config.eval.disentanglement = {"scores": scores, "num_points": 1_000, "num_repeats": 2}
    run = build(config)
    found = dict(run.evaluators["disentanglement"](initial_state(run)))
    for name in scores:
        assert 0.0 <= found[f"disentanglement/{name}"] <= 1.0
    assert found["disentanglement/mig_low"] <= found["disentanglement/mig"]


def test_data_are_said_to_configurations_that_ask_for_them():
    done = run_main("--config=quickstart", "--data=here", "--workdir=x")
    assert re.match("error: .*--data: expected none with --config=.*quickstart.py", done.stderr)


@pytest.mark.slow
def test_the_command_takes_a_folder(tmp_path):
    """Trains, and is asked afterwards, as one would with pictures of one's own."""
    rng = np.random.default_rng(0)
    for i in range(20):
        pixels = rng.integers(0, 256, (12, 10, 3), np.uint8)
        Image.fromarray(pixels).save(save(tmp_path / "mine" / f"{i}.bmp", flat(0)))
    data, workdir = f"--data={tmp_path / 'mine'}", f"--workdir={tmp_path / 'run'}"
    done = run_main("--config=own:smoke", data, "--size=8", workdir)
    assert done.returncode == 0, done.stderr
    assert "own data: 20 pictures, 20 of 20 looked at are in colour; as 8 x 8 x 3" in done.stdout
    done = run_main("--mode=encode", workdir, f"--images={tmp_path / 'mine'}")
    assert re.search(r"written to .*codes_mine_4.npz: names \[20\], mean_0 \[20, 32\]", done.stdout)
    done = run_main(workdir, data)
    assert done.stderr.startswith("error: --data: expected none without --config, as the run in")
