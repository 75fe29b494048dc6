"""The benchmark of NVAE's step: it counts right, takes turns, and runs beside PyTorch if there."""

import argparse
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent / "experiments" / "benchmarks"


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def count(function, *shapes):
    from arithmetic import count_flops

    return count_flops(jax.make_jaxpr(function)(*map(jnp.zeros, shapes)).jaxpr)


def convolve(x, kernel, **settings):
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(
        x, kernel, padding="SAME", dimension_numbers=numbers, **settings
    )


def test_products_are_counted():
    assert count(lambda a, b: a @ b, (2, 3), (3, 5)) == 2 * 2 * 3 * 5
    assert count(lambda a, b: jnp.einsum("bij,bjk->bik", a, b), (7, 2, 3), (7, 3, 5)) == 7 * 60


def test_loops_count_as_often_as_they_run():
    def repeated(a):
        return jax.lax.scan(lambda c, _: (jax.jit(jnp.dot)(c, a), None), a, length=6)[0]

    assert count(repeated, (4, 4)) == 6 * 2 * 4**3


@pytest.mark.parametrize(("stride", "groups"), [(1, 1), (2, 1), (1, 6)])
def test_gradients_of_a_convolution_cost_what_it_costs(stride, groups):
    """Two of them, as much each; zeros that stand between dilated inputs are not work."""

    def forward(x, kernel):
        return convolve(
            x, kernel, window_strides=(stride, stride), feature_group_count=groups
        ).sum()

    shapes = (2, 8, 8, 6), (4, 4, 6 // groups, 6)
    expected = 2 * (2 * (8 // stride) ** 2 * 6) * (4 * 4 * 6 // groups)
    assert count(forward, *shapes) == expected
    assert count(jax.value_and_grad(forward, (0, 1)), *shapes) == 3 * expected


def test_variants_take_turns():
    from interleaved import measure

    order = []
    times = measure({name: lambda name=name: order.append(name) for name in "ab"}, 2)
    assert order == ["a", "b"] * 3
    assert all(0 <= seconds.cpu < 1 for seconds in times.values())


@pytest.mark.slow
def test_the_benchmark_runs():
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(BENCHMARKS.parent.parent),
    }
    command = [sys.executable, str(BENCHMARKS / "nvae_step.py"), "--configs=tiny", "--rounds=1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert rows.count("vaejax") == 1
    assert rows.count("torch") == 2 or "PyTorch is not installed" in done.stdout


def test_drawing_is_timed_against_passes_that_say_the_same():
    import drawing

    network = drawing.NETWORKS["gated_pixelcnn"].network.clone(features=4, num_layers=1)
    row = drawing.row(network, (1, 3, 3, 3), 1)
    assert row.parameters > 0
    assert min(row.drawn, row.naive) > 0
    assert row.difference <= drawing.MOST_DIFFERENCE
    with pytest.raises(argparse.ArgumentTypeError, match="expected some of.*'pixelcnn'"):
        drawing.names("gated_pixelcnn,pixelcnn")
