"""The nearest to a misspelt name."""

from vaejax.core.names import nearest


def test_the_nearest_name_is_offered():
    valid = ("adam", "adagrad", "sgd")
    assert nearest("adm", valid) == nearest("adm", valid, likeness=0.6) == "adam"
    assert nearest("zzz", valid) in valid
    assert nearest("zzz", valid, likeness=0.6) is None
    assert nearest("adam", ()) is None
