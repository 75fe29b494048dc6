"""What the README shows works: the import example runs, the files it names exist."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def test_import_example_runs():
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(example, names)
    assert int(names["state"].step) == 1
    assert names["metrics"]["kl_dims/0"].shape == (10,)


@pytest.mark.parametrize("document", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]))
def test_links_and_pictures_exist(document):
    for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
        if not link.startswith("http"):
            assert (document.parent / link).exists(), link


def test_commands_name_what_is_there():
    configs = re.findall(r"--config=(\S+\.py)", README)
    assert configs
    for config in configs:
        assert (ROOT / config).exists()
    assert "python -m pytest" in README
    listed = re.findall(r"`(\w+)`", re.search(r"\| configurations \|(.*)\|", README)[1])
    present = {path.stem for path in (ROOT / "configs").glob("[a-z]*.py")}
    assert present == set(listed) - {"smoke"}
