"""`--mode=collapse` of runs, healthy and collapsed."""

import json

import numpy as np
import pytest

from vaejax.metrics import collapse as collapse_of
from vaejax.runs import collapse, kept_config
from vaejax.runs.config import ConfigError, run_config
from vaejax.runs.looks import Looks
from vaejax.runs.loop import train


@pytest.fixture(scope="module")
def collapsed(bar_images, tmp_path_factory):
    """A run whose beta leaves nothing of the code, trained without pictures."""
    workdir = tmp_path_factory.mktemp("collapsed")
    config = run_config(
        data=dict(name="array", path=str(bar_images)),
        model=dict(name="ConvVAE", preset="toy", latent_size=2),
        objective=dict(name="elbo", beta=1e4),
        optimizer=dict(name="adam", learning_rate=3e-2),
        train=dict(num_steps=60, batch_size=16, log_every=20, eval_every=20, ema_decay=0.5),
        eval=dict(
            bound=dict(split="test", batch_size=8), collapse=dict(split="train", batch_size=8)
        ),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Looks, "draw", lambda *args: None)
        train(config, workdir)
    return workdir, config


def test_a_collapsed_run_is_told_with_the_step(collapsed, capsys):
    """By the evaluation of its configuration."""
    workdir, config = collapsed
    told = collapse.report(config, workdir)
    assert told["sentence"].startswith("collapsed: all 2 latents carry nothing (a KL of ")
    assert "; dead since step " in told["sentence"]
    printed = capsys.readouterr().out
    assert told["sentence"] in printed and "group 0: 0 of 2 latents used, active units 0" in printed
    assert [entry["step"] for entry in told["history"]] == [20, 40, 60]
    assert json.loads((workdir / "collapse_60.json").read_text()) == told
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    last = {line["split"]: line for line in lines if line["step"] == 60}
    assert told["history"][-1]["kl"] == [last["test/bound"]["kl/0"]]
    assert told["scores"]["num_examples"] == 90
    assert last["train/collapse"]["kl/0"] == pytest.approx(told["scores"]["kl/0"], rel=1e-5)


def test_a_healthy_run_is_told_as_one(dense_run):
    """Whether its configuration has such an evaluation or not."""
    told = collapse.report(kept_config.get_config(str(dense_run)), dense_run)
    assert told["sentence"].startswith("no collapse: all 3 latents carry ")
    assert "information about the image" in told["sentence"]


def test_a_model_without_latents_is_refused(keep_run):
    folder = keep_run({"name": "tests.leaves.pixels:PixelModel"})
    config = kept_config.get_config(str(folder), allowed=["tests.leaves.pixels:PixelModel"])
    with pytest.raises(ConfigError, match="--mode: collapse: expected .* view 'encode'"):
        collapse.report(config, folder)


def line(step, split, *kl, **more):
    return {"step": step, "split": split, **{f"kl/{g}": x for g, x in enumerate(kl)}, **more}


def test_history_is_that_of_the_evaluation_before_that_of_training():
    lines = [line(1, "train", 5.0, 1.0), line(2, "test/bound", 4.0, 0.0), {"step": 2, "split": "x"},
             line(2, "train", 4.5, 1.0), line(3, "test/bound", None, 0.0),
             line(4, "test/bound", 3.0, 0.0)]  # fmt: skip
    assert [entry.step for entry in collapse.history(lines, 2)] == [2, 4]
    assert [entry.step for entry in collapse.history(lines[:1], 2)] == [1]
    assert collapse.history(lines, 3) == []


def test_since_when_a_group_is_dead():
    found = collapse_of([0.0, 2.0], [None, None])

    def said(*kls):
        return collapse.since(
            found, collapse.history([line(1000 * i, "t", *kl) for i, kl in enumerate(kls)], 2)
        )

    assert (
        said((1.0, 1.0), (0.0, 1.0), (0.5, 1.0), (0.0, 2.0), (0.0, 2.0))
        == "; dead since step 3,000"
    )
    assert said((0.0, 1.0), (0.0, 1.0)) == "; dead since step 0 or before"
    assert said((1.0, 1.0), (0.5, 1.0)) == said() == ""
    assert collapse.since(collapse_of([1.0], [None]), []) == ""


def test_a_run_that_logged_no_kl_has_a_sentence_all_the_same(collapsed, capsys):
    workdir, config = collapsed
    (workdir / "metrics.jsonl").rename(workdir / "elsewhere")
    told = collapse.report(config, workdir)
    (workdir / "elsewhere").rename(workdir / "metrics.jsonl")
    assert told["history"] == [] and "dead since" not in told["sentence"]


def test_latents_of_a_history_count():
    (entry,) = collapse.history([line(1, "t", 0.02, **{"kl_dims/0": [0.009, 0.009, 0.002]})], 1)
    assert entry.found.dead_groups == (0,) and entry.found.num_latents == (3,)
    assert np.isclose(entry.found.kl[0], 0.02)
