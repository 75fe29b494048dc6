"""What a kill, a failure or a lost file costs a run: nothing that was saved, and no number."""

import copy
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import textwrap
from contextlib import closing

import numpy as np
import pytest

from tests.runs.tiny_runs import lines, tiny_config, tree_bytes, unbroken_run
from vaejax.pictures.run_pictures import Pictures
from vaejax.runs import kept_config, looks, modes
from vaejax.runs import loop as module
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError
from vaejax.runs.config_values import as_json
from vaejax.runs.log import RunLog
from vaejax.runs.loop import train

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Killed(BaseException):
    """What nothing in a run catches."""


def two_evaluations(images):
    config = tiny_config(images)
    with config.unlocked():
        config.eval.importance_weighted = {"split": "test", "num_samples": 2, "batch_size": 8}
    return config


@pytest.fixture
def config(bar_images):
    return two_evaluations(bar_images)


@pytest.fixture(scope="module")
def unbroken(bar_images, tmp_path_factory):
    return unbroken_run(two_evaluations(bar_images), tmp_path_factory)


def files(workdir):
    """What a run has written, but for TensorBoard's events and Orbax's own files."""
    found = {}
    for path in sorted(workdir.rglob("*")):
        name = path.relative_to(workdir)
        if path.is_file() and name.parts[0] not in ("tensorboard", "checkpoints"):
            found[str(name)] = path.read_bytes()
    return found


def assert_same_run(workdir, state, unbroken):
    expected, final = unbroken
    assert tree_bytes(state) == tree_bytes(final)
    ours, theirs = files(workdir), files(expected)
    assert ours.keys() == theirs.keys()
    for name, content in theirs.items():
        assert ours[name] == content, name
    best = []
    for folder in (workdir, expected):
        checkpoints = Checkpoints(folder / "checkpoints")
        best.append((checkpoints.latest_step, checkpoints.best_step))
        checkpoints.close()
    assert best[0] == best[1]


def before(owner, name):
    """A place just before a function is called."""
    return owner, name, lambda function, *args, **kwargs: None


def after(owner, name):
    """A place just after a function was called."""
    return owner, name, lambda function, *args, **kwargs: function(*args, **kwargs)


# Places at which a run is killed, in the order in which it comes to them.
PLACES = {
    "save": before(Checkpoints, "save"),
    "save | evaluate": before(looks.Looks, "evaluate"),
    "first score is logged": before(Checkpoints, "add_scores"),
    "evaluate | draw": before(looks.Looks, "draw"),
    "first picture": after(looks.figures, "save_png"),
    "pictures are noted": before(Checkpoints, "note"),
    "draw | animate": before(looks.Looks, "animate"),
    "first animation": after(looks.figures, "save_gif"),
}


def kill_at(patched, step, owner, name, act):
    """Kill what comes to a place, once a step has been taken or a state of it restored."""
    function, step_of = getattr(owner, name), module._summary
    reached = []

    def kill(*args, **kwargs):
        if not reached:
            return function(*args, **kwargs)
        act(function, *args, **kwargs)
        raise Killed

    def started(run, state, workdir):
        reached.extend([int(state.step)] * (int(state.step) >= step))
        return step_of(run, state, workdir)

    def logged(log, at, split, values, metrics=RunLog.metrics):
        reached.extend([at] * (at >= step))
        metrics(log, at, split, values)

    patched.setattr(owner, name, kill)
    patched.setattr(module, "_summary", started)
    patched.setattr(RunLog, "metrics", logged)


@pytest.mark.parametrize("step", [4, 12])
def test_killed_at_every_place_a_run_is_the_unbroken_one(
    config, unbroken, tmp_path, monkeypatch, step
):
    """One after the other in the same folder, at a step in the middle or at the last."""
    for place, (owner, name, act) in PLACES.items():
        if step == 12 or "animat" not in place:
            with monkeypatch.context() as patched, pytest.raises(Killed):
                kill_at(patched, step, owner, name, act)
                train(config, tmp_path)
    assert_same_run(tmp_path, train(config, tmp_path), unbroken)


def test_killed_between_two_scores_a_run_is_the_unbroken_one(
    config, unbroken, tmp_path, monkeypatch
):
    metrics = RunLog.metrics

    def kill(log, step, split, values):
        metrics(log, step, split, values)
        if (step, split) == (8, "test/bound"):
            raise Killed

    monkeypatch.setattr(RunLog, "metrics", kill)
    with pytest.raises(Killed):
        train(config, tmp_path)
    monkeypatch.undo()
    assert lines(tmp_path)[-1]["split"] == "test/bound"
    assert_same_run(tmp_path, train(config, tmp_path), unbroken)


def test_stopped_at_a_step_that_is_due_it_is_evaluated_when_the_run_goes_on(
    config, unbroken, tmp_path, monkeypatch
):
    advance, steps = RunLog.advance, []

    def advance_and_signal(log, num_images):
        advance(log, num_images)
        steps.append(1)
        if len(steps) == 8:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(RunLog, "advance", advance_and_signal)
    assert int(train(config, tmp_path).step) == 8
    monkeypatch.undo()
    assert [line["split"] for line in lines(tmp_path) if line["step"] == 8] == ["train"]
    assert_same_run(tmp_path, train(config, tmp_path), unbroken)


REALLY_KILLED = """
    import os, pathlib, signal, sys
    import jax
    jax.config.update("jax_num_cpu_devices", 8)
    from tests.runs.test_interrupted_runs import looks, module, two_evaluations
    def kill(*args, **kwargs):
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[3] == "scores_of":
        looks.scores_of = kill
    else:  # of a state that is saved
        draw = looks.Looks.draw
        def kill_within(*args):
            looks.figures.save_png = kill
            draw(*args)
        looks.Looks.draw = kill_within
    module.train(two_evaluations(pathlib.Path(sys.argv[1])), sys.argv[2])
"""


@pytest.mark.parametrize("place", ["scores_of", pytest.param("save_png", marks=pytest.mark.slow)])
def test_really_killed_a_run_is_the_unbroken_one(config, bar_images, unbroken, tmp_path, place):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REALLY_KILLED), str(bar_images), tmp_path, place],
        cwd=ROOT, env={**os.environ, "JAX_PLATFORMS": "cpu"}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [path.name for path in tmp_path.glob("checkpoints/*")] == ["4"]
    assert_same_run(tmp_path, train(config, tmp_path), unbroken)


def fail(*args, **kwargs):
    raise ValueError("cannot convert float NaN to integer")


def test_a_picture_that_fails_is_a_line_and_training_goes_on(
    config, unbroken, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(looks.figures, "traversals", fail)
    monkeypatch.setattr(Pictures, "traversal_frames", fail)
    state = train(config, tmp_path)
    assert tree_bytes(state) == tree_bytes(unbroken[1])
    ours, theirs = files(tmp_path), files(unbroken[0])
    assert ours["metrics.jsonl"] == theirs["metrics.jsonl"]
    assert "figures/samples_0000012.png" in ours
    said = [line for line in capsys.readouterr().out.splitlines() if "NaN" in line]
    assert said == [
        *(
            f"traversals of step {step}: ValueError: cannot convert float NaN to integer; "
            f"traceback in {tmp_path / 'errors.txt'}"
            for step in (0, 4, 8, 12)
        ),
        "traversals.gif: ValueError: cannot convert float NaN to integer; "
        f"traceback in {tmp_path / 'errors.txt'}",
    ]
    assert ours["errors.txt"].decode().count("Traceback") == 5


def test_bars_of_nan_end_no_run(config, unbroken, tmp_path, monkeypatch):
    labels = looks.figures.panels._latent_labels
    monkeypatch.setattr(
        looks.figures.panels,
        "_latent_labels",
        lambda kl, order, height: labels(np.full_like(kl, np.nan), order, height),
    )
    assert tree_bytes(train(config, tmp_path)) == tree_bytes(unbroken[1])


def test_a_score_that_fails_is_a_line_and_training_goes_on(
    config, unbroken, tmp_path, monkeypatch, capsys
):
    def failing(state):
        raise FloatingPointError("codes: expected finite numbers")

    built = module.build(config)
    evaluators = {**built.evaluators, "test/importance_weighted": failing}
    monkeypatch.setattr(module, "build", lambda config: built._replace(evaluators=evaluators))
    state = train(config, tmp_path)
    assert tree_bytes(state) == tree_bytes(unbroken[1])
    others = [line for line in lines(unbroken[0]) if line["split"] != "test/importance_weighted"]
    assert lines(tmp_path) == others
    said = [line for line in capsys.readouterr().out.splitlines() if "expected finite" in line]
    assert len(said) == 3
    assert said[0].startswith("test/importance_weighted of step 4: FloatingPointError: codes: ")
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.best_step is not None  # by the score that there is
    checkpoints.close()


def test_a_score_that_fails_when_asked_for_is_an_error_that_keeps_the_others(
    config, unbroken, tmp_path, monkeypatch
):
    workdir = shutil.copytree(unbroken[0], tmp_path / "run")
    built = modes.build(config)
    evaluators = {**built.evaluators, "test/importance_weighted": fail}
    monkeypatch.setattr(modes, "build", lambda *args, **kw: built._replace(evaluators=evaluators))
    with pytest.raises(modes.FailedEvaluation, match="^test/importance_weighted: failed, see "):
        modes.evaluate(config, workdir)
    assert list(json.loads((workdir / "evaluation_12.json").read_text())) == ["test/bound"]


def test_damaged_pictures_are_left_out_of_the_animation(config, unbroken, tmp_path, capsys):
    workdir = shutil.copytree(unbroken[0], tmp_path / "run")
    figures = workdir / "figures"
    first, second = (figures / f"reconstructions_000000{step}.png" for step in (4, 8))
    first.write_bytes(b"")
    second.write_bytes(second.read_bytes()[:-500])
    (figures / "reconstructions_0000009.png").write_bytes(b"no picture")
    shutil.copy(figures / "samples_0000012.png", figures / "reconstructions_0000010.png")
    (figures / "reconstructions.gif").unlink()
    with closing(Checkpoints(workdir / "checkpoints")) as checkpoints:
        checkpoints.note(12, animated=False)
    train(config, workdir)
    said = [line for line in capsys.readouterr().out.splitlines() if "damaged p" in line]
    assert said == [f"{figures}: 4 damaged pictures left out of the animation"]
    assert (figures / "reconstructions.gif").read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize("what", ["lost", "cut", "altered"])
def test_a_configuration_that_is_lost_or_damaged_comes_back(
    config, unbroken, tmp_path, what, capsys
):
    workdir = shutil.copytree(unbroken[0], tmp_path / "run")
    path = workdir / "config.json"
    text = path.read_text()
    path.unlink()
    if what != "lost":
        path.write_text(text[:100] if what == "cut" else text.replace('"seed": 0', '"seed": 1'))
    assert as_json(kept_config.get_config(str(workdir))) == as_json(config)
    assert tree_bytes(train(config, workdir)) == tree_bytes(unbroken[1])
    assert capsys.readouterr().out.count("written again from the checkpoint of step 12") == 1
    assert path.read_text() == text


def test_a_run_killed_while_it_was_made_longer_goes_on(config, unbroken, tmp_path, monkeypatch):
    config.train.num_steps = 8
    train(config, tmp_path)
    config.train.num_steps = 12
    with monkeypatch.context() as patched:
        patched.setattr(module, "restored_state", lambda *args: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            train(config, tmp_path)
    (tmp_path / "config.json").unlink()
    again = kept_config.get_config(str(tmp_path))
    assert again.train.num_steps == 12
    assert_same_run(tmp_path, train(again, tmp_path), unbroken)


def other_images(path):
    images = np.load(path)
    np.save(path, 255 - images)


def fewer_images(path):
    np.save(path, np.load(path)[:80])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_images, "config.data: expected the same 90 images in 'train', got others: 90 of 90"),
        (fewer_images, "config.data: expected 90 images in 'train', got 72"),
    ],
)
def test_other_pictures_are_refused(
    config, unbroken, bar_images, tmp_path, change, message, monkeypatch
):
    workdir = shutil.copytree(unbroken[0], tmp_path / "run")
    moved = shutil.copy(bar_images, tmp_path / "moved.npy")
    config.data.path = str(moved)
    assert tree_bytes(train(config, workdir)) == tree_bytes(unbroken[1])
    change(moved)
    for use in (train, modes.evaluate, modes.sample):
        with pytest.raises(ConfigError, match=message):
            use(config, workdir)
    (workdir / "data.json").unlink()  # as of an older version, or because it is meant
    train(config, workdir)
    assert (workdir / "data.json").exists()
    train(config, workdir)


def test_a_finished_run_of_an_older_version_is_finished(config, unbroken, tmp_path):
    """Without the configuration in its checkpoint, notes, a fingerprint, and the newest option."""
    workdir, state = tmp_path / "run", unbroken[1]
    shutil.copytree(unbroken[0] / "figures", workdir / "figures")
    shutil.copy(unbroken[0] / "metrics.jsonl", workdir)
    checkpoints = Checkpoints(workdir / "checkpoints")
    checkpoints.save(state, {"elbo": -1.0})
    checkpoints.close()
    older = as_json(config)
    del older["train"]["num_microbatches"]
    (workdir / "config.json").write_text(json.dumps(older))
    pictures = {path: path.stat().st_mtime_ns for path in (workdir / "figures").iterdir()}
    assert tree_bytes(train(copy.deepcopy(config), workdir)) == tree_bytes(state)
    assert files(workdir) == files(unbroken[0])
    assert pictures == {path: path.stat().st_mtime_ns for path in (workdir / "figures").iterdir()}
