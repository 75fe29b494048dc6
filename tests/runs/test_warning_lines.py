"""Warnings of a command: what is printed, and how often."""

import warnings

from vaejax.runs.warning_lines import warnings_in_a_line, warnings_once, warnings_told


def give(*texts):
    for text in texts:
        with warnings.catch_warnings():  # as scores do; then Python forgets what it has printed
            warnings.simplefilter("always")
            warnings.warn(text, stacklevel=1)


def test_a_warning_is_a_line_without_its_place():
    place = UserWarning, "file.py", 3
    with warnings_in_a_line():
        assert warnings.formatwarning("600 points", *place) == "warning: 600 points\n"
    assert "file.py" in warnings.formatwarning("600 points", *place)


def test_the_same_is_said_once_within_the_context():
    with warnings.catch_warnings(record=True) as caught:
        with warnings_once():
            give("600 points", "no interval", "600 points")
        give("600 points")
    assert [str(warning.message) for warning in caught] == [
        "600 points",
        "no interval",
        "600 points",
    ]


def test_what_is_told_is_not_shown():
    told = []
    with warnings.catch_warnings(record=True) as caught, warnings_told(told.append):
        give("600 points", "600 points")
    assert told == ["600 points"] * 2 and not caught
