"""Tables of text: aligned columns for a terminal, Markdown for a page."""

from collections.abc import Sequence

Rows = Sequence[Sequence[str]]
"""Cells by row and column; the first row is the header."""


def aligned(rows: Rows, *, width: int | None = None) -> str:
    """Columns of equal width, two spaces apart.

    Args:
        rows: all of the same length.
        width: characters of a line. What does not fit goes below, again with the first column.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    blocks: list[list[int]] = [[]]
    for column in range(1, len(widths)):
        line = [0, *blocks[-1], column]
        taken = sum(widths[c] for c in line) + 2 * (len(line) - 1)
        if width is not None and taken > width and blocks[-1]:
            blocks.append([])
        blocks[-1].append(column)
    return "\n\n".join(
        "\n".join("  ".join(row[c].ljust(widths[c]) for c in [0, *block]).rstrip() for row in rows)
        for block in blocks
    )


def markdown(rows: Rows) -> str:
    """A table of Markdown, its text as it is."""
    header, *body = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
