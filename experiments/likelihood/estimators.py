"""How noisy each gradient estimator is, and how that grows with the number of latents.

The test problem of which everything is known: q(z) = N(mu, I) at mu = 0 and f(z) = -1/2 |z - a|^2
with a_i = 1, d numbers. The gradient of E f with respect to each mu_i is 1; the reparameterised one
has the variance 1 whatever d is, the score function's grows with its square.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.style import COLOURS, INK, draw, panels_of
from vaejax import objectives
from vaejax.distributions import Normal, normal_latent, sum_events
from vaejax.nn.noise import draw_each, part_keys
from vaejax.types import Array, Batch, Noise, VAEOutput

ESTIMATORS: dict[str, dict[str, Any]] = {
    "score function": dict(gradient="score_function"),
    "leave one out, K = 5": dict(gradient="leave_one_out", num_samples=5),
    "leave one out, K = 50": dict(gradient="leave_one_out", num_samples=50),
    "reparameterised": dict(gradient="reparameterised"),
}
BATCH = 256


class Size(NamedTuple):
    """How much is measured: numbers of latents d, and steps' gradients of each."""

    dims: tuple[int, ...] = (1, 2, 5, 10, 20, 50)
    num_keys: int = 100


SIZES = {"published": Size(num_keys=1_000), "laptop": Size(), "smoke": Size((1, 10), 20)}


class Distance(nn.Module):
    """f in place of log p(x | z), and q = N(mu, I) of every image."""

    dim: int
    posterior_parts = ("encoder",)

    def setup(self):
        self.encoder = _Mean(self.dim)

    def __call__(
        self,
        batch: Batch,
        *,
        noise: Noise | None = None,
        codes: Sequence[Array] | None = None,
        train: bool = False,
    ) -> VAEOutput:
        """f [B] of images whose pixels are a."""
        a = batch["image"].reshape(-1, self.dim)
        posterior = Normal(jnp.tile(self.encoder()[None], (len(a), 1)), jnp.ones_like(a))
        z = codes[0] if codes is not None else posterior.at((noise or {})["latent"][0])
        return VAEOutput(
            -0.5 * sum_events((z - a) ** 2),
            (normal_latent(z, posterior, Normal.standard(z)),),
        )

    @nn.nowrap
    def noise(self, keys: Array) -> Noise:
        """Standard normal noise [B, d]."""
        return {"latent": (draw_each(jax.random.normal, part_keys(keys, 0), (self.dim,)),)}


class _Mean(nn.Module):
    dim: int

    @nn.compact
    def __call__(self) -> Array:
        return self.param("mu", nn.initializers.zeros, (self.dim,))


def formula(dim: int) -> float:
    """Variance of f(z) d log q(z) / dmu_i, of one draw, without a baseline."""
    d = dim - 1
    return (34 + 16 * d + 10 * d + 4 * d * (d - 1)) / 4 - 1


def rows(size: Size) -> list[dict[str, Any]]:
    """The variance of the gradient of one draw, of K draws K times theirs; mean over the mu_i."""
    found = []
    for dim in size.dims:
        for name, settings in ESTIMATORS.items():
            objective = objectives.elbo(Distance(dim), beta=0.0, **settings)  # f alone
            batch = {"image": jnp.ones((BATCH, dim, 1, 1))}
            params, state = objective.init(jax.random.key(0), batch)
            measure = functools.partial(objectives.gradient_variance, num_keys=size.num_keys)
            by_layer = jax.jit(functools.partial(measure, objective))(
                params, state, batch, jax.random.key(1)
            )
            (variance,) = by_layer.values()
            draws = BATCH * settings.get("num_samples", 1)
            found.append({"estimator": name, "dim": dim, "variance": draws * float(variance)})
    return found


def figure(found: Sequence[dict[str, Any]]) -> Any:
    """Variance against d, with the score function's formula."""
    figure, (panel,) = panels_of(1, height=3.0, width=4.5)
    dims = sorted({row["dim"] for row in found})
    panel.plot(dims, [formula(dim) for dim in dims], "--", color=INK, label="score function, exact")
    for colour, name in zip(COLOURS, ESTIMATORS, strict=False):
        values = [row["variance"] for row in found if row["estimator"] == name]
        panel.plot(dims, values, "o-", color=colour, label=name)
    panel.set(
        xscale="log", yscale="log", xlabel="latents", ylabel="variance of the gradient, per draw"
    )
    panel.set_xticks(dims, [str(dim) for dim in dims])
    panel.minorticks_off()
    panel.legend()
    return figure


def run(size: str, folder: Path) -> list[dict[str, Any]]:
    """Measure and draw `estimators.png`."""
    found = rows(SIZES[size])
    draw(folder / "estimators.png", figure, found)
    return found
