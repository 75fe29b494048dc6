"""A VAE with a grid of codes, and perhaps a vector above it.

    p(x, z) = p(z_2) p(z_1 | z_2) p(x | z_1),    q(z | x) = q(z_1 | x) q(z_2 | x)

z_1 [h, w, D] is the grid, z_2 [E] the vector; without one p(z_1) is any prior of grids. With an
autoregressive network over pixels it is the two-level PixelVAE, and, where that looks at a window
alone and the prior is an autoregressive flow, the variational lossy autoencoder of images.

References:
    Gulrajani et al., PixelVAE, 2016, section 3.2 (the paper has batch normalisation and its prior
        maps; here a residual block is the identity at first, and the vector reaches every layer of
        the prior's network).
    Chen et al., Variational lossy autoencoder, 2017.
"""

from collections.abc import Iterable, Sequence

import flax.linen as nn

from vaejax.core.checks import check_counts
from vaejax.distributions import Likelihood, bernoulli
from vaejax.models.autoregressive import PixelNetwork
from vaejax.models.pixel_vae_layers import Decoder, Encoder
from vaejax.models.posteriors import Drawn, Posterior, gaussian, gaussian_of, inferred_codes
from vaejax.models.presets import Architecture, by_numbers
from vaejax.models.priors import (
    Context,
    Prior,
    latent_under,
    parts_of_posterior,
    pixel_prior,
    standard,
)
from vaejax.models.vae import VAE, check_image_shape
from vaejax.types import Array, Codes, Latent

OF_GRIDS = pixel_prior()  # given the vector above


class PixelVAE(VAE):
    """A convolutional VAE with a grid of codes, and perhaps a vector above it.

    The `kl` of a group is in closed form where its prior and posterior are Gaussian: that of a
    standard prior. Else it is log q - log p of the draw, with its terms by channel, summed over
    places, where the prior gives such (`pixel_prior` and `autoregressive_flow` do): the channels
    are what free bits count.

    Attributes:
        image_shape: (H, W, C); height and width must be multiples of the network's total stride.
        latent_channels: D, of the grid.
        vector_size: E, of the vector above it; 0 has none.
        widths: features of each convolution of the encoder, which the decoder has in reverse.
        kernels: side of the kernels of these, one for each or one for all.
        strides: of these, likewise; their product is how many pixels a place has on a side.
        num_residual_blocks: after every convolution, of two convolutions of 3 x 3.
        likelihood: p(x | z), or of a pixel given those before it and z; see
            `vaejax.distributions.likelihood`.
        prior: of the top group: of the vector, or without one of the grid; see
            `vaejax.models.priors`.
        grid_prior: p(z_1 | z_2), one that looks at the vector above; None is `pixel_prior()`, or
            nothing without a vector.
        posterior: q(z_1 | x) of the grid; that of the vector is Gaussian. See
            `vaejax.models.posteriors`.
        autoregressive: network over pixels, as in `ConvVAE`, given a map; None for pixels that are
            independent given z.

    Raises:
        ValueError: numbers that make no network, an image shape that the strides do not allow, or
            parts that do not fit.
    """

    image_shape: tuple[int, int, int]
    latent_channels: int = 16
    vector_size: int = 0
    widths: tuple[int, ...] = (32, 64)
    kernels: int | tuple[int, ...] = 4
    strides: int | tuple[int, ...] = 2
    num_residual_blocks: int = 1
    likelihood: Likelihood = bernoulli()
    prior: Prior = standard()
    grid_prior: Prior | None = None
    posterior: Posterior = gaussian()
    autoregressive: PixelNetwork | None = None

    def __post_init__(self):
        check_counts(
            latent_channels=(self.latent_channels, 1),
            vector_size=(self.vector_size, 0),
            num_residual_blocks=(self.num_residual_blocks, 0),
        )
        if not self.widths:
            raise ValueError("widths: expected the features of one or more convolutions, got ()")
        check_image_shape(
            self.image_shape, self.likelihood, self.architecture.stride, "smaller strides"
        )
        if self.vector_size and self.grid_prior is None:
            self.grid_prior = OF_GRIDS
        self._check_grid_prior()
        self._check_pixels()
        super().__post_init__()

    @nn.nowrap  # it is called before there is a module
    def _check_grid_prior(self) -> None:
        if self.grid_prior is None:
            return
        got = type(self.grid_prior).__name__.strip("_")
        if not self.vector_size:
            raise ValueError(
                f"grid_prior: expected None without a vector (vector_size 0), got {got}; the grid "
                "is then the top group, whose prior is named prior"
            )
        if not getattr(self.grid_prior, "looks_above", False):
            raise ValueError(
                "grid_prior: expected a prior that looks at the vector above, such as pixel_prior, "
                f"got {got}; without a vector (vector_size 0) the grid has any as its prior"
            )

    @property
    def architecture(self) -> Architecture:
        """The convolutions, as data."""
        return by_numbers(self.widths, self.kernels, self.strides, ())

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes in every group, top first: (E,) and (h, w, D)."""
        height, width = (size // self.architecture.stride for size in self.image_shape[:2])
        grid = (height, width, self.latent_channels)
        return ((self.vector_size,), grid) if self.vector_size else (grid,)

    @property
    def posterior_parts(self) -> tuple[str, ...]:
        parts = [parts_of_posterior(p, self.posterior, "encoder") for p in self._priors]
        return parts[0] if all(parts) else ()

    def setup(self):
        sizes = (self.architecture, self.num_residual_blocks)
        self.encoder = Encoder(*sizes, self.latent_channels, self.vector_size)
        self.decoder = Decoder(*sizes, self.num_outputs)
        self._setup_pixels()

    def _infer(
        self,
        images: Array,
        noise: Sequence[Array],
        codes: Sequence[Array] | None,
        train: bool,
    ) -> tuple[Array, tuple[Latent, ...]]:
        del train
        latents: list[Latent] = []
        for prior, drawn in zip(self._priors, self._inferred(images, noise, codes), strict=True):
            context = self._context(latent.z for latent in latents)
            latents.append(latent_under(prior, drawn, context))
        return latents[-1].z, tuple(latents)

    def _inferred(
        self, images: Array, noise: Sequence[Array], codes: Sequence[Array] | None = None
    ) -> list[Drawn]:
        """The codes of every group and their densities, top first."""
        said = self.encoder(images)
        given = [None] * len(said) if codes is None else codes
        posteriors = [gaussian()] * (len(said) - 1) + [self.posterior]
        return list(map(inferred_codes, posteriors, said, noise, given))

    def _generate(
        self, noise: Sequence[Array], codes: Codes, scales: Sequence[float], train: bool
    ) -> tuple[Array, tuple[Array, ...]]:
        del train
        zs: list[Array] = []
        for prior, z, draw, scale in zip(self._priors, codes, noise, scales, strict=True):
            zs.append(prior.from_noise(draw, self._context(zs), scale) if z is None else z)
        return zs[-1], tuple(zs)

    def _standardised(self, images: Array) -> tuple[Array | None, ...]:
        zs = [drawn.z for drawn in self._means(images)]
        return tuple(
            prior.to_noise(z, self._context(zs[:group]))
            for group, (prior, z) in enumerate(zip(self._priors, zs, strict=True))
        )

    def _outputs(self, features: Array, train: bool) -> Array:
        del train
        return self.decoder(features)

    @property
    def _priors(self) -> tuple[Prior, ...]:
        """Of every group, top first."""
        return (self.prior,) if self.grid_prior is None else (self.prior, self.grid_prior)

    def _means(self, images: Array) -> list[Drawn]:
        """The mean codes of every group, top first."""
        return self._inferred(images, self._latent_noise(None, images))

    def _context(self, above: Iterable[Array]) -> Context:
        """Of the group below these codes."""
        above = tuple(above)
        return Context(above, lambda images: gaussian_of(self._means(images)[len(above)]))
