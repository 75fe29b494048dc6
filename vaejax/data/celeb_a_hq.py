"""CelebA-HQ: 30,000 photographs of faces, restored and aligned, through tfds.

Karras, Aila, Laine, Lehtinen, "Progressive growing of GANs for improved quality, stability, and
variation", ICLR 2018; for non-commercial research only.
"""

import os

from vaejax.data.arrays import ArraySource
from vaejax.data.prepared import picture_of, prepared
from vaejax.data.source import Splits, holdout
from vaejax.data.transforms import transformed

IMAGE_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # tfds has no others


def celeb_a_hq(
    *,
    image_size: int = 256,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    flip: bool = False,
    bits: int = 8,
) -> Splits:
    """CelebA-HQ in two splits, a fixed random 90 % `train` (27,000) and 10 % `test` (3,000).

    Those are the sizes of Glow's split, which NVAE reports on; but tfds has one split only, so
    which faces are held out differs from there.

    Nothing is downloaded: the authors give away what restores the pictures from CelebA's, see
    https://github.com/tkarras/progressive_growing_of_gans.

    Args:
        image_size: pixels a side, one of `IMAGE_SIZES`.
        data_dir: folder of prepared tfds data sets; None: tfds' own (`$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`).
        manual_dir: folder with the archive of PNG files of this size, `data256x256.tar`.
        flip: random horizontal flips of the train split.
        bits: of each pixel and channel, see `transforms.Quantized`; NVAE takes 5.

    Raises:
        ValueError: the data set is not prepared and cannot be; the message says what it takes.
    """
    if image_size not in IMAGE_SIZES:
        raise ValueError(f"image_size: expected one of {IMAGE_SIZES}, got {image_size}")
    splits = prepared(
        f"celeb_a_hq/{image_size}",
        files=(f"data{image_size}x{image_size}.tar",),
        data_dir=data_dir,
        manual_dir=manual_dir,
    )
    faces = splits["train"].decoded("faces", (image_size, image_size, 3), picture_of)
    return transformed(holdout(ArraySource(faces)), flip=flip, bits=bits)
