"""The blog in one command, at its smoke size, on faces of noise."""

import json
import math
import re
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

from experiments import blog_celeba
from tests.data.tfds_files import write_celeb_a
from vaejax.runs.config import ConfigError
from vaejax.sweep import Member


def arguments(folder, **changed):
    kept = {"workdir": folder / "blog", "data_dir": folder, "num_steps": None, "size": "smoke"}
    return Namespace(**kept | changed)


@pytest.mark.slow
def test_whole_blog(tmp_path):
    write_celeb_a(tmp_path)
    blog_celeba.run(arguments(tmp_path))
    folder = tmp_path / "blog"
    results = json.loads((folder / "results.json").read_text())
    assert [(row["beta"], row["step"]) for row in results] == [(0.1, 4), (10.0, 4)]
    for row in results:
        assert row["kl"] == pytest.approx(sum(row["kl_dims"]), rel=1e-4)
        error = 0.5 * 64 * 64 * 3 * (row["squared_error_per_dim"] + math.log(2 * math.pi))
        assert row["elbo"] == pytest.approx(-error - row["kl"], rel=1e-4)
    shown = re.findall(r'src="([^"]*)"', (folder / "index.html").read_text())
    assert len(shown) == 5
    for path in shown:  # relative to the page, so that the folder can be moved
        with Image.open(folder / path) as picture:
            assert path.endswith("png") or picture.n_frames > 1
    traversals = [(folder / path).read_bytes() for path in shown if "traversals" in path]
    assert traversals[0] != traversals[1]

    blog_celeba.run(arguments(tmp_path))
    assert json.loads((folder / "results.json").read_text()) == results


def test_numbers_of_a_run(tmp_path):
    lines = [
        {"step": 5, "split": "validation/bound", "log_px": 0.0, "elbo": 0.0, "kl": 0.0},
        {"step": 9, "split": "validation/bound", "elbo": -25.0, "kl": 3.0, "kl_dims/0": [1.0, 2.0]},
    ]
    lines[1]["log_px"] = -(0.5 * 10 * 0.8 + 5 * math.log(2 * math.pi))
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    member = Member({"objective.beta": 2.0}, 0, None, tmp_path)
    numbers = blog_celeba.result(member, num_dims=10)
    assert numbers["squared_error_per_dim"] == pytest.approx(0.8)
    assert numbers["step"] == 9 and numbers["beta"] == 2.0
    np.testing.assert_array_equal(numbers["kl_dims"], [2.0, 1.0])


@pytest.mark.parametrize(("num_steps", "every"), [(600, 40), (None, 534), (1_000, 67), (3, 1)])
def test_reconstructions_are_shown_15_times(num_steps, every, tmp_path):
    args = arguments(tmp_path, size="published", num_steps=num_steps)
    config = blog_celeba.faces_config(args)
    assert config.data.data_dir == str(tmp_path)
    settings = config.train
    assert (settings.eval_every, settings.num_steps) == (every, num_steps or 8_000)
    shown = {*range(every, settings.num_steps, every), settings.num_steps}
    assert len(shown) == min(15, settings.num_steps)


def test_without_faces_it_says_what_to_put_where(tmp_path):
    with pytest.raises(ConfigError, match=r"config\.data\.data_dir|config\.data: "):
        blog_celeba.run(arguments(tmp_path))
