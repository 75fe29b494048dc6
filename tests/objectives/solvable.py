"""Models of which everything is known: their bounds, and the gradients of these.

p(z) = N(0, 1), p(x | z) = N(z + shift, 1), q(z | x) = N(loc, exp(log_scale)^2) for every x; with
x = 1 and shift = 0 the evidence is N(1; 0, 2).
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from vaejax.distributions import Normal, normal_latent, sum_events
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import VAEOutput

LOC, LOG_SCALE = 0.2, float(np.log(0.5))
EVIDENCE = -0.5 * np.log(2 * np.pi * 2) - 0.25


def batch(batch_size, dim=1):
    return {"image": jnp.ones((batch_size, dim, 1, 1))}


class Numbers(nn.Module):
    """Parameters with first values."""

    values: tuple[tuple[str, float], ...]
    dim: int

    @nn.compact
    def __call__(self):
        return [self.param(n, nn.initializers.constant(x), (self.dim,)) for n, x in self.values]


class Solvable(nn.Module):
    """The model above, of `dim` independent coordinates."""

    dim: int = 1
    loc: float = LOC
    log_scale: float = LOG_SCALE
    posterior_parts = ("encoder",)

    def setup(self):
        self.encoder = Numbers((("loc", self.loc), ("log_scale", self.log_scale)), self.dim)
        self.decoder = Numbers((("shift", 0.0),), self.dim)

    def __call__(self, batch, *, noise=None, codes=None, train=False):
        x = batch["image"].reshape(len(batch["image"]), self.dim)
        loc, log_scale = (jnp.tile(value[None], (len(x), 1)) for value in self.encoder())
        posterior = Normal(loc, jnp.exp(log_scale))
        z = posterior.at(noise["latent"][0]) if codes is None else codes[0]
        log_px = self.log_px(x - z - self.decoder()[0][None])
        return VAEOutput(log_px, (normal_latent(z, posterior, Normal.standard(z)),))

    @nn.nowrap
    def log_px(self, distance):
        return sum_events(Normal.standard(distance).log_prob(distance))

    @nn.nowrap
    def noise(self, keys):
        return {"latent": (draw_each(jax.random.normal, part_keys(keys, 0), (self.dim,)),)}


class Distance(Solvable):
    """f(z) = -1/2 |x - z|^2 in place of log p(x | z), without its constant; q is the prior."""

    loc: float = 0.0
    log_scale: float = 0.0

    @nn.nowrap
    def log_px(self, distance):
        return -0.5 * sum_events(distance**2)


def bound(num_samples, loc=LOC, log_scale=LOG_SCALE, shift=0.0):
    """L_K exactly, K >= 1, by two integrals of one dimension.

    log s = int_0^inf (e^-t - e^-ts) dt / t, so that for independent weights of the same law
    E log sum_k w_k = int (exp(-e^u) - E[exp(-e^u w)]^K) du.
    """
    noise = np.linspace(-9.0, 9.0, 601)
    mass = np.exp(-0.5 * noise**2)
    mass /= mass.sum()
    z = loc + np.exp(log_scale) * noise
    log_p = -0.5 * (1.0 - z - shift) ** 2 - 0.5 * z**2 - np.log(2 * np.pi)
    log_q = -0.5 * noise**2 - log_scale - 0.5 * np.log(2 * np.pi)
    u = np.linspace(-32.0, 8.0, 2001)
    transform = np.exp(-np.exp(u[:, None] + (log_p - log_q)[None])) @ mass
    integrand = np.exp(-np.exp(u)) - transform**num_samples
    return np.trapezoid(integrand, u) - np.log(num_samples)


def bound_gradient(num_samples):
    """Of L_K with respect to loc, log_scale and shift."""
    at, width = np.array([LOC, LOG_SCALE, 0.0]), 1e-4
    return [
        (bound(num_samples, *(at + step)) - bound(num_samples, *(at - step))) / (2 * width)
        for step in width * np.eye(3)
    ]
