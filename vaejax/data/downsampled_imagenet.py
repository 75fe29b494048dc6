"""ImageNet's photographs made small, 1,281,149 to train on and 49,999 to validate, through tfds.

van den Oord, Kalchbrenner, Kavukcuoglu, "Pixel recurrent neural networks", ICML 2016. There is
another set of small ImageNet pictures (Chrabaszcz et al., 2017); likelihoods under the two are not
comparable.
"""

import os

from vaejax.data.arrays import ArraySource
from vaejax.data.prepared import picture_of, prepared
from vaejax.data.source import Splits
from vaejax.data.transforms import transformed

IMAGE_SIZES = (32, 64)


def downsampled_imagenet(
    *,
    image_size: int = 32,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    flip: bool = False,
    bits: int = 8,
) -> Splits:
    """Small ImageNet, official splits `train` and `validation`, without classes.

    Args:
        image_size: pixels a side, one of `IMAGE_SIZES`.
        data_dir: folder of prepared tfds data sets; None: tfds' own (`$TFDS_DATA_DIR`,
            `~/tensorflow_datasets`).
        manual_dir: folder with the archives of this size, `train_32x32.tar` and `valid_32x32.tar`;
            None: they are downloaded.
        flip: random horizontal flips of the train split.
        bits: of each pixel and channel, see `transforms.Quantized`.

    Raises:
        ValueError: the data set is not prepared and cannot be; the message says what it takes.
    """
    if image_size not in IMAGE_SIZES:
        raise ValueError(f"image_size: expected one of {IMAGE_SIZES}, got {image_size}")
    size = f"{image_size}x{image_size}"
    splits = prepared(
        f"downsampled_imagenet/{size}",
        files=(f"train_{size}.tar", f"valid_{size}.tar"),
        data_dir=data_dir,
        manual_dir=manual_dir,
    )
    shape = (image_size, image_size, 3)
    sources = {
        name: ArraySource(records.decoded("pictures", shape, picture_of))
        for name, records in splits.items()
    }
    return transformed(sources, flip=flip, bits=bits)
