"""The command line of sweeps: from flags to runs, table and plots; mistakes in one line."""

import csv
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def run_sweep(*arguments):
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "experiments/sweep.py", *arguments],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_sweep_leaves_runs_a_table_and_plots(config_file, tmp_path):
    workdir = tmp_path / "sweep"
    arguments = [
        f"--config={config_file}",
        f"--workdir={workdir}",
        "--sweep=objective.beta=1,4",
        "--seeds=2",
        "--config.train.seed=5",
        "--strategy=sequential",
    ]
    done = run_sweep(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 4 of 4") == 4
    assert "elbo, nats/image" in done.stdout and "beta 4.0  2" in done.stdout
    assert "beta 4.0" in (workdir / "table.md").read_text() and (workdir / "table.csv").exists()
    with (workdir / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    elbos = [row for row in rows if (row["split"], row["metric"]) == ("test/bound", "elbo")]
    assert [(row["objective.beta"], row["num_seeds"]) for row in elbos] == [
        ("1.0", "2"),
        ("4.0", "2"),
    ]
    values = json.loads((workdir / "results.jsonl").read_text().splitlines()[0])["values"]
    assert set(values) == {"5", "6"}
    assert (workdir / "tradeoff.png").exists() and (workdir / "metrics.png").exists()
    again = run_sweep(*arguments)
    assert again.returncode == 0 and "step 4 of 4" not in again.stdout


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs processes on cores")
def test_processes_save_their_members_when_the_command_is_stopped(config_file, tmp_path):
    workdir = tmp_path / "sweep"
    arguments = [
        f"--config={config_file}",
        f"--workdir={workdir}",
        "--sweep=objective.beta=1,4",
        "--strategy=processes",
    ]
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "experiments/sweep.py", *arguments]
    endless = [*command, "--config.train.num_steps=100000000", "--config.train.eval_every=100000"]
    process = subprocess.Popen(endless, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)
    first = workdir / "beta=1.0" / "seed=0"
    while not (first / "metrics.jsonl").exists() or not (first / "metrics.jsonl").read_text():
        assert process.poll() is None
        time.sleep(0.1)
    process.terminate()
    told, _ = process.communicate(timeout=60)
    assert process.returncode == 0 and "stopped; the same command goes on" in told
    steps = {  # one may be far ahead of the other
        run: max(int(path.name) for path in (run / "checkpoints").iterdir())
        for run in workdir.glob("beta=*/seed=0")
    }
    reached = max(steps.values())
    last = json.loads((first / "metrics.jsonl").read_text().splitlines()[-1])
    assert steps[first] >= last["step"]
    done = run_sweep(*arguments, f"--config.train.num_steps={reached + 2}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(f"step {reached + 2} of {reached + 2}") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sweep=objective.bta=1"], "config.objective.bta: unknown 'bta'; did you mean 'beta'"),
        (["--sweep=objective.beta=1,x"], "config.objective.beta: expected float or Schedule"),
        (
            ["--sweep=objective.beta=1", "--sweep=objective.beta=2"],
            "--sweep: expected every key once",
        ),
        (["--sweep=objective.beta=1,-1"], "config.objective.beta: expected a number >= 0"),
    ],
)
def test_a_mistake_is_one_line(config_file, tmp_path, arguments, message):
    workdir = tmp_path / "sweep"
    done = run_sweep(f"--config={config_file}", f"--workdir={workdir}", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and message in done.stderr
    assert "Traceback" not in done.stderr
    assert not workdir.exists()
