"""What all tests share: strict shapes, 8 virtual devices, a compilation cache, real data if any."""

import os
import pathlib
import resource
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_rank_promotion", "raise")
# Compile time is what tests spend: keep what was compiled from one test run to the next.
jax.config.update(
    "jax_compilation_cache_dir",
    os.environ.get("JAX_COMPILATION_CACHE_DIR", os.path.expanduser("~/.cache/vaejax/tests")),
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# What `--quick` runs: minutes, and most of what can break with other versions of the libraries.
QUICK = (
    "training/test_step.py",
    "core/test_mesh.py",
    "runs/test_checkpoint.py",
    "core/test_randomness.py",
    "distributions/",
    "models/test_conv_vae.py",
    "objectives/test_elbo.py",
    "objectives/test_factor_vae.py::test_one_step",
    "objectives/test_penalties.py",
    "objectives/test_total_correlation.py",
    "test_golden_losses.py::test_losses_are_the_golden_ones[betavae_frey]",  # dense
    "test_golden_losses.py::test_losses_are_the_golden_ones[betavae_dsprites]",  # convolutions
)
MEMORY = 2 * 2**20  # KiB at which what earlier tests compiled is let go; all of it takes 6 GiB
ROOT = pathlib.Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="a part of the tests, in minutes")


def pytest_ignore_collect(collection_path: pathlib.Path, config: pytest.Config) -> bool | None:
    if not config.getoption("--quick") or collection_path.is_dir():
        return None
    name = collection_path.relative_to(ROOT / "tests").as_posix()
    return None if name.startswith(tuple(quick.split("::")[0] for quick in QUICK)) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--quick"):
        items[:] = [i for i in items if i.nodeid.removeprefix("tests/").startswith(QUICK)]


@pytest.fixture(scope="session")
def shared() -> pathlib.Path:
    """The folder with real data and reference arrays, beside the checkout or in $VAEJAX_SHARED."""
    folder = pathlib.Path(os.environ.get("VAEJAX_SHARED", ROOT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip("needs the real data and reference arrays ($VAEJAX_SHARED or ../shared)")
    return folder


@pytest.fixture(scope="session")
def vectors(request) -> Callable[[str], pathlib.Path]:
    """From names to files of arrays that official implementations made of random inputs.

    Those of a few MB are in `golden/`; the largest is beside the checkout, if anywhere.
    """

    def path_of(name: str) -> pathlib.Path:
        kept = ROOT / "tests" / "golden" / name
        if kept.is_file():
            return kept
        return request.getfixturevalue("shared") / "reference" / "vectors" / name

    return path_of


@pytest.fixture(scope="module", autouse=True)
def bounded_memory():
    """A file of tests may leave behind compiled programs that no other file runs."""
    yield
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MEMORY:
        jax.clear_caches()


@pytest.fixture
def rng() -> jax.Array:
    return jax.random.key(0)


@pytest.fixture(scope="session")
def bar_images(tmp_path_factory) -> pathlib.Path:
    """A file of 100 images of 8 x 8: a bright bar in one of the rows."""
    path = tmp_path_factory.mktemp("data") / "bars.npy"
    images = np.zeros((100, 8, 8), np.uint8)
    images[np.arange(100), np.arange(100) % 8] = 255
    np.save(path, images)
    return path


@pytest.fixture
def config_file(bar_images, tmp_path) -> pathlib.Path:
    """A configuration for command lines: four steps of a dense network on the bars."""
    path = tmp_path / "config.py"
    path.write_text(
        "from vaejax.runs.config import run_config\n"
        "def get_config():\n"
        "    return run_config(\n"
        f"        data=dict(name='array', path={str(bar_images)!r}),\n"
        "        model=dict(name='ConvVAE', preset='burda', latent_size=2),\n"
        "        objective=dict(name='elbo', beta=1.0),\n"
        "        optimizer=dict(name='adam', learning_rate=1e-3),\n"
        "        train=dict(num_steps=4, batch_size=8, log_every=2, eval_every=4),\n"
        "        eval=dict(bound=dict(split='test', batch_size=8)),\n"
        "    )\n"
    )
    return path


@pytest.fixture(scope="session")
def tiny_batch() -> dict[str, jax.Array]:
    """Sixteen 8 x 8 grey images: smooth blobs at random places."""
    centres = jax.random.uniform(jax.random.key(7), (16, 2), minval=2.0, maxval=6.0)
    rows, columns = jnp.meshgrid(jnp.arange(8.0), jnp.arange(8.0), indexing="ij")

    def blob(centre):
        return jnp.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 4.0)

    return {"image": jax.vmap(blob)(centres)[..., None]}
