"""A student: what is there, a first picture, more steps, samples."""

from tests.journeys.walking import walk

SCRIPT = """
python -m vaejax.main --mode=list
python -m vaejax.main --config=quickstart:smoke --workdir=runs/first
python -m vaejax.main --workdir=runs/first --config.train.num_steps=8
python -m vaejax.main --workdir=runs/first --mode=sample --temperature=0.7
"""


def test_a_first_picture(tmp_path):
    listed, trained, resumed, sampled = walk(SCRIPT, tmp_path)
    assert "quickstart" in listed.out
    figures = tmp_path / "runs/first/figures"
    assert list(figures.glob("traversals*.png")) and list(figures.glob("samples*.png"))
    for said in (trained, resumed):
        assert "elbo" in said.out + said.err and "figures" in said.out
    assert "resum" in (resumed.out + resumed.err).lower()
    assert ".png" in sampled.out
