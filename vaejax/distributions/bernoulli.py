"""Bernoulli pixels: exact for binary images, the usual cross-entropy for grey ones."""

import jax
import jax.numpy as jnp
from flax import struct

from vaejax.core.randomness import draw
from vaejax.types import Array


@jax.custom_jvp
def _softplus(x: Array) -> Array:
    """log(1 + e^x), with a derivative of one exponential; JAX's takes the logarithm first."""
    # Without JAX's care for NaN the sum over pixels is faster alone, but three times slower in a
    # loop, where XLA:CPU makes one operation of it and these transcendental functions.
    return jax.nn.softplus(x)


@_softplus.defjvp
def _softplus_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    return _softplus(*primals), jax.nn.sigmoid(primals[0]) * tangents[0]


@struct.dataclass
class Bernoulli:
    """Independent Bernoulli variables.

    Attributes:
        logits: in event shape.
        border: pixels on every side of an image [B, H, W, C] that are padding: not scored.
    """

    logits: Array
    border: int = struct.field(pytree_node=False, default=0)

    def log_prob(self, value: Array) -> Array:
        """Elementwise x log p + (1 - x) log(1 - p), nats, of what lies within the border.

        For x strictly between 0 and 1 this is the cross-entropy loss of the literature, not a
        normalised density.
        """
        log_prob = value * self.logits - _softplus(self.logits)
        if not self.border:
            return log_prob
        inside = slice(self.border, -self.border)
        return log_prob[:, inside, inside]

    def mean(self) -> Array:
        """The probability of 1."""
        return jax.nn.sigmoid(self.logits)

    def sample(self, rng: Array) -> Array:
        """One draw of 0s and 1s, as floats."""
        dtype = jnp.result_type(self.logits)
        uniforms = draw(jax.random.uniform, rng, jnp.shape(self.logits), dtype)
        return (uniforms < self.mean()).astype(dtype)

    def with_temperature(self, temperature: float | Array) -> "Bernoulli":
        """Sharper (below 1) or broader: logits / temperature."""
        return Bernoulli(self.logits / temperature, self.border)
