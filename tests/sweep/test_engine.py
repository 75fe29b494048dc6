"""Members are what single runs are, by every strategy; stopping, resuming, diverging."""

import contextlib
import json
import shutil
import signal

import jax
import numpy as np
import pytest

from vaejax import metrics, sweep
from vaejax.core.platform import native_operations
from vaejax.runs import modes
from vaejax.runs.checkpoint import Checkpoints
from vaejax.runs.config import ConfigError
from vaejax.runs.looks import Looks
from vaejax.runs.loop import train
from vaejax.sweep.folder import Folder
from vaejax.sweep.packing import unfinished_groups
from vaejax.sweep.program import Program
from vaejax.sweep.training import Trainer

FACTOR_VAE = {"name": "factor_vae", "gamma": 6.0, "hidden": (16, 16)}
BETAS = {"objective.beta": [1.0, 4.0]}
BETAS_AND_RATES = {**BETAS, "optimizer.learning_rate": [1e-3, 2e-3]}
# Network, objective, what is swept, how many devices, strategies.
CASES = {
    "dense": (  # nine members on five devices: two each, and a copy
        "burda",
        None,
        {"objective.beta": [1.0, 2.0, 4.0], "optimizer.learning_rate": [1e-3, 2e-3, 3e-3]},
        8,
        ("vmap", "map"),
    ),
    "Frey": ("frey", None, BETAS, 1, sweep.STRATEGIES),
    "Burgess": ("burgess", None, BETAS_AND_RATES, 1, sweep.STRATEGIES),
    "MLP": ("higgins_mlp", None, BETAS_AND_RATES, 1, sweep.STRATEGIES),
    "FactorVAE": ("burgess", FACTOR_VAE, {"objective.gamma": [6.0, 30.0]}, 1, sweep.STRATEGIES),
}


@pytest.fixture
def use_devices(monkeypatch):
    """A function that leaves only so many devices to be found."""
    devices = jax.devices()

    def use(count):
        monkeypatch.setattr(jax, "devices", lambda: devices[:count])
        monkeypatch.setattr(jax, "device_count", lambda: count)

    return use


def lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def really(strategy):
    """Within this context vmap is what it is on accelerators, and not map."""
    return native_operations() if strategy == "vmap" else contextlib.nullcontext()


def bytes_of(state):
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(state)]


def make(config, grid, workdir, seeds=(3,)):
    return sweep.make_members(config, sweep.grid(grid), seeds=seeds, workdir=workdir)


@pytest.fixture
def no_pictures(monkeypatch):
    """Single runs draw pictures, which take long to compile and change nothing else."""
    monkeypatch.setattr(Looks, "draw", lambda *args: None)


@pytest.mark.parametrize(
    "case",
    ["dense", *(pytest.param(c, marks=pytest.mark.slow) for c in CASES if c != "dense")],
)
def test_members_equal_their_own_single_runs(tiny, tmp_path, no_pictures, use_devices, case):
    """After 100 steps."""
    preset, objective, grid, num_devices, strategies = CASES[case]
    use_devices(num_devices)
    config = tiny(preset=preset, objective=objective, num_steps=100, log_every=50, eval_every=100)
    single = make(config, grid, tmp_path / "single")[-1]
    state = train(single.config, single.workdir)
    expected = lines(single.workdir)
    for strategy in strategies:
        members = make(config, grid, tmp_path / strategy)
        with really(strategy):
            assert sweep.train_members(members, strategy=strategy)
        ours = lines(members[-1].workdir)
        assert [line["step"] for line in ours] == [line["step"] for line in expected]
        for line, other in zip(ours, expected, strict=True):
            assert line.keys() == other.keys() and line["split"] == other["split"]
            np.testing.assert_allclose(line["loss"], other["loss"], rtol=1e-5)
        assert len({line["loss"] for m in members for line in lines(m.workdir)}) == 3 * len(members)
        written = [(m.workdir / "config.json").read_bytes() for m in (members[-1], single)]
        assert written[0] == written[1]
    run, restored = modes.restored(members[-1].config, members[-1].workdir, "best")
    assert jax.tree.structure(restored) == jax.tree.structure(state)
    scores = dict(run.evaluators["test/bound"](restored))
    assert float(scores["loss"]) == pytest.approx(ours[-1]["loss"], rel=1e-6)


@pytest.fixture(scope="module")
def unbroken(tiny, tmp_path_factory):
    """Two members trained without a break, by one program."""
    members = make(tiny(), BETAS, tmp_path_factory.mktemp("unbroken"))
    assert sweep.train_members(members, strategy="map")
    return members


def assert_same_runs(members, others):
    for member, other in zip(members, others, strict=True):
        assert lines(member.workdir) == lines(other.workdir)
        states = [modes.restored(m.config, m.workdir)[1] for m in (member, other)]
        assert bytes_of(states[0]) == bytes_of(states[1])


def test_a_stopped_sweep_goes_on_where_it_was(tiny, unbroken, tmp_path):
    """Stopped after step 6; then one member lost its last checkpoint, as a kill might have it."""
    members = make(tiny(), BETAS, tmp_path)
    (group,) = unfinished_groups(members)
    answers = iter([False, False, False, True])  # before the first call, after each
    Trainer(group.program, "map").train(members, lambda: next(answers))
    assert [member.step for member in members] == [6, 6]
    shutil.rmtree(members[0].workdir / "checkpoints" / "6")
    assert [member.step for member in members] == [4, 6]
    assert sweep.train_members(members, strategy="map")
    assert_same_runs(members, unbroken)


def test_a_member_that_another_process_has_finished_is_left_alone(tiny, unbroken, tmp_path):
    members = make(tiny(), BETAS, tmp_path)
    (group,) = unfinished_groups(members)
    shutil.copytree(unbroken[0].workdir, members[0].workdir)
    Trainer(group.program, "map").train(members, lambda: False)
    assert_same_runs(members, unbroken)


@pytest.mark.parametrize("killed", ["evaluate", "add_scores"])
def test_members_killed_before_their_evaluation_begin_with_it(
    tiny, unbroken, tmp_path, monkeypatch, killed
):
    """At the last step, which is saved; before any score is taken, or before it is noted."""

    class Killed(BaseException):
        pass

    def kill(*args):
        raise Killed

    members = make(tiny(), BETAS, tmp_path)
    evaluate, owner = Folder.evaluate, {"evaluate": Folder, "add_scores": Checkpoints}[killed]

    def kill_at_the_end(self, state):
        if int(state.step) == 8:
            monkeypatch.setattr(owner, killed, kill)
        return kill() if int(state.step) == 8 and owner is Folder else evaluate(self, state)

    monkeypatch.setattr(Folder, "evaluate", kill_at_the_end)
    with pytest.raises(Killed):
        sweep.train_members(members, strategy="map")
    monkeypatch.undo()
    assert [(member.step, member.finished) for member in members] == [(8, False), (8, False)]
    assert sweep.train_members(members, strategy="map")
    assert_same_runs(members, unbroken)
    scored = [Checkpoints(member.workdir / "checkpoints") for member in (members[0], unbroken[0])]
    assert scored[0].best_step == scored[1].best_step
    for checkpoints in scored:
        checkpoints.close()


def test_a_score_that_fails_is_told_and_its_sweep_goes_on(
    tiny, unbroken, tmp_path, monkeypatch, capsys
):
    of_member = Program.evaluators_of

    def evaluators_of(self, member):
        def failing(state):
            raise ValueError("no such thing")

        more = {"failing": failing} if member.point["objective.beta"] == 4 else {}
        return {**more, **of_member(self, member)}

    monkeypatch.setattr(Program, "evaluators_of", evaluators_of)
    members = make(tiny(), BETAS, tmp_path)
    assert sweep.train_members(members, strategy="map")
    assert_same_runs(members, unbroken)
    assert "failing of step 8: ValueError: no such thing" in capsys.readouterr().out
    assert (members[1].workdir / "errors.txt").exists()
    assert not (members[0].workdir / "errors.txt").exists()


def test_members_of_other_pictures_are_refused(tiny, unbroken, tmp_path, bar_images):
    members = make(tiny(num_steps=10), BETAS, tmp_path)
    for member, other in zip(members, unbroken, strict=True):
        shutil.copytree(other.workdir, member.workdir)
        member.config.data.path = str(tmp_path / "other.npy")
    np.save(tmp_path / "other.npy", 255 - np.load(bar_images))
    with pytest.raises(ConfigError, match="config.data: expected the same 90 images in 'train'"):
        sweep.train_members(members, strategy="map")


def test_a_finished_sweep_does_nothing_and_a_longer_one_goes_on(tiny, unbroken, tmp_path):
    members = make(tiny(), BETAS, tmp_path)
    for member, other in zip(members, unbroken, strict=True):
        shutil.copytree(other.workdir, member.workdir)
    told = []
    assert sweep.train_members(members, strategy="map", say=told.append)
    assert not told
    assert_same_runs(members, unbroken)
    otherwise = tiny()
    otherwise.eval.bound.batch_size = 8
    assert sweep.train_members(make(otherwise, BETAS, tmp_path), say=told.append)
    assert len(told) == 2 and "with evaluations other than config.eval" in told.pop() + told.pop()
    longer = make(tiny(num_steps=10), BETAS, tmp_path)
    assert sweep.train_members(longer, strategy="sequential", say=told.append)
    assert [member.step for member in longer] == [10, 10] and len(told) == 2
    assert lines(longer[0].workdir)[: len(lines(unbroken[0].workdir))] == lines(unbroken[0].workdir)


def test_a_signal_stops_a_sweep_and_it_goes_on(tiny, unbroken, tmp_path, monkeypatch):
    members = make(tiny(), BETAS, tmp_path)
    log = Folder.log

    def log_and_signal(self, step, metrics):
        log(self, step, metrics)
        if step == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Folder, "log", log_and_signal)
    assert not sweep.train_members(members, strategy="sequential")
    assert [member.step for member in members] == [4, 0]
    monkeypatch.undo()
    assert sweep.train_members(members, strategy="sequential")
    assert_same_runs(members, unbroken)


@pytest.mark.parametrize(("preset", "strategy"), [("frey", "vmap"), ("burda", "sequential")])
def test_a_diverged_member_is_reported_and_leaves_the_others_alone(
    tiny, tmp_path, use_devices, preset, strategy
):
    use_devices(1)
    rates = {"optimizer.learning_rate": [1e-3, 1e30, 2e-3]}
    members = make(tiny(preset=preset), rates, tmp_path / "sweep")
    told = []
    with really(strategy):
        assert sweep.train_members(members, strategy=strategy, say=told.append)
    assert [member.diverged for member in members] == [False, True, False]
    assert [member.finished for member in members] == [True, True, True]
    assert [line for line in told if line.endswith(": diverged")]
    assert "is nan" in (members[1].workdir / "diverged.json").read_text()
    assert not members[1].step
    healthy = make(tiny(preset=preset), {"optimizer.learning_rate": [1e-3, 2e-3]}, tmp_path / "ok")
    with really(strategy):
        assert sweep.train_members(healthy, strategy=strategy)
    for member, other in zip([members[0], members[2]], healthy, strict=True):
        for line, expected in zip(lines(member.workdir), lines(other.workdir), strict=True):
            np.testing.assert_allclose(line["loss"], expected["loss"], rtol=1e-6)
    assert sweep.train_members(members, strategy=strategy)  # nor is it tried again
    rows = [row for row in sweep.table(members) if row.num_diverged]
    assert [row.point for row in rows] == [{"optimizer.learning_rate": 1e30}]


def test_a_member_that_diverges_in_the_last_update_leaves_the_others_alone(tiny, tmp_path):
    """Its loss was still finite; what is evaluated and saved is behind the update."""
    rates = {"optimizer.learning_rate": [1e-12, 3e38]}
    steep = {"name": "elbo", "beta": 1e6}
    config = tiny(objective=steep, num_steps=1, log_every=1, eval_every=1)
    config.optimizer.name = "sgd"  # whose updates are as large as the gradient makes them
    members = make(config, rates, tmp_path)
    assert sweep.train_members(members, strategy="map")
    assert [(member.step, member.diverged) for member in members] == [(1, False), (0, True)]
    assert "parameters are not finite" in (members[1].workdir / "diverged.json").read_text()


def test_codes_that_are_not_finite_are_their_members_own_affair(tiny, tmp_path, monkeypatch):
    of_member = Program.evaluators_of

    def evaluators_of(self, member):
        if member.point["objective.beta"] < 4:
            return of_member(self, member)
        codes = np.full((8, 2), np.nan)
        return {"codes": lambda state: {"found": metrics.active_units(codes)}}

    monkeypatch.setattr(Program, "evaluators_of", evaluators_of)
    members = make(tiny(num_steps=4), BETAS, tmp_path)
    assert sweep.train_members(members, strategy="map")
    assert [(member.step, member.diverged) for member in members] == [(4, False), (4, True)]
    assert "codes: expected finite" in (members[1].workdir / "diverged.json").read_text()


def test_folders_of_other_runs_and_unknown_strategies_are_refused(tiny, unbroken, tmp_path):
    (member,) = make(tiny(batch_size=8), {"objective.beta": [1.0]}, tmp_path)
    shutil.copytree(unbroken[0].workdir, member.workdir)
    with pytest.raises(ConfigError, match="config.train.batch_size: expected 16, as in the run"):
        sweep.train_members([member])
    with pytest.raises(ConfigError, match="strategy: expected one of"):
        sweep.train_members([member], strategy="pmap")
    (shorter,) = make(tiny(num_steps=6), {"objective.beta": [1.0]}, tmp_path / "longer")
    shutil.copytree(unbroken[0].workdir, shorter.workdir)
    with pytest.raises(ConfigError, match="config.train.num_steps: expected at least 8, as "):
        sweep.train_members([shorter])


def test_processes_leave_what_one_process_leaves(tiny, tmp_path, use_devices):
    """Two workers and three members, one of which diverges."""
    use_devices(1)
    rates = {"optimizer.learning_rate": [1e-3, 1e30, 2e-3]}
    here, there = (make(tiny(), rates, tmp_path / name) for name in ("here", "there"))
    assert sweep.train_members(here, strategy="sequential")
    assert sweep.train_members(there, strategy="processes")
    assert [member.diverged for member in there] == [False, True, False]
    for ours, theirs in zip(there, here, strict=True):
        for line, expected in zip(lines(ours.workdir), lines(theirs.workdir), strict=True):
            assert line.keys() == expected.keys()
            np.testing.assert_allclose(line["loss"], expected["loss"], rtol=1e-6)
