"""The direction in which codes differ between images with an attribute and images without it.

References:
    Larsen et al., Autoencoding beyond pixels using a learned similarity metric, 2016, section 4.2.
    Kingma & Dhariwal, Glow, 2018, section 5.
"""

import numpy as np

from vaejax.types import AnyArray


def attribute_directions(codes: AnyArray, attributes: AnyArray) -> np.ndarray:
    """Mean codes with each attribute minus mean codes without it, float32 [A, ...].

    Args:
        codes: [N, ...].
        attributes: [N, A], 1 for the images that have it and 0 for those that have it not.

    Raises:
        ValueError: an attribute is something else, or all or none of the images have it.
    """
    codes = np.asarray(codes)
    values = np.asarray(attributes)
    if values.ndim != 2 or len(values) != len(codes):
        raise ValueError(f"attributes: expected [{len(codes)}, A], got {values.shape}")
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"attributes: expected 0 and 1, got {values.min()} .. {values.max()}")
    has = values.astype(bool)
    if constant := np.flatnonzero(has.all(0) | ~has.any(0)).tolist():
        raise ValueError(
            f"attributes: expected images with and without each, got the same in all: {constant}"
        )
    flat = codes.reshape(len(codes), -1).astype(np.float64)
    with_it, without = (some.T.astype(np.float64) @ flat for some in (has, ~has))  # [A, P]
    counts = has.sum(0)[:, None]
    difference = with_it / counts - without / (len(codes) - counts)
    return difference.reshape(values.shape[1], *codes.shape[1:]).astype(np.float32)
