"""What models with latent codes have in common, whatever their networks.

The public methods are those that `vaejax.objectives.views` looks for. A subclass says what its
latents are and implements four steps; what draws is made of the noise that is handed in.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Likelihood, sum_events
from vaejax.models.autoregressive import PixelNetwork, Pixels
from vaejax.models.temperatures import per_group, pixel_temperature
from vaejax.nn.causal import Given
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import (
    Array,
    Batch,
    Codes,
    Distribution,
    Latent,
    Noise,
    Temperature,
    VAEOutput,
)


class VAE(nn.Module):
    """A model of images [B, H, W, C] in [0, 1] with groups of latents.

    Attributes:
        image_shape: (H, W, C).
        likelihood: p(x | z), or of a pixel given those before it and z; see
            `vaejax.distributions.likelihood`.
        autoregressive: network over pixels, whose images are drawn pixel by pixel; None for pixels
            that are independent given z. See `vaejax.models.autoregressive`.
    """

    @property
    def posterior_parts(self) -> tuple[str, ...]:
        """Names of the top-level subtrees of parameters that q(z | x) alone depends on.

        There are none where it shares its path with p(x, z).
        """
        return ()

    if TYPE_CHECKING:  # each declares them itself, in the order of its arguments
        image_shape: tuple[int, int, int]
        likelihood: Likelihood
        autoregressive: PixelNetwork | None
    else:
        autoregressive = None

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes in every group, top first: (h, w, D) or (D,)."""
        raise NotImplementedError

    @property
    def num_dims(self) -> int:
        """Pixels times channels that are scored."""
        return self.likelihood.num_dims(self.image_shape)

    @nn.nowrap
    def noise(self, keys: Array) -> Noise:
        """Standard normal noise [B, *shape] of every group, and keys [B] for pixels."""
        latent = tuple(
            draw_each(jax.random.normal, part_keys(keys, group), shape)
            for group, shape in enumerate(self.latent_shapes)
        )
        noise = {"latent": latent, "pixels": part_keys(keys, len(latent))}
        if self.autoregressive is not None and self.autoregressive.dropout:
            noise["dropout"] = part_keys(keys, len(latent) + 1)
        return noise

    def __call__(
        self,
        batch: Batch,
        *,
        noise: Noise | None = None,
        codes: Sequence[Array] | None = None,
        train: bool = False,
    ) -> VAEOutput:
        """One pass: codes of the images, and how likely the images are given them.

        Args:
            batch: `image` [B, H, W, C] in [0, 1].
            noise: to draw the codes with.
            codes: one array [B, *shape] per group, top first, in place of draws.
            train: whether to train.
        """
        if (noise is None) == (codes is None):
            raise ValueError("noise: expected either noise or codes")
        images = self._checked_images(batch)
        if codes is not None:
            self._check("codes", codes, len(images))
        features, latents = self._infer(images, self._latent_noise(noise, images), codes, train)
        outputs = self._outputs(features, train)
        if self.autoregressive is None:
            log_px = sum_events(self._distribution(outputs).log_prob(images))
        else:
            dropout = noise.get("dropout") if train and noise is not None else None
            log_px = self.pixels(images, _given(outputs), dropout)
        return VAEOutput(log_px, latents)

    def encode(self, batch: Batch, noise: Noise | None = None) -> tuple[Latent, ...]:
        """The latents of images, top group first.

        Args:
            batch: as in the call.
            noise: to draw the codes `z` with; without, they are the means, and every group is given
                those of the groups that it depends on. A `kl` in closed form is exact either way;
                one that is estimated is an estimate only for drawn codes.
        """
        images = self._checked_images(batch)
        return self._infer(images, self._latent_noise(noise, images), None, train=False)[1]

    def to_noise(self, batch: Batch) -> Noise:
        """The noise of which `from_noise` makes the reconstructions of images from mean codes."""
        images = self._checked_images(batch)
        latent = self._standardised(images)
        if any(noise is None for noise in latent):
            raise ValueError("prior: expected one whose codes can be turned into noise")
        return {"latent": latent, "pixels": jax.random.split(jax.random.key(0), len(images))}

    def from_noise(
        self,
        noise: Noise,
        temperature: Temperature = 1.0,
        draw: bool = False,
        train: bool = False,
    ) -> Array:
        """Images of draws of the prior: means of p(x | z), or draws of it.

        Args:
            noise: of n images.
            temperature: multiplies the standard deviations of the priors: one number, or one per
                group, top first. Of pixels that are drawn one by one it is the temperature as well;
                of a sequence one more number is.
            draw: whether to draw pixels; an autoregressive network draws them in any case.
            train: whether to take (and keep) the batch statistics of these samples.
        """
        features, _ = self._generated(noise, temperature, train)
        return self._images(features, noise["pixels"], temperature, train, draw)

    def decode(self, codes: Codes, keys: Array, temperature: Temperature = 1.0) -> Array:
        """Images of codes of some or all groups.

        Args:
            codes: of the first groups, or of all with None among them; the others are drawn from
                their priors.
            keys: [B], one per image, for what is drawn.
            temperature: as in `from_noise`, for what is drawn.
        """
        noise, shapes = self.noise(keys), self.latent_shapes
        codes = [*codes, *[None] * (len(shapes) - len(codes))]
        self._check("codes", codes, len(keys), holes=True)
        features, _ = self._generated(noise, temperature, train=False, codes=codes)
        return self._images(features, noise["pixels"], temperature)

    def prior_codes(self, noise: Noise) -> Codes:
        """Codes of the prior, of every group."""
        return self._generated(noise, 1.0, train=False)[1]

    def _infer(
        self,
        images: Array,
        noise: Sequence[Array],
        codes: Sequence[Array] | None,
        train: bool,
    ) -> tuple[Any, tuple[Latent, ...]]:
        """Features for `_outputs` and the latents, of draws by noise or of given codes."""
        raise NotImplementedError

    def _generate(
        self, noise: Sequence[Array], codes: Codes, scales: Sequence[float], train: bool
    ) -> tuple[Any, tuple[Array, ...]]:
        """Features for `_outputs` and all codes; those that are None are drawn of the priors."""
        raise NotImplementedError

    def _standardised(self, images: Array) -> tuple[Array | None, ...]:
        """The noise of which the priors make the mean codes of images; None where none is known."""
        raise NotImplementedError

    def _outputs(self, features: Any, train: bool) -> Array:
        """What p(x | z) is made of, [B, H, W, num_outputs]; a vector [B, E] where one is given."""
        raise NotImplementedError

    @property
    def num_outputs(self) -> int:
        """Numbers per pixel of the decoder: of p(x | z), or what a network over pixels is given."""
        if self.autoregressive is not None:
            return self.autoregressive.map_features
        return self.likelihood.num_outputs(self.image_shape[-1])

    @nn.nowrap  # it is called before there is a module
    def _check_pixels(self, has_vector: bool = False) -> None:
        """Raise ValueError unless the pixels' network takes such images and what it is given.

        Args:
            has_vector: whether there is a single vector of codes that it may be given.
        """
        if self.autoregressive is None:
            return
        self.autoregressive.check(self.image_shape)
        if self.autoregressive.conditioning == "vector" and not has_vector:
            raise ValueError(
                f"autoregressive: expected the conditioning 'map' of {type(self).__name__}, whose "
                "codes are no single vector, got 'vector'"
            )

    def _setup_pixels(self) -> None:
        """What every `setup` calls."""
        if self.autoregressive is not None:
            self.pixels = Pixels(self.autoregressive, self.likelihood, self.image_shape)

    def _distribution(self, outputs: Array) -> Distribution:
        """p(x | z) of independent pixels."""
        return self.likelihood.distribution(outputs, self.image_shape[-1])

    def _images(
        self,
        features: Any,
        keys: Array,
        temperature: Temperature,
        train: bool = False,
        draw: bool = False,
    ) -> Array:
        """The means of p(x | z), or draws of it, each image with its own key [B]."""
        outputs = self._outputs(features, train)
        if self.autoregressive is not None:
            of_pixels = pixel_temperature(temperature, len(self.latent_shapes))
            return self.pixels.draw(keys, _given(outputs), of_pixels)
        distribution = self._distribution(outputs)
        if not draw:
            return distribution.mean()
        return jax.vmap(lambda image, key: image.sample(key))(distribution, keys)

    def _generated(
        self, noise: Noise, temperature: Temperature, train: bool, codes: Codes | None = None
    ) -> tuple[Any, tuple[Array, ...]]:
        latent, num_groups = noise["latent"], len(self.latent_shapes)
        self._check("noise", latent, len(latent[0]))
        codes = [None] * num_groups if codes is None else codes
        return self._generate(latent, codes, per_group(temperature, num_groups), train)

    def _latent_noise(self, noise: Noise | None, images: Array) -> Sequence[Array]:
        """Noise of every group; of the means, where none is given."""
        if noise is None:
            return [jnp.zeros((len(images), *shape)) for shape in self.latent_shapes]
        self._check("noise", noise["latent"], len(images))
        return noise["latent"]

    def _checked_images(self, batch: Batch) -> Array:
        images = batch["image"]
        if images.shape[1:] != self.image_shape:
            raise ValueError(f"image: expected [B, *{self.image_shape}], got {images.shape}")
        return images

    def _check(self, name: str, arrays: Codes, num_images: int, holes: bool = False) -> None:
        """Raise unless there is an array [num_images, *shape] for every group; None, if `holes`."""
        shapes = self.latent_shapes
        if len(arrays) != len(shapes):
            raise ValueError(f"{name}: expected {len(shapes)}, got {len(arrays)}")
        for group, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
            if array is None and holes:
                continue
            got = None if array is None else array.shape
            if got != (num_images, *shape):
                expected = f"{(num_images, *shape)} for group {group}"
                raise ValueError(f"{name}: expected {expected}, got {got}")


def check_image_shape(
    image_shape: tuple[int, int, int], likelihood: Likelihood, stride: int = 1, otherwise: str = ""
) -> None:
    """Raise ValueError unless a network's strides and its likelihood allow images (H, W, C).

    Args:
        image_shape: of one image.
        likelihood: p(x | z).
        stride: that has to divide height and width.
        otherwise: what else there is to choose, for the message.
    """
    if len(image_shape) != 3 or min(image_shape) < 1:
        raise ValueError(f"image_shape: expected positive (H, W, C), got {image_shape}")
    height, width, channels = image_shape
    if height % stride or width % stride:
        raise ValueError(
            f"image_shape: expected a height and width divisible by {stride}, got "
            f"{height}x{width}; pad or resize the images, or choose {otherwise}"
        )
    likelihood.num_outputs(channels)  # each raises where the likelihood has no such images
    likelihood.num_dims(image_shape)


def _given(outputs: Array) -> Given:
    """A vector [B, E] or a map [B, H, W, E], whichever it is."""
    return Given(vector=outputs) if outputs.ndim == 2 else Given(map=outputs)
