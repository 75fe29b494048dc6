"""Each way to lose an accelerator is simulated, and told from the others."""

import pytest

from vaejax.runs.doctor import consult, diagnose, headline, summary
from vaejax.runs.machine import GIB, Facts

NEW = ("0.12.0",)
HEALTHY = Facts(
    backend="cpu",
    devices=("cpu",),
    loaded={"jax": "0.12.0", "jaxlib": "0.12.0"},
    installed={"jax": NEW, "jaxlib": NEW, "numpy": ("2.5.5",)},
    cores=2,
    memory=16 * GIB,
    vectors=512,
    cache="/home/me/.cache/vaejax/compiled",
)
GPU = HEALTHY._replace(has_gpu=True, driver="580.65.06")
TPU = HEALTHY._replace(has_tpu=True)


def with_installed(facts, **versions):
    more = {name.replace("_", "-"): (version,) for name, version in versions.items()}
    return facts._replace(installed={**facts.installed, **more})


@pytest.mark.parametrize(
    ("facts", "problem", "advice"),
    [
        (GPU, "its plugin is not installed", "vaejax[cuda13]"),
        (GPU._replace(driver=None), "its plugin is not installed", "vaejax[cuda12]"),
        (GPU._replace(driver="570.124.06"), "its plugin is not installed", "vaejax[cuda12]"),
        (GPU._replace(driver="470.10"), "driver 470.10 is too old for any CUDA", "525 or later"),
        (
            with_installed(GPU, jax_cuda12_plugin="0.7.2"),
            "jax-cuda12-plugin 0.7.2 is not of jaxlib 0.12.0",
            "'jax[cuda13]==0.12.0'",
        ),
        (
            with_installed(GPU._replace(driver="570.124.06"), jax_cuda12_plugin="0.7.2"),
            "jax-cuda12-plugin 0.7.2 is not of jaxlib 0.12.0",
            "'jax[cuda12]==0.12.0'",
        ),
        (
            with_installed(GPU._replace(driver="570.124.06"), jax_cuda13_plugin="0.12.0"),
            "driver 570.124.06 is too old for CUDA 13, which needs 580",
            "vaejax[cuda12]",
        ),
        (
            with_installed(GPU, jax_cuda13_plugin="0.12.0"),
            "jax-cuda13-plugin 0.12.0 does not start",
            "nvidia-smi",
        ),
        (
            GPU._replace(environment={"JAX_PLATFORMS": "cpu"}),
            "JAX_PLATFORMS is 'cpu'",
            "unset JAX_PLATFORMS",
        ),
        (
            GPU._replace(environment={"CUDA_VISIBLE_DEVICES": ""}),
            "CUDA_VISIBLE_DEVICES is ''",
            "unset CUDA_VISIBLE_DEVICES",
        ),
        (TPU, "libtpu is not installed", "vaejax[tpu]"),
        (
            with_installed(TPU, libtpu="0.0.21.1"),
            "libtpu 0.0.21.1 does not start with jaxlib 0.12.0",
            "'jax[tpu]==0.12.0'",
        ),
        (
            HEALTHY._replace(installed={"jax": ("0.12.0", "0.7.2"), "jaxlib": NEW}),
            "jax is there more than once, as 0.12.0 and 0.7.2",
            "pip uninstall -y jax",
        ),
        (
            HEALTHY._replace(loaded={"jax": "0.7.2", "jaxlib": "0.7.2"}),
            "jax 0.12.0 is installed, but this process runs jax 0.7.2",
            "restart",
        ),
        (
            HEALTHY._replace(
                loaded={"jax": "0.12.0", "jaxlib": "0.11.3"},
                installed={"jax": NEW, "jaxlib": ("0.11.3",)},
            ),
            "jax 0.12.0 runs on jaxlib 0.11.3",
            "jaxlib==0.12.0",
        ),
        (
            with_installed(GPU._replace(backend="gpu", devices=("NVIDIA L4",)), tensorflow="2.20"),
            "TensorFlow shares the GPU",
            "tensorflow-cpu",
        ),
        (
            HEALTHY._replace(cache_error="Read-only file system"),
            "(Read-only file system): every start compiles again",
            "JAX_COMPILATION_CACHE_DIR",
        ),
        (HEALTHY._replace(limited=True, memory=2 * GIB), "2.0 GiB", "smaller batches"),
        (HEALTHY._replace(vectors=128), "vectors of 128 bits", "AVX-512"),
    ],
)
def test_each_case_is_told_with_what_to_do(facts, problem, advice):
    found = diagnose(facts)
    assert any(problem in finding.problem and advice in finding.advice for finding in found), found


@pytest.mark.parametrize(
    "facts",
    [
        HEALTHY,
        HEALTHY._replace(loaded={"jax": "0.12.0", "jaxlib": "0.12.1"}, installed={}),
        with_installed(GPU._replace(backend="gpu"), jax_cuda13_plugin="0.12.0"),
        with_installed(GPU._replace(backend="gpu"), tensorflow_cpu="2.21"),
        TPU._replace(backend="tpu"),
        HEALTHY._replace(memory=2 * GIB),  # all there is
        HEALTHY._replace(memory=None, vectors=None, cache=None),
    ],
)
def test_what_is_right_is_left_alone(facts):
    assert diagnose(facts) == []


def test_the_summary_is_one_line():
    line = summary(HEALTHY._replace(backend="gpu", devices=("NVIDIA L4", "NVIDIA L4")))
    assert line == "jax 0.12.0 on gpu (2 x NVIDIA L4), 2 cores, 16.0 GiB"


def test_the_first_line_of_a_run_tells_of_the_gravest():
    assert headline(HEALTHY) == summary(HEALTHY)
    told = headline(GPU._replace(cache_error="Read-only file system")).splitlines()
    assert told[0] == summary(GPU)
    assert told[1].startswith("warning: there is an NVIDIA GPU, but JAX does not run on it: ")
    assert told[1].endswith("(and 1 more: --mode=doctor)")


def test_the_exit_code_says_whether_something_is_wrong(capsys):
    assert consult(HEALTHY) == 0
    assert capsys.readouterr().out.endswith("numpy 2.5.5\nnothing is wrong\n")
    assert consult(TPU) == 1
    assert "libtpu is not installed\n  pip install 'vaejax[tpu]'" in capsys.readouterr().out


def test_where_jax_does_not_start_the_cause_is_told_if_it_is_known():
    broken = {"backend": "", "devices": (), "failure": "Unable to initialize backend 'cuda'"}
    environment = {"JAX_PLATFORMS": "cuda"}
    (found,) = diagnose(HEALTHY._replace(**broken, environment=environment))
    assert "JAX does not start: Unable" in found.problem and "is 'cuda'" in found.advice
    (found,) = diagnose(GPU._replace(**broken, environment=environment))
    assert "its plugin is not installed" in found.problem
