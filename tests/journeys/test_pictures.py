"""Somebody with 200 pictures of mixed kinds: trained on, encoded, reconstructed, interpolated."""

import numpy as np
from PIL import Image

from tests.journeys.walking import walk

SCRIPT = """
python -m vaejax.main --config=own:smoke --data=pictures --size=32 --config.data.skip_damaged=True --workdir=runs/mine
python -m vaejax.main --workdir=runs/mine --mode=encode --images=pictures
python -m vaejax.main --workdir=runs/mine --mode=reconstruct --images=pictures
python -m vaejax.main --workdir=runs/mine --mode=interpolate --images=pictures
python -m vaejax.main --workdir=runs/mine --mode=sample
"""  # noqa: E501
KINDS = (("RGB", "png"), ("RGB", "jpg"), ("L", "png"), ("RGBA", "png"), ("P", "gif"))
KINDS += (("RGB", "bmp"), ("CMYK", "tif"), ("RGB", "webp"))


def write_pictures(folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(199):
        mode, suffix = KINDS[i % len(KINDS)]
        height, width = rng.integers(40, 90, 2)
        pixels = np.full((height, width, 3), rng.integers(0, 256, 3), np.uint8)
        pixels[height // 4 : height // 2, width // 4 : width // 2] = rng.integers(0, 256, 3)
        Image.fromarray(pixels).convert(mode).save(folder / f"{i}.{suffix}")
    (folder / "199.png").write_bytes(b"not a picture")


def test_pictures_of_mixed_kinds(tmp_path):
    write_pictures(tmp_path / "pictures")
    trained, *asked = walk(SCRIPT, tmp_path)
    assert "199 of 200 files" in trained.out + trained.err
    for said in asked:
        written = [word.rstrip(".,:;") for word in said.out.split() if "runs/mine/" in word]
        assert written and all((tmp_path / path).exists() for path in written), said.out
    (codes,) = (tmp_path / "runs/mine").glob("codes_*.npz")
    with np.load(codes) as arrays:
        assert 199 in {len(arrays[name]) for name in arrays.files if arrays[name].ndim}
