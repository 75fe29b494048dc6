"""A convolutional (or dense) VAE with one group of Gaussian latents and an N(0, I) prior.

p(z) = N(0, I), q(z | x) = N(mu(x), diag exp(log_var(x))), p(x | z) = any `Likelihood`.

References:
    Kingma & Welling, Auto-Encoding Variational Bayes, 2014.
    Higgins et al., beta-VAE, 2017; Burgess et al., 2018; Locatello et al., 2019 (`presets.py`).
"""

import math
from collections.abc import Sequence

import flax.linen as nn

from vaejax.distributions import Likelihood, Normal, bernoulli, normal_latent, sum_events
from vaejax.models.presets import PRESETS, Architecture
from vaejax.models.vae import VAE, Codes, Temperature, per_group
from vaejax.nn.conv import Conv, ConvTranspose
from vaejax.nn.initializers import glorot_uniform
from vaejax.nn.noise import example_normal
from vaejax.types import Array, Distribution, Latent, VAEOutput


class Encoder(nn.Module):
    """Images [B, H, W, C] -> (mean, log_var), each [B, D]."""

    architecture: Architecture
    latent_size: int

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, Array]:
        x = images
        for spec in self.architecture.convs:
            x = self.architecture.activation(Conv(spec.features, spec.kernel, spec.stride)(x))
        x = x.reshape(x.shape[0], -1)  # [B, h * w * c]
        for width in self.architecture.dense:
            x = self.architecture.activation(nn.Dense(width, kernel_init=glorot_uniform)(x))
        mean = nn.Dense(self.latent_size, kernel_init=glorot_uniform, name="mean")(x)
        log_var = nn.Dense(self.latent_size, kernel_init=glorot_uniform, name="log_var")(x)
        return mean, log_var


class Decoder(nn.Module):
    """Codes [B, D] -> raw outputs [B, H, W, num_outputs], the parameters of the likelihood."""

    architecture: Architecture
    image_shape: tuple[int, int, int]
    num_outputs: int

    @nn.compact
    def __call__(self, z: Array) -> Array:
        arch, (height, width, _) = self.architecture, self.image_shape
        x = z
        for features in arch.decoder_dense:
            x = arch.decoder_activation(nn.Dense(features, kernel_init=glorot_uniform)(x))
        if arch.output is None:
            x = nn.Dense(height * width * self.num_outputs, kernel_init=glorot_uniform)(x)
            return x.reshape(-1, height, width, self.num_outputs)
        feature_map = (height // arch.stride, width // arch.stride, arch.convs[-1].features)
        x = nn.Dense(math.prod(feature_map), kernel_init=glorot_uniform)(x)
        x = arch.decoder_activation(x).reshape(-1, *feature_map)
        for spec in arch.deconvs:
            x = arch.decoder_activation(_up(spec.features, spec.kernel, spec.stride)(x))
        return _up(self.num_outputs, *arch.output)(x)


def _up(features: int, kernel: int, stride: int) -> nn.Module:
    layer = Conv if stride == 1 else ConvTranspose
    return layer(features, kernel, stride)


class ConvVAE(VAE):
    """A VAE with a published encoder/decoder pair.

    Attributes:
        image_shape: (H, W, C); height and width must be multiples of the preset's total stride.
        latent_size: D, the number of latent dimensions.
        preset: name of an encoder/decoder pair of `presets.py`.
        likelihood: p(x | z); see `vaejax.distributions.likelihood`.

    Raises:
        ValueError: an unknown preset, or an image shape that its strides do not allow.
    """

    image_shape: tuple[int, int, int]
    latent_size: int = 10
    preset: str = "burgess"
    likelihood: Likelihood = bernoulli()

    def __post_init__(self):
        if self.preset not in PRESETS:
            raise ValueError(f"preset: expected one of {sorted(PRESETS)}, got {self.preset!r}")
        if self.latent_size < 1:
            raise ValueError(f"latent_size: expected at least 1, got {self.latent_size}")
        if len(self.image_shape) != 3 or min(self.image_shape) < 1:
            raise ValueError(f"image_shape: expected positive (H, W, C), got {self.image_shape}")
        height, width, channels = self.image_shape
        stride = PRESETS[self.preset](self.image_shape).stride
        if height % stride or width % stride:
            raise ValueError(
                f"image_shape: expected a height and width divisible by {stride} for preset "
                f"{self.preset!r}, got {height}x{width}; pad or resize the images, or choose a "
                "preset with smaller strides (frey: 2) or none (burda, higgins_mlp)"
            )
        self.likelihood.num_outputs(channels)  # raises where the likelihood has no such images
        super().__post_init__()

    def setup(self):
        architecture = PRESETS[self.preset](self.image_shape)
        num_outputs = self.likelihood.num_outputs(self.image_shape[-1])
        self.encoder = Encoder(architecture, self.latent_size)
        self.decoder = Decoder(architecture, self.image_shape, num_outputs)

    def __call__(
        self, images: Array, *, train: bool = False, noise: Sequence[Array] | None = None
    ) -> VAEOutput:
        """One pass: sample the posterior, decode, score.

        Args:
            images: [B, H, W, C] in [0, 1].
            train: no effect here; part of every model's signature.
            noise: one array [B, D] of standard normal noise, else drawn from rng `"latent"`.
        """
        del train
        posterior = self._posterior(images)
        if noise is None:
            noise = self.draw_noise(images.shape[0])
        if noise[0].shape != posterior.loc.shape:
            raise ValueError(f"noise: expected {posterior.loc.shape}, got {noise[0].shape}")
        latent = self._latent(posterior.at(noise[0]), posterior)
        likelihood = self.decode((latent.z,))
        return VAEOutput(sum_events(likelihood.log_prob(images)), (latent,), likelihood)

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes: a single group [D]."""
        return ((self.latent_size,),)

    def draw_noise(self, num_images: int) -> list[Array]:
        """See `VAE`."""
        return [example_normal(self.make_rng("latent"), (num_images, self.latent_size))]

    def encode(self, images: Array, *, sample: bool = False) -> tuple[Latent, ...]:
        """See `VAE`."""
        posterior = self._posterior(images)
        if not sample:
            return (self._latent(posterior.mean(), posterior),)
        (noise,) = self.draw_noise(images.shape[0])
        return (self._latent(posterior.at(noise), posterior),)

    def decode(self, codes: Codes, *, temperature: Temperature = 1.0) -> Distribution:
        """See `VAE`; here the codes of the only group, [B, D], are needed."""
        del temperature  # nothing is drawn
        (z,) = codes
        return self.likelihood.distribution(self.decoder(z), self.image_shape[-1])

    def sample(
        self,
        num_images: int,
        *,
        temperature: Temperature = 1.0,
        noise: Sequence[Array] | None = None,
    ) -> Distribution:
        """See `VAE`."""
        (scale,) = per_group(temperature, 1)
        (draw,) = self.draw_noise(num_images) if noise is None else noise
        return self.decode((scale * draw,))

    def _posterior(self, images: Array) -> Normal:
        if images.shape[1:] != self.image_shape:
            raise ValueError(f"images: expected [B, *{self.image_shape}], got {images.shape}")
        return Normal.from_log_var(*self.encoder(images))

    def _latent(self, z: Array, posterior: Normal) -> Latent:
        return normal_latent(z, posterior, Normal.standard(z))
