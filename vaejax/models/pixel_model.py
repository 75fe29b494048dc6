"""Images without codes: an autoregressive network over pixels, and nothing else.

    log p(x | label) = sum_i log p(x_i | x_<i, label), exactly.

References: those of the networks in `vaejax.models.autoregressive`.
"""

import flax.linen as nn
import jax

from vaejax.core.checks import check_counts
from vaejax.distributions import Likelihood, bernoulli
from vaejax.models.autoregressive import PixelNetwork, Pixels, gated_pixelcnn
from vaejax.models.temperatures import pixel_temperature
from vaejax.models.vae import check_image_shape
from vaejax.nn.causal import NOTHING, Given
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import Array, Batch, Noise, Temperature, VAEOutput


class Autoregressive(nn.Module):
    """A model of images that are drawn pixel by pixel, of given classes or of none.

    Attributes:
        image_shape: (H, W, C).
        network: see `vaejax.models.autoregressive`.
        likelihood: of a pixel given those before it; see `vaejax.distributions.likelihood`.
        num_classes: that `label` [B] of a batch counts; 0 looks at no label.

    Raises:
        ValueError: an image shape that the network or the likelihood does not allow.
    """

    image_shape: tuple[int, int, int]
    network: PixelNetwork = gated_pixelcnn()
    likelihood: Likelihood = bernoulli()
    num_classes: int = 0

    def __post_init__(self):
        check_image_shape(self.image_shape, self.likelihood)
        check_counts(num_classes=(self.num_classes, 0))
        self.network.check(self.image_shape)
        super().__post_init__()

    def setup(self):
        self.pixels = Pixels(self.network, self.likelihood, self.image_shape)

    @property
    def num_dims(self) -> int:
        """Pixels times channels that are scored."""
        return self.likelihood.num_dims(self.image_shape)

    @nn.nowrap
    def noise(self, keys: Array) -> Noise:
        """Keys [B] for pixels and for what drops out, and classes [B] where there are such."""
        noise = {"pixels": part_keys(keys, 0)}
        if self.network.dropout:
            noise["dropout"] = part_keys(keys, 1)
        if self.num_classes:
            bounds = (0, self.num_classes)
            noise["label"] = draw_each(jax.random.randint, part_keys(keys, 2), (), *bounds)
        return noise

    def __call__(
        self, batch: Batch, *, noise: Noise | None = None, train: bool = False
    ) -> VAEOutput:
        """log p(x), or log p(x | label) of classes.

        Args:
            batch: `image` [B, H, W, C] in [0, 1], and `label` [B] of classes.
            noise: of what drops out in training.
            train: whether to train.
        """
        images = batch["image"]
        if images.shape[1:] != self.image_shape:
            raise ValueError(f"image: expected [B, *{self.image_shape}], got {images.shape}")
        dropout = noise.get("dropout") if train and noise is not None else None
        return VAEOutput(self.pixels(images, self._given(batch), dropout))

    def from_noise(self, noise: Noise, temperature: Temperature = 1.0, draw: bool = False) -> Array:
        """Images, drawn pixel by pixel whether asked to `draw` or not: there is no mean to show.

        Args:
            noise: of n images.
            temperature: of pixels; of several the first.
            draw: makes no difference.
        """
        del draw
        return self.pixels.draw(
            noise["pixels"], self._given(noise), pixel_temperature(temperature, 0)
        )

    def complete(
        self, batch: Batch, known: Array, noise: Noise, temperature: Temperature = 1.0
    ) -> Array:
        """Images of which some pixels are known, the others drawn given all before them.

        Args:
            batch: `image`, and `label` of classes.
            known: [B, H, W], 1 for pixels that stay as they are.
            noise: as for `from_noise`.
            temperature: likewise.
        """
        return self.pixels.draw(
            noise["pixels"],
            self._given(batch),
            pixel_temperature(temperature, 0),
            images=batch["image"],
            known=known,
        )

    def _given(self, where: Batch | Noise) -> Given:
        if not self.num_classes:
            return NOTHING
        if "label" not in where:
            raise ValueError("num_classes: expected batches with labels, got one without")
        return Given(vector=jax.nn.one_hot(where["label"], self.num_classes))
