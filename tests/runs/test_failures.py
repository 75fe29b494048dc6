"""A failure that is survived is a line, and a traceback in a file."""

import pytest

from vaejax.runs.failures import survived


def test_a_failure_is_a_line_and_a_traceback(tmp_path):
    said = []
    for number in range(2):
        with survived(f"step {number}, samples", tmp_path, said.append):
            raise ValueError("no colours\nat all")
    assert said[0] == (
        f"step 0, samples: ValueError: no colours; traceback in {tmp_path / 'errors.txt'}"
    )
    assert len(said) == 2
    text = (tmp_path / "errors.txt").read_text()
    assert text.count("Traceback (most recent call last)") == 2
    assert "step 1, samples\n" in text and 'raise ValueError("no colours' in text


def test_what_succeeds_says_nothing(tmp_path):
    with survived("step 1", tmp_path, print):
        pass
    assert not list(tmp_path.iterdir())


def test_errors_that_end_a_run_pass_through(tmp_path):
    passed = (FloatingPointError,)
    with pytest.raises(passed), survived("step 1", tmp_path, print, unless=passed):
        raise FloatingPointError
    with pytest.raises(KeyboardInterrupt), survived("step 1", tmp_path, print):
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone_ends_nothing(tmp_path):
    said = []
    with survived("step 1", tmp_path / "gone", said.append):
        raise OSError
    assert len(said) == 1


def test_nothing_is_written_through_a_link(tmp_path):
    profile = tmp_path / "profile"
    profile.write_text("mine\n")
    run = tmp_path / "run"
    run.mkdir()
    (run / "errors.txt").symlink_to(profile)
    said = []
    with survived("step 1", run, said.append):
        raise ValueError("\nrm -r")
    assert profile.read_text() == "mine\n" and len(said) == 1
