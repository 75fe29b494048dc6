"""Messages that know factors by their places come to call them by their names."""

import warnings

import pytest

from vaejax.metrics.naming import factors_named, said_of, with_names


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("factors: column 1 is constant", "factors: hue is constant"),
        ("factors: column 0 and column 1", "factors: size and hue"),
        ("codes: column 1 is constant", "codes: column 1 is constant"),
        ("codes: column 1; factors: column 0", "codes: column 1; factors: size"),
        ("factors: column 2 of others", "factors: column 2 of others"),
        ("column 1", "column 1"),
    ],
)
def test_only_columns_of_factors_are_named(text, named):
    assert with_names(text, ["size", "hue"]) == named


def test_warnings_and_errors_name_the_factors():
    with pytest.warns(UserWarning, match="^factors: hue is rare$"), factors_named(["size", "hue"]):
        warnings.warn("factors: column 1 is rare", stacklevel=1)
    with (
        pytest.raises(ValueError, match="^factors: size varies$"),
        factors_named(["size", "hue"]),
    ):
        raise ValueError("factors: column 0 varies")


def test_a_note_is_said_once_with_its_scores_unless_it_is_of_all():
    notes = [("mig", "few"), ("sap", "few"), ("mig", "rare"), ("irs", "few")]
    assert said_of(notes, 3) == ["few", "mig: rare"]
    assert said_of(notes, 4) == ["mig, sap, irs: few", "mig: rare"]
