"""What is installed: all of vaejax and nothing beside it, over what Colab ships."""

import configparser
import importlib.util
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
COLAB = ROOT / ".ci" / "colab.txt"
CONFIGS = sorted(path.name for path in (ROOT / "configs").glob("*.py"))


def listed(section: str, option: str) -> list[str]:
    lines = SETUP[section][option].splitlines()
    return [line.strip() for line in lines if line.strip()]


def test_every_folder_of_the_package_is_listed():
    folders = {path.parent for path in (ROOT / "vaejax").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(listed("options", "packages")) == names | {"vaejax.configs"}
    assert all((folder / "__init__.py").is_file() for folder in folders)


@pytest.mark.parametrize("text", listed("options", "install_requires"))
def test_what_colab_ships_is_not_replaced(text):
    """The version there satisfies what is required; what is not there is added beside it."""
    lines = [line.split("#")[0].strip() for line in COLAB.read_text().splitlines()]
    there = dict(line.split("==") for line in lines if line)
    requirement = Requirement(text)
    environment = {"python_version": "3.13", "python_full_version": "3.13.0"}
    if requirement.marker and not requirement.marker.evaluate(environment):
        return
    assert requirement.specifier.contains(there[requirement.name])


@pytest.mark.parametrize("extra", ["cuda12", "cuda13", "gpu", "tpu"])
def test_extras_of_accelerators_leave_the_version_of_jax_alone(extra):
    (text,) = listed("options.extras_require", extra)
    requirement = Requirement(text)
    assert requirement.name == "jax" and not requirement.specifier
    assert requirement.extras == {"cuda12" if extra == "gpu" else extra}


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("build"), reason="needs build")
def test_the_wheel_holds_vaejax_alone_and_the_sdist_all_of_the_checkout(tmp_path):
    command = [sys.executable, "-m", "build", "--quiet", "--outdir", tmp_path, ROOT]
    subprocess.run(command, check=True)  # the wheel is built from the sdist
    (wheel,), (sdist,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    installed = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0] for name in installed if ".dist-info/" not in name} == {"vaejax"}
    expected = {path.relative_to(ROOT).as_posix() for path in (ROOT / "vaejax").rglob("*.py")}
    expected |= {f"vaejax/configs/{name}" for name in CONFIGS}
    assert {name for name in installed if ".dist-info/" not in name} == expected
    packed = {name.partition("/")[2] for name in tarfile.open(sdist).getnames()}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) - packed <= {".gitignore"}
