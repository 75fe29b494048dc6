"""Every configuration's `:smoke` variant runs end to end on tiny files of the official formats."""

import importlib.util
import json
import pathlib

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.data.idx_files import random_arrays, write_mnist
from tests.data.tfds_files import write_celeb_a, write_pngs
from tests.models.variables import abstract
from vaejax import models
from vaejax.runs import config as configuration
from vaejax.runs.catalogue import Configuration
from vaejax.runs.config import ConfigError
from vaejax.runs.loop import train
from vaejax.runs.setup import build
from vaejax.training.state import count_parameters

pytestmark = pytest.mark.filterwarnings("ignore:images have 2 channels")  # collapse_gaussian

FILES = sorted((pathlib.Path(__file__).parent.parent / "configs").glob("[a-z]*.py"))
FILES_OF_DATA = [path for path in FILES if path.stem != "own"]  # tests/recipes/test_own.py has it


def write_frey_faces(folder):
    np.savez(
        folder / "faces.npz", ff=np.random.default_rng(0).integers(0, 256, (1965, 560), np.uint8)
    )
    return {"data.path": str(folder / "faces.npz")}


def write_digits(folder):
    write_mnist(folder, random_arrays())
    return {"data.path": str(folder)}


def write_chardata(folder):
    images = np.random.default_rng(0).random((784, 40))
    savemat(folder / "chardata.mat", {"data": images[:, :24], "testdata": images[:, 24:]})
    return {"data.path": str(folder / "chardata.mat")}


def write_faces(folder):
    write_celeb_a(folder)
    return {"data.data_dir": str(folder)}


def write_pictures(folder):
    rng = np.random.default_rng(0)
    for split in ("train", "validation", "test"):
        (folder / split).mkdir()
        for i in range(16):
            pixels = rng.integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(pixels).save(folder / split / f"{i}.png")
    return {"data.path": str(folder)}


def write_small_pictures(name, *splits, **others):
    """Writes 16 pictures of 32 x 32 in each split of a tfds data set."""

    def write(folder):
        write_pngs(folder, name, dict.fromkeys(splits, 16), 32, **others)
        return {"data.data_dir": str(folder)}

    return write


# What each data set needs on disk, and how the configuration is told where it is.
DATA = {
    "celeb_a": write_faces,
    "celeb_a_hq": write_small_pictures("celeb_a_hq/32", "train"),
    "cifar10": write_small_pictures("cifar10", "train", "test", label=3),
    "downsampled_imagenet": write_small_pictures(
        "downsampled_imagenet/32x32", "train", "validation"
    ),
    "dsprites": lambda folder: {},
    "folder": write_pictures,
    "frey_faces": write_frey_faces,
    "gaussian_pair": lambda folder: {},
    "mnist": write_digits,
    "omniglot_chardata": write_chardata,
}


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The NVAEs differ from nvae_celeba in numbers and likelihood alone, and take minutes to compile;
# the parts of vlae_cifar10 have tests of their own.
SLOW = {
    "nvae_celebahq256",
    "nvae_cifar10",
    "nvae_ffhq256",
    "nvae_imagenet32",
    "nvae_mnist",
    "vlae_cifar10",
}
SMOKE = [pytest.param(f, marks=pytest.mark.slow) if f.stem in SLOW else f for f in FILES_OF_DATA]


@pytest.mark.parametrize("path", SMOKE, ids=lambda path: path.stem)
def test_smoke_variant_runs_end_to_end(path, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = load(path).get_config("smoke")
    (tmp_path / "data").mkdir()
    config.update_from_flattened_dict(DATA[config.data.name](tmp_path / "data"))
    state = train(config, tmp_path / "run")
    assert int(state.step) == config.train.num_steps
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    elbos = [line["elbo"] for line in map(json.loads, lines) if "elbo" in line]
    assert np.isfinite(elbos[-1])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_header_gives_the_command_and_what_to_expect(path):
    header = load(path).__doc__
    assert f"--config=configs/{path.name}" in header
    for word in ("Data:", "Model:", "Expect:"):
        assert word in header
    if path.stem != "quickstart":
        assert "Paper:" in header and "Hardware:" in header


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_variant_that_does_not_exist_is_told_from_those_that_do(path):
    with pytest.raises(ConfigError, match=r"^variant: expected one of \[.*'smoke'.*, got 'smok'$"):
        load(path).get_config("smok")


@pytest.mark.parametrize("path", FILES_OF_DATA, ids=lambda path: path.stem)
def test_without_its_data_a_config_says_what_to_put_where(path, tmp_path):
    config = load(path).get_config()
    if not Configuration(path.stem, load(path).__doc__).needs_data:  # as `--help` says
        build(config)
        return
    key = "data.data_dir" if "data_dir" in config.data else "data.path"
    config.update_from_flattened_dict({key: str(tmp_path / "nothing")})
    config.train.batch_size = 8 * config.train.num_microbatches  # that of the IWAE paper is 20
    with pytest.raises(ConfigError, match=r"config\.data\.") as error:
        build(config)
    assert str(tmp_path / "nothing") in str(error.value)


@pytest.mark.parametrize(
    ("name", "image_shape", "parameters", "groups", "latent_size"),
    [
        ("nvae_mnist", (32, 32, 1), 33_363_134, 15, 14_400),
        ("nvae_cifar10", (32, 32, 3), 130_852_480, 30, 153_600),
        ("nvae_celeba", (64, 64, 3), 153_281_364, 35, 467_200),
        ("nvae_imagenet32", (32, 32, 3), 268_509_444, 28, 143_360),
        ("nvae_celebahq256", (256, 256, 3), 330_798_664, 36, 6_005_760),
        ("nvae_ffhq256", (256, 256, 3), 330_798_664, 36, 6_005_760),
    ],
)
def test_nvae_has_the_size_of_the_official_model(
    name, image_shape, parameters, groups, latent_size
):
    config = load(FILES[0].parent / f"{name}.py").get_config()
    section = {"image_shape": image_shape, **config.model}
    model = configuration.build("config.model", models, section)
    _, variables = abstract(model)
    assert count_parameters(variables["params"]) == parameters
    assert len(model.latent_shapes) == groups
    assert sum(np.prod(shape) for shape in model.latent_shapes) == latent_size
