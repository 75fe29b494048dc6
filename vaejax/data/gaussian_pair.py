"""Two correlated Gaussian numbers: the toy data of posterior collapse.

Where they are independent a decoder with a diagonal covariance does without the code, which then
dies; where they are not the code has to carry what they share; a decoder with a full covariance
never needs it. What there is to carry is known: `distributions.wyner_information`.
"""

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.checks import check_counts, check_number
from vaejax.data.source import Raw, Source, Splits
from vaejax.types import Array, Batch


class GaussianPair(Source):
    """N points of N(0, [[1, r], [r, 1]]), as images of one pixel with two channels.

    They are random but for their mean and covariance, which are exactly those of the law: the
    cross-entropy of the points under it is its entropy. They leave [0, 1]; pictures show quantiles.

    Args:
        correlation: r.
        num_examples: N, at least 3.
        seed: of the points.
    """

    image_shape = (1, 1, 2)
    in_unit_interval = False

    def __init__(self, correlation: float, num_examples: int, seed: int):
        noise = np.random.default_rng(seed).normal(size=(num_examples, 2))
        noise -= noise.mean(0)
        noise = np.linalg.solve(np.linalg.cholesky(noise.T @ noise / num_examples), noise.T)
        root = np.linalg.cholesky([[1.0, correlation], [correlation, 1.0]])
        self._points = (root @ noise).T.astype(np.float32)[:, None, None]  # [N, 1, 1, 2]

    def __len__(self) -> int:
        return len(self._points)

    def fetch(self, indices: np.ndarray) -> Raw:
        return {"image": self._points[indices]}

    def decode(self, raw: Raw, rng: Array) -> Batch:
        del rng
        return {**raw, "image": jnp.asarray(raw["image"])}

    def pictures(self, images: Array) -> Array:
        return jax.scipy.stats.norm.cdf(images)


def gaussian_pair(correlation: float = 0.9, *, num_examples: int = 10_000) -> Splits:
    """Two Gaussian numbers of unit variance, splits `train` and `test`, each of `num_examples`.

    Args:
        correlation: r in (-1, 1); 0 is the diagonal ("univariate") case, any other the
            multivariate one.
        num_examples: of each split.
    """
    check_number("correlation", correlation, lambda r: -1 < r < 1, "a number in (-1, 1)")
    check_counts(num_examples=(num_examples, 3))
    return {
        split: GaussianPair(correlation, num_examples, seed)
        for seed, split in enumerate(("train", "test"))
    }
