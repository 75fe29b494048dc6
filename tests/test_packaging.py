"""What is installed: all of vaejax and nothing beside it, over what Colab ships."""

import configparser
import importlib.util
import pathlib
import re
import subprocess
import sys
import tarfile
import zipfile

import pytest
from packaging.requirements import Requirement

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
COLAB = (ROOT / ".ci" / "colab.txt").read_text()
SHIPPED = dict(re.findall(r"^([\w-]+)==(\S+)$", COLAB, re.MULTILINE))
ABSENT = {"importlib_resources", "ml-collections", "tqdm"}  # from that list: added, if need be
CONFIGS = sorted(path.name for path in (ROOT / "configs").glob("*.py"))


def listed(section: str, option: str) -> list[str]:
    lines = SETUP[section][option].splitlines()
    return [line.strip() for line in lines if line.strip()]


def test_every_folder_of_the_package_is_listed():
    folders = {path.parent for path in (ROOT / "vaejax").rglob("*.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert sorted(listed("options", "packages")) == sorted(names | {"vaejax.configs"})
    assert all((folder / "__init__.py").is_file() for folder in folders)


@pytest.mark.parametrize("text", listed("options", "install_requires"))
def test_what_colab_ships_is_not_replaced(text):
    requirement = Requirement(text)
    applies = not requirement.marker or requirement.marker.evaluate({"python_version": "3.13"})
    if applies and requirement.name not in ABSENT:
        assert requirement.specifier.contains(SHIPPED[requirement.name])


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
    expected |= {"vaejax/py.typed", *(f"vaejax/configs/{name}" for name in CONFIGS)}
    assert {name for name in installed if ".dist-info/" not in name} == expected
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(tracked) - packed <= {".gitignore"}
