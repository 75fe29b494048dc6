"""What every model with latent codes offers besides the pass itself, whatever its network.

    latents = model.apply(variables, images, method="encode")
    images = model.apply(variables, images, method="reconstruct").mean()
    way = model.apply(variables, some, others, 8, method="interpolate").mean()

Draws take their noise from the rng `"latent"`. A method that returns p(x | z) leaves it to the
caller whether its `mean()` or a `sample(rng)` is wanted.
"""

from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from vaejax.nn.spherical_path import spherical_path
from vaejax.types import Array, Distribution, Latent

Codes = Sequence[Array | None]
Temperature = float | Sequence[float]


class VAE(nn.Module):
    """A model of images with latent groups; subclasses implement what raises here."""

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of one image's codes in every group, top first: (h, w, C) or (D,)."""
        raise NotImplementedError

    def draw_noise(self, num_images: int) -> list[Array]:
        """Standard normal noise [B, *shape] for every group, top first."""
        raise NotImplementedError

    def encode(self, images: Array, *, sample: bool = False) -> tuple[Latent, ...]:
        """The latents of images [B, H, W, C], top group first.

        Args:
            images: in [0, 1].
            sample: draw the codes `z` of the posteriors instead of taking the means; every group is
                given the codes of those above it. A `kl` in closed form is exact either way; one
                that is estimated (flows) is an estimate only for drawn codes.
        """
        raise NotImplementedError

    def decode(self, codes: Codes, *, temperature: Temperature = 1.0) -> Distribution:
        """p(x | z) for codes of some or all groups, top first.

        Args:
            codes: of the first groups, or of all with None among them; the others are drawn from
                their priors.
            temperature: as in `sample`, for what is drawn.
        """
        raise NotImplementedError

    def sample(
        self,
        num_images: int,
        *,
        temperature: Temperature = 1.0,
        noise: Sequence[Array] | None = None,
    ) -> Distribution:
        """p(x | z) for `num_images` draws of the prior.

        Args:
            num_images: B.
            temperature: multiplies the standard deviations of the priors: one number, or one per
                group, top first.
            noise: standard normal, one array [B, *shape] per group, top first; else drawn.
        """
        raise NotImplementedError

    def reconstruct(self, images: Array, *, sample: bool = False) -> Distribution:
        """p(x | z) for the codes of images [B, H, W, C]; `sample` as in `encode`."""
        if sample:
            return self(images).likelihood
        noise = [jnp.zeros((images.shape[0], *shape)) for shape in self.latent_shapes]
        return self(images, noise=noise).likelihood

    def interpolate(
        self,
        first: Array,
        second: Array,
        num_steps: int,
        *,
        num_groups: int | None = None,
        temperature: Temperature = 1.0,
    ) -> Distribution:
        """p(x | z) on the way from the codes of one image to those of another.

        The way is through the noise that stands for the posterior means, (z - mean) / scale of each
        group's prior. Noise is N(0, I) whatever the groups above, which codes of a hierarchy are
        not, and the great circle between two draws of it keeps their length, while the middle of
        the straight line is shorter than any draw by sqrt(2) (White, Sampling generative networks,
        2016). The ends are the reconstructions.

        Args:
            first: images [B, H, W, C].
            second: images [B, H, W, C].
            num_steps: T, images per pair, both ends included.
            num_groups: interpolate so many groups from the top; the others keep one draw of their
                prior all the way. None interpolates all.
            temperature: as in `sample`, for what is drawn.

        Returns:
            For [B * T] images: pair by pair, the T steps of each.
        """
        num_all = len(self.latent_shapes)
        num_groups = num_all if num_groups is None else num_groups
        if not 1 <= num_groups <= num_all:
            raise ValueError(f"num_groups: expected 1 to {num_all}, got {num_groups}")
        if num_steps < 2:
            raise ValueError(f"num_steps: expected at least 2, got {num_steps}")
        latents = self.encode(jnp.concatenate([first, second]))[:num_groups]
        ends = [jnp.split(latent.prior.noise_of(latent.z), 2) for latent in latents]
        noise = [spherical_path(*pair, num_steps) for pair in ends]  # [B, T, *shape] each
        if num_groups < num_all:
            drawn = self.draw_noise(first.shape[0])[num_groups:]
            noise += [jnp.repeat(draw[:, None], num_steps, axis=1) for draw in drawn]
        scales = per_group(temperature, num_all)
        return self.sample(
            first.shape[0] * num_steps,
            temperature=(1.0,) * num_groups + scales[num_groups:],
            noise=[draw.reshape(-1, *draw.shape[2:]) for draw in noise],
        )


def per_group(temperature: Temperature, num_groups: int) -> tuple[float, ...]:
    """One temperature per group, from a number for all of them or a sequence of as many."""
    if not isinstance(temperature, Sequence) and np.ndim(temperature) == 0:
        return (temperature,) * num_groups
    if len(temperature) != num_groups:
        raise ValueError(
            f"temperature: expected a number or {num_groups} of them, got {len(temperature)}"
        )
    return tuple(temperature)
