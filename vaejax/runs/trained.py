"""A trained model in the hand: what goes through it, in NumPy arrays.

Images go in as arrays [N, H, W, C] of uint8 or of floats in [0, 1], see `door.entering`, and come
out as float32 in [0, 1]. Nothing here knows a model: it asks the objective's views, and what a
model lacks is one sentence, a ValueError.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from vaejax.core.randomness import stream
from vaejax.data import Source, Splits
from vaejax.evaluators.importance_weighted import importance_weighted_step
from vaejax.nn.noise import example_keys
from vaejax.objectives.views import interpolate, variables_of
from vaejax.pictures.sampler import Sampler
from vaejax.runs.door import entering
from vaejax.runs.passes import Images, Passes, pieces
from vaejax.runs.setup import Run
from vaejax.training.state import TrainState
from vaejax.types import PER_EXAMPLE, AnyArray, Array, Batch, Latent, Temperature

PAIRS = 8  # interpolations at once: each is several images


class Trained:
    """The model of a run with the averaged parameters of a checkpoint, as `vaejax.load` gives it.

    Where a method takes images it takes a `data.Source` too, such as `data["test"]`, and gives the
    model its batches as they are. `labels` [N] go with arrays, for models that look at them.

    Attributes:
        config: of the run, locked.
        model: what the run has trained (of a game, its first player).
        step: of the checkpoint.
        params: of all players, averaged.
        model_state: batch statistics and the like.
        objective: of the run, with its views.
        image_shape: (H, W, C) of the images that go in.
    """

    def __init__(self, run: Run, state: TrainState, config: ml_collections.ConfigDict):
        self.config, self.model, self.step = config, run.model, int(state.step)
        self.params, self.model_state = state.ema_params, state.model_state
        self.objective = run.context.objective
        self.image_shape = tuple(run.held_out.image_shape)
        self._run, self._state = run, state
        self._do = Passes(run.context, run.held_out, config.data)

    @property
    def variables(self) -> dict[str, Any]:
        """What `model.apply` takes; a ValueError where several players made the run."""
        return variables_of(self.params, self.model_state)

    @property
    def data(self) -> Splits:
        """The data of the run by split; a ValueError where they are not at hand."""
        if not len(self._run.source):
            raise ValueError("data: expected the data of the run, got none; see config.data")
        return self._run.context.splits

    @property
    def training(self) -> Source:
        """The images that it was trained on; a ValueError where they are not at hand."""
        return self.data[self._run.settings.split]

    def pictures(self, images: Images) -> np.ndarray:
        """Images [N, H, W, C] as the model sees them (binarised, of fewer bits), in [0, 1]."""
        return self._do.over(lambda batch: self._do.shown(batch["image"]), images)

    def prepared(self, images: Images, labels: AnyArray | None = None) -> Source:
        """Images, with their labels if need be, as a source of what the model is to be given."""
        return entering(images, labels, self._run.held_out, self.config.data)

    def encode(
        self, images: Images, *, labels: AnyArray | None = None, draw: bool = False
    ) -> tuple[Latent, ...]:
        """The latents of images, one per group, top first; see `Latent`.

        Args:
            images: N of them.
            labels: [N], for models that look at them.
            draw: whether the codes are draws of the posterior, each image's own; they are means
                else. A `kl` without a closed form is an estimate only of drawn codes.
        """
        encode = self._do.view("encode", "encode")
        noise = self._do.view("noise", "encode") if draw else None
        rng = stream(self._run.context.seed, "codes")

        def of_batch(batch: Batch) -> Any:
            given = () if noise is None else (noise(example_keys(rng, batch["index"])),)
            return encode(self.params, self.model_state, batch, *given)

        return self._do.over(of_batch, images, labels)

    def decode(
        self, codes: Sequence[AnyArray | None] | AnyArray, *, temperature: Temperature = 1.0
    ) -> np.ndarray:
        """Images [N, H, W, C] of codes.

        Args:
            codes: one array [N, ...] per group, top first, or None for a group that is drawn from
                its prior; of a model with one group, the array alone.
            temperature: of what is drawn, see `Views.from_noise`.
        """
        decode = self._do.view("decode", "decode")
        groups = (codes,) if hasattr(codes, "ndim") else tuple(codes)
        given = tuple(None if code is None else jnp.asarray(code) for code in groups)
        counts = {len(code) for code in given if code is not None}
        if len(counts) != 1:
            got = [None if code is None else code.shape for code in given]
            raise ValueError(f"codes: expected arrays [N, ...] of the same N, got {got}")
        (count,) = counts
        images = []
        for places, real in pieces(count, self._do.size(count)):
            some = jax.tree.map(lambda code, places=places: code[places], given)
            made = decode(self.params, self.model_state, some, self._do.keys(places), temperature)
            images.append(self._do.shown(made)[:real])
        return np.concatenate(images)

    def reconstruct(
        self,
        images: Images,
        *,
        labels: AnyArray | None = None,
        groups: int | None = None,
        temperature: Temperature = 1.0,
    ) -> np.ndarray:
        """Images [N, H, W, C] decoded from the mean codes of images.

        Args:
            images: N of them.
            labels: [N], for models that look at them.
            groups: so many groups from the top are kept, and those below are drawn from their
                priors; all are kept by default.
            temperature: of what is drawn.
        """
        encode, decode = (self._do.view(name, "reconstruct") for name in ("encode", "decode"))

        def of_batch(batch: Batch) -> np.ndarray:
            codes = [latent.z for latent in encode(self.params, self.model_state, batch)]
            kept = len(codes) if groups is None else groups
            if not 0 < kept <= len(codes):
                raise ValueError(f"groups: expected 1 to {len(codes)}, got {groups}")
            given = (*codes[:kept], *[None] * (len(codes) - kept))
            keys = self._do.keys(batch["index"])
            return self._do.shown(decode(self.params, self.model_state, given, keys, temperature))

        return self._do.over(of_batch, images, labels)

    def interpolate(self, first: Images, second: Images, num_steps: int = 8) -> np.ndarray:
        """Images [N, T, H, W, C] on the way from N images to N others; see `views.interpolate`.

        Args:
            first: where the ways begin, at the reconstructions.
            second: where they end, at the reconstructions.
            num_steps: T, both ends included.
        """

        def of_pair(one: Batch, other: Batch) -> np.ndarray:
            return self._do.shown(
                interpolate(self._do.views, self.params, self.model_state, one, other, num_steps)
            )

        return self._do.pairs(of_pair, first, second, PAIRS)

    def sample(
        self,
        num_images: int,
        temperature: Temperature = 1.0,
        *,
        seed: int | None = None,
        draw: bool = False,
    ) -> np.ndarray:
        """Images [N, H, W, C] that the model makes up, the same whenever they are asked for.

        Args:
            num_images: N.
            temperature: of the priors: a number, or one per latent group, top first.
            seed: of their noise; by default that of the run, as its pictures have it.
            draw: whether pixels are drawn from p(x | z), whose means are taken else.
        """
        context = self._run.context
        context = context._replace(seed=context.seed if seed is None else seed)
        sampler = Sampler(context, self._run.held_out, temperature=temperature)
        return np.asarray(sampler.samples(self.params, self.model_state, num_images, draw=draw))

    def log_likelihood(
        self,
        images: Images,
        num_samples: int = 100,
        *,
        labels: AnyArray | None = None,
        chunk: int = 10,
    ) -> np.ndarray:
        """A lower bound of log p(x) of every image [N], nats; exact for models without latents.

        It is what the evaluation `importance_weighted` averages: the noise of an image is that of
        its place among the images. Of standardised images it is a density of those, not of pixels.

        Args:
            images: N of them.
            num_samples: K, samples of the posterior.
            labels: [N], for models that look at them.
            chunk: samples per image evaluated at once.
        """
        context = self._run.context
        step = importance_weighted_step(context, num_samples=num_samples, chunk=chunk)
        rng = jax.random.key(0)  # which counts for nothing

        def of_batch(batch: Batch) -> Array:
            return step(self._state, batch, rng)[PER_EXAMPLE]["log_likelihood"]

        return self._do.over(of_batch, images, labels)

    def _means(self, images: Images, labels: AnyArray | None) -> tuple[Array, ...]:
        return tuple(jnp.asarray(latent.z) for latent in self.encode(images, labels=labels))
