"""A run is loaded in one line: with its data or without, never with code that nobody named."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import vaejax
from vaejax.runs import kept_config
from vaejax.runs.config import ConfigError


def test_importing_vaejax_loads_neither_orbax_nor_tfds():
    code = (
        "import sys, vaejax; heavy = {'orbax', 'tensorflow_datasets', 'absl', 'ml_collections'};"
        "assert not heavy & set(sys.modules) - {'absl'}, heavy & set(sys.modules);"
        "assert 'vaejax.runs' not in sys.modules; assert callable(vaejax.load);"
        "assert 'orbax' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="module 'vaejax' has no attribute 'lode'"):
        vaejax.lode  # noqa: B018


def test_a_folder_without_a_run_is_told(tmp_path, dense_run):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ValueError, match="workdir: expected a folder that holds a run, got"):
            vaejax.load(folder)
    shutil.copy(dense_run / "config.json", tmp_path)
    shutil.copy(dense_run / "data.json", tmp_path)
    with pytest.raises(ValueError, match="workdir: expected a folder with checkpoints"):
        vaejax.load(tmp_path)


def test_code_that_is_not_vaejaxs_is_run_only_where_it_is_named(deep_run):
    with pytest.raises(ConfigError, match=r"config.model.name: .* names code .* allowed=\["):
        vaejax.load(deep_run)
    with pytest.raises(ConfigError, match=r"config.model.name: "):
        vaejax.load(deep_run, allowed=["os:system"])
    assert vaejax.load(deep_run, allowed=["tests.runs.hierarchy:Pair"]).step == 0


@pytest.fixture
def moved(dense_run, tmp_path):
    """A copy of the run whose data are elsewhere."""
    folder = tmp_path / "copy"
    shutil.copytree(dense_run, folder)
    config = kept_config.get_config(str(folder))
    config.data.path = str(tmp_path / "gone.npy")
    kept_config.keep_config(folder, config)
    return folder


def test_a_run_without_its_data_is_loaded_from_what_it_has_seen(moved, dense_run):
    with pytest.warns(UserWarning, match="data are not used: config.data.path: expected .*gone"):
        handle = vaejax.load(moved)
    greys = np.random.default_rng(3).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    images = handle.pictures(greys)
    assert set(np.unique(images)) == {0, 1}  # binarised all the same
    whole = vaejax.load(dense_run)
    np.testing.assert_array_equal(handle.encode(images)[0].z, whole.encode(images)[0].z)
    np.testing.assert_array_equal(handle.sample(3), whole.sample(3))
    for ask in (lambda: handle.data, lambda: handle.training, lambda: handle.nearest(images)):
        with pytest.raises(ValueError, match="data: expected the data of the run, got none"):
            ask()


def test_where_nobody_knows_the_mean_image_the_data_are_needed(moved):
    config = json.loads((moved / "config.json").read_text())
    config["data"] |= {"standardize": True, "binarize": None}
    config["model"]["likelihood"] = {"name": "gaussian", "scale": None}
    shutil.rmtree(moved / "checkpoints")  # which holds the other configuration
    (moved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ConfigError, match="config.data.path: expected .*gone"):
        vaejax.load(moved)


def test_other_data_than_the_runs_are_not_taken_for_them(dense_run, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(dense_run, folder)
    np.save(tmp_path / "other.npy", np.full((60, 8, 8, 1), 200, np.uint8))
    config = kept_config.get_config(str(folder))
    config.data.path = str(tmp_path / "other.npy")
    kept_config.keep_config(folder, config)
    with pytest.warns(UserWarning, match="not used: config.data: expected the same .* got others"):
        handle = vaejax.load(folder)
    with pytest.raises(ValueError, match="data: expected the data of the run, got none"):
        handle.nearest(np.zeros((1, 8, 8, 1)))
