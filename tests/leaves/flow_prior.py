"""A prior with parameters: two affine couplings from N(0, I), for any VAE with vector codes."""

import flax.linen as nn
import jax.numpy as jnp
import jax.scipy.stats

from vaejax.models.priors import Context, Prior


class Couplings(nn.Module):
    """z -> noise: each half in turn is shifted and scaled by what the other says."""

    num_layers: int = 2

    @nn.compact
    def __call__(self, z, inverse=False):
        """The noise of codes and log |det|, or the codes of noise."""
        half, log_det = z.shape[1] // 2, jnp.zeros(len(z))
        layers = [
            nn.Dense(2 * (half if i % 2 else z.shape[1] - half), name=f"layer_{i}")
            for i in range(self.num_layers)
        ]
        for i in reversed(range(self.num_layers)) if inverse else range(self.num_layers):
            first, second = z[:, :half], z[:, half:]
            moved, fixed = (first, second) if i % 2 else (second, first)
            shift, log_scale = jnp.split(jnp.tanh(layers[i](fixed)), 2, axis=1)
            if inverse:
                moved = (moved - shift) * jnp.exp(-log_scale)
            else:
                moved = moved * jnp.exp(log_scale) + shift
                log_det += log_scale.sum(1)
            pair = (moved, fixed) if i % 2 else (fixed, moved)
            z = jnp.concatenate(pair, axis=1)
        return z if inverse else (z, log_det)


class FlowPrior(nn.Module):
    num_layers: int = 2

    def setup(self):
        self.flow = Couplings(self.num_layers)

    def log_prob(self, z, context: Context):
        noise, log_det = self.flow(z)
        return jax.scipy.stats.norm.logpdf(noise).sum(1) + log_det

    def from_noise(self, noise, context: Context, temperature):
        return self.flow(temperature * noise, inverse=True)

    def to_noise(self, z, context: Context):
        return self.flow(z)[0]

    def normal(self, z):
        return None


def flow(num_layers: int = 2) -> Prior:
    return FlowPrior(num_layers)
