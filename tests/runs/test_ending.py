"""What a run says last."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from vaejax.runs.config import TrainSettings
from vaejax.runs.ending import duration, ending
from vaejax.types import Views

ALL_VIEWS = Views(**dict.fromkeys(("noise", "from_noise", "encode", "decode"), lambda: None))


def run_with(best: str, views: Views = ALL_VIEWS) -> Any:
    units = {"train": {}, "test/bound": {"elbo": "nats/image"}}
    context = SimpleNamespace(objective=SimpleNamespace(views=views))
    settings = TrainSettings(best_metric=best)
    return cast(Any, SimpleNamespace(settings=settings, units=units, context=context))


def test_how_long_the_headline_where_and_what_next():
    scores = {"elbo": -62.1, "elbo_low": -63.0, "elbo_high": -61.2, "kl": 14.0}
    done, after = ending(Path("my runs"), run_with("elbo"), scores, 3_000, 125.2).splitlines()
    assert done == (
        "done: 3,000 steps in 2 min 5 s; elbo -62.1 [-63, -61.2] nats/image; "
        "pictures in my runs/figures"
    )
    command = "python -m vaejax.main --workdir='my runs' --mode=sample"
    assert after == f"next: {command} (or evaluate, encode, traverse; see --help)"


def test_what_a_model_has_no_views_for_is_not_offered():
    views = ALL_VIEWS._replace(encode=None, decode=None)
    after = ending(Path("w"), run_with("elbo", views), {}, 1, 1.0).splitlines()[1]
    assert after.endswith("--mode=sample (or evaluate; see --help)")
    after = ending(Path("w"), run_with("elbo", Views()), {}, 1, 1.0).splitlines()[1]
    assert after.endswith("--mode=evaluate (see --help)")


def test_a_run_that_was_done_says_its_number_and_no_time():
    done, _ = ending(Path("w"), run_with("-fid"), {"-fid": -12.5}, 0, 0.0).splitlines()
    assert done == "done: fid 12.5; pictures in w/figures"
    done, _ = ending(Path("w"), run_with("elbo"), {}, 0, 0.0).splitlines()
    assert done == "done: pictures in w/figures"


@pytest.mark.parametrize("installed", [True, False])
def test_curves_are_offered_where_they_can_be_seen(installed, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: installed or None)
    (tmp_path / "tensorboard").mkdir()
    text = ending(tmp_path, run_with("elbo"), {}, 1, 1.0)
    assert (f"tensorboard --logdir={tmp_path}/tensorboard" in text) == installed


def test_durations_in_words():
    assert [duration(s) for s in (0.4, 59.4, 60, 3_600, 7_325)] == [
        "0 s", "59 s", "1 min 0 s", "1 h 0 min", "2 h 2 min",
    ]  # fmt: skip
