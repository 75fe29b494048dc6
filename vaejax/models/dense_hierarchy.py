"""A VAE of dense layers with any number of stochastic ones, and the networks of the IWAE paper.

Counted from the image as in the paper, with z_L at the top:

    q(z | x) = q(z_1 | x) q(z_2 | z_1) ... q(z_L | z_L-1)
    p(x, z) = p(z_L) ... p(z_1 | z_2) p(x | z_1)

In arrays the top group comes first, as in every model: `kl/0` is that of z_L.

References:
    Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016 (`burda`).
    Rezende, Mohamed & Wierstra, Stochastic backpropagation, 2014 (deep latent Gaussian models).
"""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaejax.distributions import Likelihood, bernoulli, drawn_latent
from vaejax.models.autoregressive import PixelNetwork
from vaejax.models.dense_layers import Decoder, Encoder, Widths
from vaejax.models.posteriors import Drawn, Posterior, gaussian, gaussian_of, inferred_codes
from vaejax.models.priors import Context, Prior, latent_under, parts_of_posterior, standard
from vaejax.models.vae import VAE, check_image_shape
from vaejax.types import Array, Codes, Latent

MEAN_BOUNDS = (0.001, 0.999)  # of mean pixels, whose logits are then finite


class DenseHierarchy(VAE):
    """A VAE of dense layers with one or more groups of latents.

    `kl` of the top group is in closed form where its prior and posterior are Gaussian, given the
    group below it; that of every other group is log q - log p of the sample, as its prior depends
    on groups that were inferred from it.

    Attributes:
        image_shape: (H, W, C).
        latent_sizes: number of latents of every group, top first.
        hidden: widths of the layers between every group and what it is inferred from, from below
            to above, top group first; the generative network has the same in reverse.
        likelihood: p(x | z); see `vaejax.distributions.likelihood`.
        prior: of the top group; see `vaejax.models.priors`.
        posterior: of the top group, given the one below it; see `vaejax.models.posteriors`. Those
            of the other groups are Gaussian.
        pixel_means: the mean training image as H * W * C numbers, which images are at first, where
            the likelihood has one output per pixel; a run fills it in. None begins without.
        activation: of every hidden layer.
        autoregressive: network over pixels, as in `ConvVAE`.

    Raises:
        ValueError: an image shape that no image has, no groups, or not as many sizes as layers.
    """

    image_shape: tuple[int, int, int]
    latent_sizes: tuple[int, ...] = (50,)
    hidden: tuple[tuple[int, ...], ...] = ((200, 200),)
    likelihood: Likelihood = bernoulli()
    prior: Prior = standard()
    posterior: Posterior = gaussian()
    pixel_means: tuple[float, ...] | None = None
    activation: Callable[[Array], Array] = jax.nn.tanh
    autoregressive: PixelNetwork | None = None

    def __post_init__(self):
        check_image_shape(self.image_shape, self.likelihood)
        if not self.latent_sizes or min(self.latent_sizes) < 1:
            raise ValueError(
                f"latent_sizes: expected one or more numbers >= 1, got {self.latent_sizes}"
            )
        if len(self.hidden) != len(self.latent_sizes):
            raise ValueError(
                f"hidden: expected the widths of {len(self.latent_sizes)} groups, as in "
                f"latent_sizes, got {self.hidden}"
            )
        if any(width < 1 for widths in self.hidden for width in widths):
            raise ValueError(f"hidden: expected widths >= 1, got {self.hidden}")
        num_pixels = int(np.prod(self.image_shape))
        if self.pixel_means is not None and len(self.pixel_means) != num_pixels:
            raise ValueError(
                f"pixel_means: expected {num_pixels} numbers, got {len(self.pixel_means)}"
            )
        self._check_pixels()
        super().__post_init__()

    @property
    def posterior_parts(self) -> tuple[str, ...]:
        return parts_of_posterior(self.prior, self.posterior, "encoder")

    def setup(self):
        height, width, _ = self.image_shape
        num_outputs = height * width * self.num_outputs
        self.encoder = Encoder(self.hidden, self.latent_sizes, self.activation)
        self.decoder = Decoder(
            self.hidden, self.latent_sizes, num_outputs, self.activation, self._bias_init
        )
        self._setup_pixels()

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes in every group, top first: (D,)."""
        return tuple((size,) for size in self.latent_sizes)

    def _infer(
        self,
        images: Array,
        noise: Sequence[Array],
        codes: Sequence[Array] | None,
        train: bool,
    ) -> tuple[Array, tuple[Latent, ...]]:
        del train
        top, *rest = self._inferred(images, noise, codes)
        latents, above = [latent_under(self.prior, top, self._context)], top.z
        for g, drawn in enumerate(rest, 1):
            assert drawn.normal is not None
            latents.append(drawn_latent(drawn.z, drawn.normal, self.decoder.prior(g, above)))
            above = drawn.z
        return above, tuple(latents)

    def _inferred(
        self, images: Array, noise: Sequence[Array], codes: Sequence[Array] | None = None
    ) -> list[Drawn]:
        """The codes of every group and their densities, top first."""
        below, groups = images.reshape(len(images), -1), []
        for g in reversed(range(len(self.latent_sizes))):
            posterior = self.posterior if g == 0 else gaussian()
            given = None if codes is None else codes[g]
            drawn = inferred_codes(posterior, self.encoder(g, below), noise[g], given)
            groups.append(drawn)
            below = drawn.z
        return groups[::-1]

    def _generate(
        self, noise: Sequence[Array], codes: Codes, scales: Sequence[float], train: bool
    ) -> tuple[Array, tuple[Array, ...]]:
        del train
        zs: list[Array] = []
        for g, (code, draw, scale) in enumerate(zip(codes, noise, scales, strict=True)):
            if code is None and g == 0:
                code = self.prior.from_noise(draw, self._context, scale)
            elif code is None:
                code = self.decoder.prior(g, zs[-1]).at(scale * draw)
            zs.append(code)
        return zs[-1], tuple(zs)

    def _standardised(self, images: Array) -> tuple[Array | None, ...]:
        zs = [drawn.z for drawn in self._means(images)]
        top = self.prior.to_noise(zs[0], self._context)
        rest = [self.decoder.prior(g, above).noise_of(zs[g]) for g, above in enumerate(zs[:-1], 1)]
        return (top, *rest)

    def _outputs(self, features: Array, train: bool) -> Array:
        del train
        height, width, _ = self.image_shape
        return self.decoder(features).reshape(len(features), height, width, -1)

    def _bias_init(self, rng: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Array:
        """The outputs whose means are the mean pixels."""
        if self.pixel_means is not None and self.autoregressive is None:
            means = jnp.clip(jnp.asarray(self.pixel_means, dtype), *MEAN_BOUNDS)
            outputs = self.likelihood.outputs_for(means)
            if outputs is not None:
                return outputs
        return nn.initializers.zeros(rng, shape, dtype)

    def _means(self, images: Array) -> list[Drawn]:
        """The mean codes of every group, given those of the groups below, top first."""
        return self._inferred(images, self._latent_noise(None, images))

    @property
    def _context(self) -> Context:
        """With q of the top group, given the means of those below."""
        return Context(posterior=lambda images: gaussian_of(self._means(images)[0]))


def burda(
    image_shape: tuple[int, int, int],
    *,
    num_layers: int = 1,
    likelihood: Likelihood = DenseHierarchy.likelihood,
    prior: Prior = DenseHierarchy.prior,
    posterior: Posterior = DenseHierarchy.posterior,
    pixel_means: tuple[float, ...] | None = None,
) -> DenseHierarchy:
    """The networks of Burda et al., 2016, section 5.1: tanh layers around one or two groups.

    Args:
        image_shape: (H, W, C).
        num_layers: of stochastic ones: 1 is images, 200, 200, 50 latents; 2 is images, 200, 200,
            100 latents, 100, 100, 50 latents.
        likelihood, prior, posterior, pixel_means: as in `DenseHierarchy`.
    """
    networks: dict[int, tuple[Widths, tuple[Widths, ...]]] = {
        1: ((50,), ((200, 200),)),
        2: ((50, 100), ((100, 100), (200, 200))),
    }
    if num_layers not in networks:
        raise ValueError(f"num_layers: expected 1 or 2, got {num_layers}")
    sizes, hidden = networks[num_layers]
    return DenseHierarchy(
        image_shape,
        latent_sizes=sizes,
        hidden=hidden,
        likelihood=likelihood,
        prior=prior,
        posterior=posterior,
        pixel_means=pixel_means,
    )
