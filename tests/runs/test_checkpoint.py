import os
import pathlib
import resource
import signal
import subprocess
import sys
import textwrap
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vaejax.core.mesh import batch_sharding, data_mesh, replicated
from vaejax.runs.checkpoint import Checkpoints, DamagedCheckpoint
from vaejax.runs.checkpoint_record import is_evaluated
from vaejax.runs.sealed import write_sealed


class State(NamedTuple):
    step: Any
    params: Any
    opt_state: Any


def make_state(step: int, size: int = 100) -> State:
    """A state whose every leaf depends on the step; the weights do not compress."""
    random = np.random.default_rng(step)
    params = {
        "model": {"kernel": jnp.asarray(random.normal(size=(size, size)), jnp.float32)},
        "discriminator": {"bias": jnp.asarray(random.normal(size=(size,)), jnp.bfloat16)},
    }
    counts = jnp.asarray(random.integers(0, 2**32, 5), jnp.uint32)
    return State(jnp.int32(step), params, {"adam": optax.adam(0.1).init(params), "counts": counts})


ABSTRACT = jax.eval_shape(lambda: make_state(0))


def assert_same_bytes(actual, expected):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for got, want in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert got.dtype == want.dtype
        assert np.asarray(got).tobytes() == np.asarray(want).tobytes()


@pytest.fixture
def open_checkpoints(tmp_path):
    """Opens the same directory, as a new run would, any number of times."""
    opened = []

    def open_(**kwargs) -> Checkpoints:
        opened.append(Checkpoints(tmp_path, **kwargs))
        return opened[-1]

    yield open_
    for checkpoints in opened:
        checkpoints.close()


def data_file(directory: pathlib.Path, step: int) -> pathlib.Path:
    """The file that holds most of a checkpoint's numbers."""
    files = [path for path in (directory / str(step)).rglob("*") if path.is_file()]
    return max(files, key=lambda path: path.stat().st_size)


def truncate(path: pathlib.Path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_byte(path: pathlib.Path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_restores_every_byte(open_checkpoints):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(7))
    assert_same_bytes(checkpoints.restore_latest(ABSTRACT), make_state(7))
    checkpoints.close()
    assert_same_bytes(open_checkpoints().restore(7, ABSTRACT), make_state(7))


def test_what_is_saved_may_be_donated_at_once(open_checkpoints):
    checkpoints = open_checkpoints()
    step = jax.jit(
        lambda state: jax.tree.map(lambda x: x + x.dtype.type(1), state), donate_argnums=0
    )
    state, expected = make_state(3), make_state(3)
    checkpoints.save(state)
    for _ in range(5):
        state = step(state)
    jax.block_until_ready(state)
    assert_same_bytes(checkpoints.restore_latest(ABSTRACT), expected)


def test_keeps_the_two_latest_and_the_best(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    for step, elbo in [(1, -9.0), (2, -1.0), (3, -5.0), (4, -3.0), (5, None), (6, None)]:
        checkpoints.save(make_state(step), None if elbo is None else {"elbo": jnp.float32(elbo)})
        assert checkpoints.latest_step == step
    checkpoints.close()
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [2, 5, 6]
    reopened = open_checkpoints()
    assert (reopened.latest_step, reopened.best_step) == (6, 2)
    assert_same_bytes(reopened.restore_best(ABSTRACT), make_state(2))
    assert_same_bytes(reopened.restore_latest(ABSTRACT), make_state(6))


def test_a_score_may_come_after_its_checkpoint(open_checkpoints, tmp_path):
    """What has no score yet is kept until it has one, and is the best if that is the highest."""
    checkpoints = open_checkpoints()
    for step, elbo in [(1, -9.0), (2, -1.0), (3, -5.0)]:
        checkpoints.save(make_state(step))
        assert checkpoints.best_step != step and checkpoints.latest_step == step
        checkpoints.add_scores(step, {"elbo": jnp.float32(elbo), "kl": 1.0})
        assert checkpoints.known(step)["metrics"] == {"elbo": elbo}
    checkpoints.save(make_state(4))
    checkpoints.close()
    reopened = open_checkpoints()
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [2, 3, 4]
    assert (reopened.latest_step, reopened.best_step) == (4, 2)
    assert [is_evaluated(tmp_path, step) for step in (2, 3, 4)] == [True, True, False]
    reopened.add_scores(4, None)  # an evaluation without the best metric
    assert is_evaluated(tmp_path, 4) and reopened.best_step == 2
    assert_same_bytes(reopened.restore_best(ABSTRACT), make_state(2))
    with pytest.raises(ValueError, match=r"^metrics: expected elbo among them, got kl$"):
        reopened.add_scores(4, {"kl": 1.0})


def test_damaged_notes_are_forgotten_and_the_state_is_not(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints(about={"config": {"seed": 7}})
    checkpoints.save(make_state(1))
    checkpoints.add_scores(1, {"elbo": -5.0})
    checkpoints.note(1, drawn=True)
    checkpoints.close()
    wanted = {"metrics": {"elbo": -5.0}, "drawn": True, "config": {"seed": 7}}
    found = open_checkpoints().known(1)
    assert {name: found[name] for name in wanted} == wanted
    notes = tmp_path / "1" / "notes.json"
    notes.write_text(notes.read_text().replace("-5.0", "-4.0"))
    with pytest.warns(UserWarning, match="the notes on the checkpoint of step 1 are damaged"):
        reopened = open_checkpoints()
    assert reopened.best_step is None and not is_evaluated(tmp_path, 1)
    assert reopened.known(1)["config"] == {"seed": 7}
    assert_same_bytes(reopened.restore_latest(ABSTRACT), make_state(1))
    reopened.add_scores(1, {"elbo": -5.0})
    assert reopened.best_step == 1


def test_notes_go_with_the_checkpoint_that_they_are_on(open_checkpoints):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1))
    checkpoints.add_scores(1, {"elbo": -5.0})
    checkpoints.close()
    reopened = open_checkpoints()
    reopened.save(make_state(1))  # by another run, which has not evaluated it
    reopened.wait()
    assert reopened.known(1)["metrics"] is None
    assert open_checkpoints().best_step is None


def test_a_score_that_is_not_finite_is_never_the_best(open_checkpoints):
    checkpoints = open_checkpoints(best_metric="mig")
    for step, mig in [(1, 0.2), (2, np.nan), (3, np.inf)]:
        checkpoints.save(make_state(step), {"mig": mig, "elbo": 0.0})
    assert checkpoints.best_step == 1
    with pytest.raises(ValueError, match=r"^metrics: expected mig among them, got elbo, kl$"):
        checkpoints.save(make_state(4), {"elbo": 0.0, "kl": 1.0})


def test_saving_a_step_again(open_checkpoints):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1))
    checkpoints.save(make_state(1), {"elbo": -2.0})  # now it has been evaluated
    checkpoints.save(make_state(1))  # a signal: the score must not be lost
    checkpoints.close()
    reopened = open_checkpoints()
    reopened.restore_latest(ABSTRACT)
    reopened.save(make_state(1))  # a signal before the first step
    reopened.close()
    reopened = open_checkpoints()
    assert (reopened.latest_step, reopened.best_step) == (1, 1)
    # Not written by this run, so what is on disk cannot be trusted to be what is asked for.
    reopened.save(make_state(1)._replace(opt_state=make_state(2).opt_state))
    restored = reopened.restore_latest(ABSTRACT)
    assert_same_bytes(restored.opt_state, make_state(2).opt_state)


@pytest.mark.parametrize("damage", [truncate, pathlib.Path.unlink, flip_a_byte])
def test_a_damaged_newest_checkpoint_is_passed_over(open_checkpoints, tmp_path, damage):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1), {"elbo": -5.0})
    checkpoints.save(make_state(2), {"elbo": -4.0})
    checkpoints.close()
    damage(data_file(tmp_path, 2))
    with pytest.raises(DamagedCheckpoint, match=r"^checkpoint of step 2 is damaged: "):
        open_checkpoints().restore(2, ABSTRACT)
    for restore in (Checkpoints.restore_latest, Checkpoints.restore_best):
        reopened = open_checkpoints()
        with pytest.warns(UserWarning, match="step 2 is damaged: .*; trying the one before it"):
            assert_same_bytes(restore(reopened, ABSTRACT), make_state(1))
        assert reopened.best_step == 1
    reopened.save(make_state(2), {"elbo": -4.0})  # training gets there again
    assert_same_bytes(reopened.restore_best(ABSTRACT), make_state(2))


def test_names_the_leaf_with_the_flipped_byte(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1))
    checkpoints.wait()
    flip_a_byte(data_file(tmp_path, 1))
    # The kernel itself or one of its two moments, whichever lies in the middle of the file.
    message = r"step 1 is damaged: the bytes of \S+/model/kernel have changed$"
    with pytest.raises(DamagedCheckpoint, match=message):
        checkpoints.restore(1, ABSTRACT)


def improve_the_score(path: pathlib.Path):
    path.write_text(path.read_text().replace("-5.0", "-4.0"))


@pytest.mark.parametrize("damage", [truncate, pathlib.Path.unlink, flip_a_byte, improve_the_score])
def test_a_damaged_record_is_damage(open_checkpoints, tmp_path, damage):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1), {"elbo": -5.0})
    checkpoints.close()
    (record,) = (tmp_path / "1" / "record").glob("*.json")
    damage(record)
    reopened = open_checkpoints()
    assert reopened.best_step is None
    with (
        pytest.warns(UserWarning, match="step 1 is damaged"),
        pytest.raises(DamagedCheckpoint, match="step 1 is damaged"),
    ):
        reopened.restore_latest(ABSTRACT)


def test_another_tree_is_an_error_and_not_damage(open_checkpoints):
    checkpoints = open_checkpoints()
    checkpoints.save(make_state(1))
    start = "^abstract_state: expected .* the checkpoint of step 1 "
    bias = jax.ShapeDtypeStruct((100,), jnp.float32)
    cases = {
        r"has params/discriminator/bias as bfloat16\[100\], not float32\[100\]$": {
            "model": ABSTRACT.params["model"],
            "discriminator": {"bias": bias},
        },
        "lacks params/classifier/bias$": ABSTRACT.params | {"classifier": {"bias": bias}},
        "also has params/discriminator/bias$": {"model": ABSTRACT.params["model"]},
    }
    for message, params in cases.items():
        with pytest.raises(ValueError, match=start + message):
            checkpoints.restore_latest(ABSTRACT._replace(params=params))


def test_nothing_to_restore(open_checkpoints):
    checkpoints = open_checkpoints()
    assert checkpoints.latest_step is None and checkpoints.best_step is None
    for restore in (checkpoints.restore_latest, checkpoints.restore_best):
        with pytest.raises(FileNotFoundError, match="no checkpoint to restore"):
            restore(ABSTRACT)
    with pytest.raises(FileNotFoundError, match="no checkpoint of step 3"):
        checkpoints.restore(3, ABSTRACT)


@pytest.mark.parametrize("counts", [(8, 1), (1, 8), (8, 4)])
def test_restores_on_another_number_of_devices(open_checkpoints, counts):
    before, after = (replicated(data_mesh(jax.devices()[:count])) for count in counts)
    checkpoints = open_checkpoints()
    checkpoints.save(jax.device_put(make_state(1), before))
    abstract = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=after), ABSTRACT
    )
    restored = checkpoints.restore_latest(abstract)
    assert all(leaf.sharding == after for leaf in jax.tree.leaves(restored))
    assert_same_bytes(restored, make_state(1))
    assert_same_bytes(checkpoints.restore_latest(ABSTRACT), make_state(1))  # the first device


def test_a_sharded_leaf_is_checked_as_a_whole(open_checkpoints):
    state = make_state(1)
    split = batch_sharding(data_mesh(jax.devices()[:4]))
    kernel = jax.device_put(state.params["model"]["kernel"], split)
    checkpoints = open_checkpoints()
    checkpoints.save(state._replace(params=state.params | {"model": {"kernel": kernel}}))
    assert_same_bytes(checkpoints.restore_latest(ABSTRACT), state)


RUN_UNDER_ABSL = """
    import sys
    from absl import app
    def main(_):
        import tests.runs.test_checkpoint as test
        checkpoints = test.Checkpoints(sys.argv[1])
        checkpoints.save(test.make_state(1), {"elbo": -1.0})
        checkpoints.restore_latest(test.ABSTRACT)
        checkpoints.close()
    app.run(main)
"""

KILLED_WHILE_SAVING = """
    import os, signal, sys
    import tests.runs.test_checkpoint as test
    checkpoints = test.Checkpoints(sys.argv[1])
    checkpoints.save(test.make_state(1, size=2000), {"elbo": -1.0})
    checkpoints.wait()
    checkpoints.save(test.make_state(2, size=2000), {"elbo": 0.0})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_script(script: str, directory: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(directory)],
        cwd=pathlib.Path(__file__).resolve().parents[2],
        env=os.environ | {"JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )


def test_says_nothing_on_the_console(tmp_path):
    done = run_script(RUN_UNDER_ABSL, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_killed_while_saving(open_checkpoints, tmp_path):
    done = run_script(KILLED_WHILE_SAVING, tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    checkpoints = open_checkpoints()
    assert (checkpoints.latest_step, checkpoints.best_step) == (1, 1)
    abstract = jax.eval_shape(lambda: make_state(0, size=2000))
    assert_same_bytes(checkpoints.restore_latest(abstract), make_state(1, size=2000))
    checkpoints.save(make_state(2, size=2000), {"elbo": 0.0})
    assert_same_bytes(checkpoints.restore_best(abstract), make_state(2, size=2000))


def test_a_full_disk_is_told_as_that(tmp_path):
    """Once, by whoever waits for the save; what was there before is there still."""
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(make_state(1))
    checkpoints.wait()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, before[1]))
    try:
        checkpoints.save(make_state(2))
        with pytest.raises(OSError, match="^checkpoint of step 2 is not saved: "):
            checkpoints.wait()
        checkpoints.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    again = Checkpoints(tmp_path)
    assert again.latest_step == 1
    assert_same_bytes(again.restore_latest(ABSTRACT), make_state(1))
    again.close()


def test_a_record_and_notes_that_are_whole_but_say_nothing_are_damaged(open_checkpoints, tmp_path):
    checkpoints = open_checkpoints()
    for step in (1, 2):
        checkpoints.save(make_state(step), {"elbo": -1.0})
    checkpoints.close()
    write_sealed(tmp_path / "1" / "notes.json", {"metrics": 3})
    (record,) = (tmp_path / "2" / "record").glob("*.json")
    write_sealed(record, {"metrics": None})
    with pytest.warns(UserWarning, match="notes on the checkpoint of step 1 are damaged"):
        again = open_checkpoints()
    with pytest.warns(UserWarning, match="step 2 is damaged: its record has changed"):
        assert_same_bytes(again.restore_latest(ABSTRACT), make_state(1))
