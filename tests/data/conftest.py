"""Fixtures of the data tests."""

import importlib.util

import pytest


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """Decoded pictures go to a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def tensorflow(monkeypatch):
    """Sets whether TensorFlow seems to be installed."""
    find_spec = importlib.util.find_spec

    def set_installed(installed):
        monkeypatch.setattr(
            importlib.util,
            "find_spec",
            lambda name, *args: (
                installed or None if name == "tensorflow" else find_spec(name, *args)
            ),
        )

    return set_installed
