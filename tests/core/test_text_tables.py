from vaejax.core.text_tables import aligned, markdown

ROWS = [("point", "first", "second"), ("a", "1", ""), ("long name", "2", "3")]


def test_columns_are_aligned():
    assert aligned(ROWS).splitlines() == [
        "point      first  second",
        "a          1",
        "long name  2      3",
    ]


def test_what_is_too_wide_goes_below():
    assert aligned(ROWS, width=20).splitlines() == [
        "point      first",
        "a          1",
        "long name  2",
        "",
        "point      second",
        "a",
        "long name  3",
    ]
    assert aligned(ROWS, width=1) == aligned(ROWS, width=20)


def test_markdown():
    assert markdown([("a|b", "c"), ("1", "")]) == "| a\\|b | c |\n| --- | --- |\n| 1 |  |"
