"""The command line: what it does, and that mistakes end in one readable line, soon."""

import os
import pathlib
import subprocess
import sys

import jax
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent


def run_main(*arguments, cwd=ROOT, **environment):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", **environment}
    return subprocess.run(
        [sys.executable, "-m", "vaejax.main", *arguments],
        cwd=cwd, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--config.objective.bta=1"],
            "config.objective.bta: unknown 'bta'; did you mean 'beta'",
        ),
        (["--config.objectiv.beta=1"], "config.objectiv: unknown 'objectiv'; did you mean"),
        (["--config.train.seed=-1"], "config.train.seed: expected a number in [0, 2^32)"),
        (["--config.objective.beta=abc"], "config.objective.beta: expected float or Sch"),
        (["--config.train.num_steps=1.5"], "config.train.num_steps: expected int, got '1.5'"),
        (["--config.objective.beta=-1"], "config.objective.beta: expected a number >= 0"),
        (["--config.model.preset=higgin"], "config.model.preset: expected one of"),
        (["--confg=x"], "Unknown command line flag 'confg'"),
        (["stray"], "expected flags only, got ['stray']"),
        (["--mode=sample"], "--workdir: expected a folder with checkpoints"),
        (["--mode=sample", "--temperature=warm"], "--temperature: expected a number, or several"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_names_the_key(tmp_path, arguments, message):
    workdir = tmp_path / "run"
    done = run_main(
        "--config=configs/betavae_dsprites.py:smoke", f"--workdir={workdir}", *arguments
    )
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    assert not workdir.exists()


def test_missing_flags_and_files_are_told():
    assert "expected --config and --workdir" in run_main().stderr
    done = run_main("--config=configs/nothing.py", "--workdir=x")
    assert "configs/nothing.py" in done.stderr and "Traceback" not in done.stderr
    done = run_main("--config=configs/quickstart.py:smok", "--workdir=x")
    assert done.stderr == "error: variant: expected one of ['smoke'], got 'smok'\n"


HEAVY = {"flax", "jax", "ml_collections", "numpy", "orbax", "tensorflow", "tensorflow_datasets"}
ANSWER = """
import sys, time
from vaejax import main
sys.argv = ["main.py", *sys.argv[1:]]
try:
    main.main()
except SystemExit as ended:
    if ended.code:
        print(ended.code)
print("CPU", time.process_time(), "heavy", *(set({heavy}) & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "--help",
            ["usage: ", "quickstart  ", "vae_mnist*  ", "--mode=list", "--[no]reestimate: "],
        ),
        ("-h", ["usage: ", "  --checkpoint: <latest|best>: ", "  --temperature: "]),
        ("--mode=list", ["dsprites  ", "NVAE  ", "beta_tcvae  ", "mig  ", "elbo_surgery  "]),
        (
            "--config=quikstart --workdir=x",
            ["did you mean 'quickstart'? ours are betatcvae_dsprites, ", "nvae_celeba"],
        ),
        ("--config=configs/zzz.py --workdir=x", ["ours are betatcvae_dsprites, "]),
        ("--confg=quickstart", ["Unknown command line flag 'confg'. Did you mean: config"]),
        ("--mode=trian", ["value should be one of <train|"]),
        ("--config=quickstart", ["expected --config and --workdir"]),
    ],
)
def test_what_needs_no_jax_is_answered_without_it(line, told):
    """In less than a second, of which Python itself takes a tenth."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    code = ANSWER.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", code, *line.split()], env=env, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    for text in told:
        assert text in done.stdout
    _, seconds, _, *heavy = done.stdout.splitlines()[-1].split()
    assert not heavy
    assert float(seconds) < 1.0
    assert "--log_dir" not in done.stdout and "main.py:" not in done.stdout  # of absl


def test_help_of_a_configuration_says_what_its_keys_mean():
    done = run_main("--help", "--config=quickstart", "--config.objective.beta=4")
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("A small VAE on a small part of dSprites")
    assert (
        "\n  --config.objective.beta=4\n      float: weight of the total correlation" in done.stdout
    )


def test_flags_that_cannot_be_read_from_a_file_are_told(tmp_path):
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for flag, told in [
        ([f"--flagfile={tmp_path / 'missing'}"], "No such file or directory: "),
        ([f"--flagfile={tmp_path}"], "Is a directory: "),
        ([f"--flagfile={tmp_path / 'binary'}"], "can't decode byte"),
        (["--flagfile"], "--flagfile with no argument"),
    ]:
        done = run_main(*flag)
        assert done.returncode == 1
        assert done.stderr.startswith("error: --flagfile: ") and told in done.stderr
        assert done.stderr.count("\n") == 1


def test_train_evaluate_and_sample(config_file, tmp_path):
    folder = f"--workdir={tmp_path / 'run'}"
    for flags, written in [
        ([f"--config={config_file}", folder, "--config.train.num_steps=6"], "metrics.jsonl"),
        # From here on the folder knows its configuration, at the end without its file.
        ([folder, "--mode=evaluate", "--config.eval.bound.batch_size=8"], "evaluation_6.json"),
        ([folder, "--mode=sample", "--temperature=0.7"], "samples_6.png"),
    ]:
        if "--mode=sample" in flags:
            mistake = run_main(*flags, "--config.objective.bta=1")
            assert "config.objective.bta: unknown 'bta'; did you mean 'beta'" in mistake.stderr
            assert "Traceback" not in mistake.stderr
            (tmp_path / "run" / "config.json").unlink()
        cache = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_COMPILATION_CACHE_DIR": ""}
        done = run_main(*flags, **cache)
        assert done.returncode == 0, done.stderr
        assert f"jax {jax.__version__} on cpu (1 x cpu), " in done.stdout
        assert (tmp_path / "run" / written).exists()
    assert "config.json: it is not there; written again from the checkpoint of" in done.stdout
    assert list((tmp_path / "cache" / "vaejax" / "compiled").iterdir())


def test_a_configuration_by_name_in_another_folder_with_a_file_of_flags(tmp_path):
    flags = "--config=quickstart:smoke\n--workdir=run\n--config.train.num_steps=2\n"
    (tmp_path / "flags").write_text(flags)
    done = run_main("--flagfile=flags", "--config.objective.bta=1", cwd=tmp_path)
    assert "config.objective.bta: unknown 'bta'" in done.stderr
    assert not (tmp_path / "run").exists()


def test_the_doctor_needs_neither_configuration_nor_folder(tmp_path):
    done = run_main("--mode=doctor", cwd=tmp_path, JAX_COMPILATION_CACHE_DIR=str(tmp_path / "c"))
    assert done.stdout.startswith(f"jax {jax.__version__} on cpu")
    is_fine = done.stdout.endswith("nothing is wrong\n")  # which depends on the machine
    assert done.returncode == (0 if is_fine else 1), done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "c"]


def test_the_doctor_says_what_is_wrong(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_main("--mode=doctor", JAX_COMPILATION_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert done.returncode == 1
    assert "compiled programs cannot be kept in" in done.stdout


def test_where_jax_does_not_start_a_run_ends_in_one_line_and_the_doctor_says_why(tmp_path):
    done = run_main("--config=quickstart:smoke", f"--workdir={tmp_path}", JAX_PLATFORMS="rocm")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "unset JAX_PLATFORMS" in last
    done = run_main("--mode=doctor", JAX_PLATFORMS="rocm")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "does not start" in done.stdout and "unset JAX_PLATFORMS" in done.stdout
