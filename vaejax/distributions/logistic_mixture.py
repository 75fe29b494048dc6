"""The discretised mixture of logistics over RGB or grey pixels.

A pixel value is a bin of width 2 / (2^bits - 1) on [-1, 1]; its mass under a logistic is the
difference of two sigmoids. Green and blue means shift linearly with the true values of the
colours before them, so the colours of one pixel are dependent inside each component.

References:
    Salimans et al., PixelCNN++, 2017, Eq. 2-3.
    Vahdat & Kautz, NVAE, 2020 (layout of the parameters).
"""

import math

import jax
import jax.numpy as jnp
from flax import struct

from vaejax.core.platform import is_native
from vaejax.core.randomness import draw
from vaejax.types import Array

MIN_LOG_SCALE = -7.0
UNIFORM_MARGIN = 1e-5  # uniforms are drawn from [margin, 1 - margin]
LOWER_EDGE = -0.999  # of the public formula, on [-1, 1]; to 10 bits, below it is only the darkest


@struct.dataclass
class LogisticMixture:
    """A mixture of M discretised logistics per pixel.

    Attributes:
        mixture_logits: [B, H, W, M].
        means: [B, H, W, C, M] on [-1, 1].
        log_scales: [B, H, W, C, M], at least -7.
        coeffs: [B, H, W, C, M] in (-1, 1): for RGB, [red -> green, red -> blue, green -> blue];
            unused where C = 1.
        bits: bits per channel; images take 2^bits values.
        edge_threshold: None computes every bin exactly. A number reproduces the public
            implementations: values above it (on [-1, 1]) take the whole upper tail, and bins of
            mass below 1e-5 the density at their middle. PixelCNN++ has 0.999; NVAE has 0.99,
            which at 8 bits catches 254 as well as 255, so that its masses sum to more than 1.
    """

    mixture_logits: Array
    means: Array
    log_scales: Array
    coeffs: Array
    bits: int = struct.field(pytree_node=False, default=8)
    edge_threshold: float | None = struct.field(pytree_node=False, default=None)

    @classmethod
    def from_outputs(
        cls, outputs: Array, channels: int, bits: int = 8, edge_threshold: float | None = None
    ) -> "LogisticMixture":
        """From decoder outputs [B, H, W, num_outputs(channels, M)].

        The first M are the mixture logits; then per colour [means M | log-scales M | coeffs M]
        (without coeffs where there is one colour).
        """
        blocks = 3 if channels == 3 else 2
        num_mixtures = outputs.shape[-1] // (1 + blocks * channels)
        mixture_logits, rest = jnp.split(outputs, [num_mixtures], axis=-1)
        rest = rest.reshape(*outputs.shape[:-1], channels, blocks, num_mixtures)
        # Split, not sliced: of a split the gradient is one concatenation.
        means, log_scales, *coeffs = (jnp.squeeze(b, -2) for b in jnp.split(rest, blocks, -2))
        return cls(
            mixture_logits=mixture_logits,
            means=means,
            log_scales=jnp.maximum(log_scales, MIN_LOG_SCALE),
            coeffs=jnp.tanh(coeffs[0]) if coeffs else jnp.zeros_like(means),
            bits=bits,
            edge_threshold=edge_threshold,
        )

    @staticmethod
    def num_outputs(channels: int, num_mixtures: int) -> int:
        """Decoder outputs per pixel: 10 M for RGB, 3 M for grey."""
        if channels not in (1, 3):
            raise ValueError(
                f"channels: expected 1 or 3 for a logistic mixture, got {channels}; "
                "use the gaussian likelihood"
            )
        return num_mixtures * (10 if channels == 3 else 3)

    def log_prob(self, value: Array) -> Array:
        """Log-mass of pixels, nats, summed over the colours of a pixel.

        Args:
            value: [B, H, W, C] in [0, 1].

        Returns:
            [B, H, W].
        """
        x = 2.0 * value[..., None] - 1.0  # [B, H, W, C, 1]
        means = self._shift(self.means, jnp.broadcast_to(x, self.means.shape), self.coeffs)
        colours = self._log_bins(x, means).sum(-2)  # [B, H, W, M]
        return jax.nn.logsumexp(colours + jax.nn.log_softmax(self.mixture_logits), axis=-1)

    def mean(self) -> Array:
        """The image of mixture-weighted means, [B, H, W, C] in [0, 1]."""
        weights = jax.nn.softmax(self.mixture_logits)[..., None, :]
        return self._chain((weights * self.means).sum(-1), (weights * self.coeffs).sum(-1))

    def with_temperature(
        self, temperature: float | Array, *, nvae_compat: bool = False
    ) -> "LogisticMixture":
        """Sharper (below 1) or broader: logits / temperature, scales * temperature.

        Args:
            temperature: positive.
            nvae_compat: divide the scales too, as the official code of NVAE does.
        """
        shift = -jnp.log(temperature) if nvae_compat else jnp.log(temperature)
        return self.replace(  # type: ignore[attr-defined]  # flax's decorator adds it
            mixture_logits=self.mixture_logits / temperature, log_scales=self.log_scales + shift
        )

    def sample(self, rng: Array, rounded: bool = False) -> Array:
        """One draw, [B, H, W, C] in [0, 1].

        Args:
            rng: key.
            rounded: whether to take the values of bins, each colour given those before it, whose
                masses are those of `log_prob`; else the logistics' own.
        """
        mixture_rng, logistic_rng = jax.random.split(rng)
        dtype = jnp.result_type(self.means)

        def uniform(key, shape):
            bounds = (UNIFORM_MARGIN, 1.0 - UNIFORM_MARGIN)
            return draw(jax.random.uniform, key, shape, dtype, *bounds)

        return self.sample_from(
            uniform(mixture_rng, self.mixture_logits.shape),
            uniform(logistic_rng, self.means.shape[:-1]),
            rounded,
        )

    def sample_from(
        self, mixture_uniforms: Array, logistic_uniforms: Array, rounded: bool = False
    ) -> Array:
        """The draw that given uniforms [B, H, W, M] and [B, H, W, C] stand for."""
        gumbels = -jnp.log(-jnp.log(mixture_uniforms))
        component = jnp.argmax(self.mixture_logits + gumbels, axis=-1)[..., None, None]

        def chosen(parameter):  # [B, H, W, C, M] -> [B, H, W, C]
            return jnp.take_along_axis(parameter, component, axis=-1)[..., 0]

        logistic = jnp.log(logistic_uniforms) - jnp.log1p(-logistic_uniforms)
        x = chosen(self.means) + jnp.exp(chosen(self.log_scales)) * logistic
        return self._chain(x, chosen(self.coeffs), rounded)

    def _shift(self, means: Array, x: Array, coeffs: Array) -> Array:
        """Add to green and blue what depends on the colours before them (axis -2 is colour)."""
        if means.shape[-2] == 1:
            return means
        red, green = x[..., 0, :], x[..., 1, :]
        c0, c1, c2 = (coeffs[..., i, :] for i in range(3))
        shift = jnp.stack([jnp.zeros_like(red), c0 * red, c1 * red + c2 * green], axis=-2)
        return means + shift

    def _chain(self, x: Array, coeffs: Array, rounded: bool = False) -> Array:
        """Clip red, then green given red, then blue given both; back to [0, 1]."""
        last = 2**self.bits - 1
        colours: list[Array] = []
        for i in range(x.shape[-1]):
            before = [(0,), (1, 2)][i - 1] if i else ()
            shift = sum(coeffs[..., c] * colours[j] for j, c in enumerate(before))
            colour = jnp.clip(x[..., i] + shift, -1.0, 1.0)
            if rounded:
                colour = 2.0 * jnp.round(0.5 * (colour + 1.0) * last) / last - 1.0
            colours.append(colour)
        return 0.5 * (jnp.stack(colours, axis=-1) + 1.0)

    def _log_bins(self, x: Array, means: Array) -> Array:
        """Log-mass of the bins around `x` for every colour and component, [B, H, W, C, M]."""
        shape = means.shape
        operands = [jnp.broadcast_to(a, shape) for a in (x, means, self.log_scales)]
        if is_native():
            return self._log_bin(*operands)
        # XLA:CPU computes what the operands are made of again in each of a dozen passes, in scalars
        # since a few components fill no vector: three times slower. The rows of a loop are in
        # memory and flat. A batch sharded over devices stays so.
        flat = (shape[1], shape[0] * math.prod(shape[2:]))
        rows = [a.swapaxes(0, 1).reshape(flat) for a in operands]
        bins = jax.lax.map(lambda row: self._log_bin(*row), rows)
        return bins.reshape(shape[1], shape[0], *shape[2:]).swapaxes(0, 1)

    def _log_bin(self, x: Array, means: Array, log_scales: Array) -> Array:
        """Log-mass of the bin around `x` of every logistic."""
        max_value = 2**self.bits - 1
        inverse_scale = jnp.exp(-log_scales)
        centred = x - means
        upper = inverse_scale * (centred + 1.0 / max_value)
        lower = inverse_scale * (centred - 1.0 / max_value)
        # log sigmoid(upper), all below the bin's top, and log (1 - sigmoid(lower)), all above it
        log_below, log_above = -jax.nn.softplus(-upper), -jax.nn.softplus(lower)
        if self.edge_threshold is None:
            # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b - a)): never cancels.
            width = 2.0 * inverse_scale / max_value
            inside = log_below + log_above + jnp.log(-jnp.expm1(-width))
            first, last = x < -1.0 + 1.0 / max_value, x > 1.0 - 1.0 / max_value
        else:
            mass = jax.nn.sigmoid(upper) - jax.nn.sigmoid(lower)
            middle = inverse_scale * centred
            log_density = middle - log_scales - 2.0 * jax.nn.softplus(middle)
            approximate = log_density - math.log(max_value / 2.0)
            inside = jnp.where(mass > 1e-5, jnp.log(jnp.maximum(mass, 1e-10)), approximate)
            first, last = x < LOWER_EDGE, x > self.edge_threshold
        return jnp.where(first, log_below, jnp.where(last, log_above, inside))
