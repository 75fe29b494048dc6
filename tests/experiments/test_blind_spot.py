"""What networks see of the pixels before: all of them, but for masked convolutions in a row."""

import json

import pytest

from experiments import lecture_autoregressive


@pytest.mark.slow
def test_masked_convolutions_have_a_blind_spot_and_two_streams_have_none(tmp_path, capsys):
    """The whole command; numbers of section 1.16 of the reference."""
    pytest.importorskip("matplotlib")
    lecture_autoregressive.run(tmp_path / "page")
    rows = json.loads((tmp_path / "page" / "results.json").read_text())["blind_spot"]
    assert [(row["network"], row["seen"]) for row in rows] == [
        ("masked 3 x 3", 116), ("Gated PixelCNN", 144), ("PixelSNAIL", 144),
    ]  # fmt: skip
    assert all(row["past"] == 144 and row["leaks"] == 0 for row in rows)
    assert (tmp_path / "page" / "blind_spot.png").exists()
    assert "| masked 3 x 3 " in capsys.readouterr().out
