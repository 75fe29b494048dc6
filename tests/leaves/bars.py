"""A data set: a bar in one of eight rows, dark or bright, with labels and factors."""

import jax.numpy as jnp
import numpy as np

from vaejax.data import Source, Splits, holdout

ROWS, LEVELS = 8, 4


class Bars(Source):
    """400 images of 8 x 8, drawn on the device from their factors (row, brightness)."""

    image_shape = (8, 8, 1)
    factor_names = ("row", "brightness")
    factor_sizes = (ROWS, LEVELS)
    num_labels = ROWS

    def __len__(self):
        return 400

    def fetch(self, indices):
        return {"factors": self.factors(indices)}

    def decode(self, raw, rng):
        row, level = raw["factors"].T
        bar = (jnp.arange(8)[None] == row[:, None]) * (0.25 + 0.25 * level)[:, None]  # [B, H]
        images = jnp.broadcast_to(bar[:, :, None, None], (len(row), *self.image_shape))
        return {"image": images, "label": row, "factors": raw["factors"]}

    def factors(self, indices):
        indices = np.asarray(indices)
        return np.stack([indices % ROWS, indices // ROWS % LEVELS], axis=1).astype(np.int32)


def bars() -> Splits:
    return holdout(Bars())
