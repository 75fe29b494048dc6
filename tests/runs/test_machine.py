"""What is found out about the machine at hand, and about folders and files made here."""

import os

import jax
import pytest

from vaejax.runs import machine


def test_the_facts_of_this_machine():
    facts = machine.facts()
    assert facts.backend == jax.default_backend()
    assert len(facts.devices) == jax.device_count()
    assert facts.loaded["jax"] == jax.__version__
    assert facts.installed["jax"] == (jax.__version__,)
    assert facts.cores >= 1
    assert facts.memory is None or facts.memory > 2**28


def test_all_versions_of_a_distribution_are_found(tmp_path):
    for folder, name, version in (("a", "jaxlib", "0.7.2"), ("b", "jaxlib", "0.12.0")):
        info = tmp_path / folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    found = machine.installed(path=[str(tmp_path / "a"), str(tmp_path / "b")])
    assert found == {"jaxlib": ("0.7.2", "0.12.0")}


def test_a_cache_that_cannot_be_written_to_is_found(tmp_path):
    assert machine.error_of_writing(None) == ""
    assert machine.error_of_writing(str(tmp_path / "new" / "cache")) == ""
    (tmp_path / "file").write_text("")
    assert machine.error_of_writing(str(tmp_path / "file" / "cache")) != ""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere"
)
def test_a_folder_without_permission_is_found(tmp_path):
    tmp_path.chmod(0o500)
    assert machine.error_of_writing(str(tmp_path)) != ""
