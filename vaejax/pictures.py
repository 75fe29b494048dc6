"""What one looks at: examples of the data; reconstructions, samples and traversals of a model.

This asks a model for images and hands them to `figures`; the same few test images and the same
draws of the prior every time, so that pictures of one run can be compared.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vaejax import figures
from vaejax.data import Source
from vaejax.evaluators import Context, some_examples
from vaejax.randomness import stream
from vaejax.sampling import Sampler
from vaejax.train_state import TrainState
from vaejax.types import Array

NUM_EXAMPLES = 64
NUM_RECONSTRUCTIONS = 16
NUM_KL_IMAGES = 256  # images over which a latent's KL is averaged to order the rows
NUM_ROWS = 12  # latents in a traversal: those that know most about the images
NUM_COLUMNS = 6  # prior draws beside each other in the animation
PANEL_RANGE = np.linspace(-2.5, 2.5, 11)  # values of a latent across a row of the panel
SWEEP = np.linspace(-1.0, 1.0, 15)  # values of a latent over the frames of the animation


class Pictures:
    """Draws the pictures of a run from a state's averaged parameters.

    Args:
        context: of the run.
        source: held-out images.
    """

    def __init__(self, context: Context, source: Source):
        self._source = source
        self._rng = stream(context.seed, "pictures")
        some = some_examples(source, NUM_KL_IMAGES)
        self._images = some.images(np.arange(len(some)))
        self._sampler = Sampler(context, source, temperature=1.0)
        model = context.model

        @jax.jit
        def encode(state, images):
            latents = model.apply(_variables(state), images, method="encode")
            return tuple(latent.z for latent in latents), tuple(x.kl.mean(0) for x in latents)

        @jax.jit
        def decode(state, codes):
            return model.apply(_variables(state), codes, method="decode").mean()

        self._encode, self._decode = encode, decode

    def panels(self, state: TrainState) -> Iterator[tuple[str, np.ndarray]]:
        """Named pictures, uint8 [h, w, 3]; traversals only of models whose codes are vectors."""
        originals = self._images[:NUM_RECONSTRUCTIONS]
        traversed = self._has_vector_codes(state)
        codes, kls = self._encode(state, self._images if traversed else originals)
        decoded = self._decode(state, tuple(z[:NUM_RECONSTRUCTIONS] for z in codes))
        show = self._source.pictures
        yield "reconstructions", figures.reconstructions(show(originals), show(decoded))
        yield "samples", figures.samples(self.samples(state))
        if traversed:
            base = codes[0][:1]
            images = self._traverse(state, base, PANEL_RANGE)  # [D, 1, T, H, W, C]
            yield "traversals", figures.traversals(images[:, 0], kls[0], rows=NUM_ROWS)

    def samples(self, state: TrainState) -> Array:
        """Means of p(x | z) at draws of the prior, [64, H, W, C] in [0, 1]."""
        return self._sampler.samples(_variables(state))

    def traversal_frames(self, state: TrainState) -> np.ndarray | None:
        """Frames [T, h, w, 3] of every latent swept from -1 to 1, others held at prior draws.

        Rows are latents ordered by KL, columns different draws. None for models whose codes are
        not vectors.
        """
        if not self._has_vector_codes(state):
            return None
        codes, kls = self._encode(state, self._images)
        base = jax.random.normal(self._rng, (NUM_COLUMNS, codes[0].shape[-1]))
        return figures.traversal_frames(self._traverse(state, base, SWEEP), kls[0], rows=NUM_ROWS)

    def _traverse(self, state: TrainState, base: Array, values: np.ndarray) -> Array:
        """Images [D, S, T, H, W, C] of codes `base` [S, D] with each latent set to `values` [T]."""
        latent_size = base.shape[-1]
        set_latent = partial(jnp.where, jnp.eye(latent_size, dtype=bool)[:, None, :])
        rows = []
        for code in base:
            # [D, T, D]: row d, column t is the code with latent d at values[t]
            grid = set_latent(jnp.asarray(values, code.dtype)[None, :, None], code[None, None, :])
            images = self._decode(state, (grid.reshape(-1, latent_size),))
            rows.append(images.reshape(latent_size, len(values), *images.shape[1:]))
        return self._source.pictures(jnp.stack(rows, axis=1))

    def _has_vector_codes(self, state: TrainState) -> bool:
        """Whether an image's code is one vector; nothing is computed."""
        codes, _ = jax.eval_shape(self._encode, state, self._images[:NUM_RECONSTRUCTIONS])
        return len(codes) == 1 and codes[0].ndim == 2


def examples(source: Source) -> np.ndarray:
    """Random images of a data set in a square, uint8 [h, w, 3]."""
    some = some_examples(source, NUM_EXAMPLES)
    return figures.samples(source.pictures(some.images(np.arange(len(some)))))


def _variables(state: TrainState) -> dict[str, Any]:
    return {"params": state.ema_params["model"], **state.model_state}
