"""InfoGAN: a game of two players, one of which reads the codes back from images.

Chen et al., InfoGAN, 2016: one uniform code; the discriminator's body has a second head.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from vaejax.distributions import Normal
from vaejax.nn.noise import draw_each, example_keys, part_keys
from vaejax.objectives.bound import batch_mean
from vaejax.types import Latent, Objective, Views

CODES, REST = 2, 4


class Generator(nn.Module):
    @nn.compact
    def __call__(self, code, rest):
        x = jax.nn.relu(nn.Dense(32)(jnp.concatenate([code, rest], axis=1)))
        return jax.nn.sigmoid(nn.Dense(64)(x)).reshape(-1, 8, 8, 1)


class Discriminator(nn.Module):
    @nn.compact
    def __call__(self, images):
        """Logits [B] of being real, and codes [B, CODES]."""
        x = jax.nn.leaky_relu(nn.Dense(32)(images.reshape(len(images), -1)))
        return nn.Dense(1)(x)[:, 0], nn.Dense(CODES)(x)


def info_gan(model, *, weight: float = 1.0) -> Objective:
    """Both players' losses summed, each blind to the other's parameters; `model` generates."""
    judge = Discriminator()

    def noise(keys):
        code = draw_each(jax.random.uniform, part_keys(keys, 0), (CODES,), jnp.float32, -1.0, 1.0)
        return code, draw_each(jax.random.normal, part_keys(keys, 1), (REST,))

    def init(rng, batch):
        first, second = jax.random.split(rng)
        drawn = noise(example_keys(second, batch["position"]))
        judged = judge.init(second, batch["image"])["params"]
        return {"generator": model.init(first, *drawn)["params"], "discriminator": judged}, {}

    def loss(params, model_state, batch, rng, step, train):
        code, rest = noise(example_keys(rng, batch["position"]))
        images = model.apply({"params": params["generator"]}, code, rest)
        frozen = jax.lax.stop_gradient(params["discriminator"])
        mask = batch.get("mask")

        def read(player, seen):  # the code costs 1/2 |c - Q(x)|^2, a Gaussian head
            logits, codes = judge.apply({"params": player}, seen)
            return logits, batch_mean(0.5 * ((codes - code) ** 2).sum(1), mask)

        fooled, information = read(frozen, images)
        fake, head = read(params["discriminator"], jax.lax.stop_gradient(images))
        real, _ = judge.apply({"params": params["discriminator"]}, batch["image"])
        generator = batch_mean(jax.nn.softplus(-fooled), mask) + weight * information
        discriminator = batch_mean(jax.nn.softplus(-real) + jax.nn.softplus(fake), mask)
        total = generator + discriminator + weight * head
        metrics = {"loss": total, "generator_loss": generator, "code_error": information}
        return total, (metrics, model_state)

    def from_noise(params, model_state, drawn, temperature=1.0, *, draw=False):
        return model.apply({"params": params["generator"]}, *drawn)

    def encode(params, model_state, batch, drawn=None):
        _, codes = judge.apply({"params": params["discriminator"]}, batch["image"])
        nothing = jnp.zeros(len(codes))
        posterior = Normal(codes, jnp.ones_like(codes))
        return (Latent(codes, nothing, nothing, nothing, posterior=posterior),)

    def decode(params, model_state, codes, keys, temperature=1.0):
        return from_noise(params, model_state, (codes[0], noise(keys)[1]))

    views = Views(noise=noise, from_noise=from_noise, encode=encode, decode=decode)
    return Objective(init, loss, views)
