"""What one looks at: examples of the data; reconstructions, samples and traversals of a model.

This asks an objective's views for images and hands them to `figures`; the same few test images and
the same noise every time, so that pictures of one run can be compared. A picture whose views an
objective lacks is left out.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vaejax.core.randomness import named, stream
from vaejax.data import Source
from vaejax.evaluators import Context, some_examples
from vaejax.objectives.traversal import traverse
from vaejax.objectives.views import need, reconstruct
from vaejax.pictures import figures
from vaejax.pictures.followed import followed
from vaejax.pictures.sampler import Sampler, compiled
from vaejax.training.state import TrainState
from vaejax.types import Array, Latent, Views

NUM_EXAMPLES = 64
NUM_RECONSTRUCTIONS = 16
NUM_KL_IMAGES = 256  # images over which a latent's KL is averaged to order the rows
NUM_ROWS = 12  # latents in a traversal: those that know most about the images
NUM_COLUMNS = 6  # prior draws beside each other in the animation
NUM_NAMED_IMAGES = 1_024  # images from which it is read which factor a latent follows
PANEL_RANGE = np.linspace(-2.5, 2.5, 11)  # values of a latent where no image says how far it goes
PANEL_QUANTILES = (0.01, 0.99)  # of a latent's means over images: from where to where a row goes
SWEEP = np.linspace(-1.0, 1.0, 15)  # values of a latent over the frames of the animation


class Panel(NamedTuple):
    """A picture that is drawn while a model trains.

    Attributes:
        name: of the picture.
        views: that it needs.
        draw: `(pictures, state) -> ` uint8 [h, w, 3], or None where there is nothing to show.
    """

    name: str
    views: tuple[str, ...]
    draw: Callable[["Pictures", TrainState], np.ndarray | None]

    def missing(self, views: Views) -> list[str]:
        """Names of the views that it needs and an objective lacks."""
        return [name for name in self.views if getattr(views, name) is None]


class Pictures:
    """Draws the pictures of a run from a state's averaged parameters.

    Args:
        context: of the run.
        source: held-out images.
    """

    def __init__(self, context: Context, source: Source):
        self._views, self._source = context.objective.views, source
        self._rng = stream(context.seed, "pictures")
        self._context = context
        some = some_examples(source, NUM_KL_IMAGES)
        self._batch = some.batch(np.arange(len(some)))

    def left_out(self) -> list[str]:
        """A sentence for every panel that cannot be drawn."""
        missing = {panel.name: panel.missing(self._views) for panel in PANELS}
        return [
            f"no {name}: the objective has no view {' and no view '.join(views)}"
            for name, views in missing.items()
            if views
        ]

    def panels(self) -> list[Panel]:
        """The panels whose views the objective has."""
        return [panel for panel in PANELS if not panel.missing(self._views)]

    def of(self, state: TrainState) -> dict[str, np.ndarray]:
        """All that can be drawn of a state, uint8 [h, w, 3] by name."""
        drawn = {panel.name: panel.draw(self, state) for panel in self.panels()}
        return {name: picture for name, picture in drawn.items() if picture is not None}

    def reconstructions(self, state: TrainState) -> np.ndarray:
        """Held-out images above those decoded from their mean codes."""
        batch = jax.tree.map(lambda array: array[:NUM_RECONSTRUCTIONS], dict(self._batch))
        keys = jax.random.split(self._rng, len(batch["image"]))
        decoded = reconstruct(self._compiled, state.ema_params, state.model_state, batch, keys)
        show = self._source.pictures
        return figures.reconstructions(show(batch["image"]), show(decoded))

    def samples(self, state: TrainState) -> np.ndarray:
        """A square of samples."""
        sampler = Sampler(self._context, self._source)
        return figures.samples(sampler.samples(state.ema_params, state.model_state))

    def traversals(self, state: TrainState) -> np.ndarray | None:
        """Every latent of one image over the values that images have; None if codes are no vectors.

        Beyond those values a decoder has seen nothing, and what it draws fades.
        """
        latent = self._vector(state)
        if latent is None:
            return None
        codes = np.asarray(latent.z)
        low, high = np.quantile(codes, PANEL_QUANTILES, axis=0)
        values = np.linspace(low, high, len(PANEL_RANGE), axis=1)  # [D, T]
        images = self._traverse(state, jnp.asarray(_middle(codes)), values)  # [D, 1, T, H, W, C]
        names = self._names(state)
        return figures.traversals(images[:, 0], _mean_kl(latent), names=names, rows=NUM_ROWS)

    def traversal_frames(self, state: TrainState) -> np.ndarray | None:
        """Frames [T, h, w, 3] of every latent swept from -1 to 1, others held at prior draws.

        Rows are latents ordered by KL, columns different draws. None for models whose codes are
        not vectors, or without the views that it takes.
        """
        needed = ("encode", "decode", "noise", "prior_codes")
        there = all(getattr(self._views, name) for name in needed)
        latent = self._vector(state) if there else None
        if latent is None:
            return None
        keys = jax.random.split(self._rng, NUM_COLUMNS)
        noise = self._view("noise")(keys)
        (base,) = self._view("prior_codes")(state.ema_params, state.model_state, noise)
        images = self._traverse(state, base, SWEEP)
        names = self._names(state)
        return figures.traversal_frames(images, _mean_kl(latent), names=names, rows=NUM_ROWS)

    @property
    def _compiled(self) -> Views:
        """The views as they are called here."""
        return Views._make(compiled(view) if callable(view) else view for view in self._views)

    def _view(self, name: str) -> Callable[..., Any]:
        """A view as it is called here, where the objective has it."""
        return need(self._compiled, name, "pictures")

    def _vector(self, state: TrainState) -> Latent | None:
        """The only latent [n, D] of the held-out images; None where codes are something else."""
        some = jax.tree.map(lambda array: array[:1], dict(self._batch))
        encode, arguments = self._view("encode"), (state.ema_params, state.model_state)
        latents = jax.eval_shape(encode, *arguments, some)  # nothing is computed
        if len(latents) != 1 or latents[0].z.ndim != 2:
            return None
        return encode(*arguments, self._batch)[0]

    def _names(self, state: TrainState) -> list[str] | None:
        """What each latent stands for; None where the data have no factors."""
        if not self._source.factor_names:
            return None
        size = len(self._batch["image"])  # for which there is a program already
        some = some_examples(self._source, NUM_NAMED_IMAGES)
        places = np.arange(len(some) // size * size)
        encode, arguments = self._view("encode"), (state.ema_params, state.model_state)
        codes = [
            encode(*arguments, some.batch(part))[0].z
            for part in np.split(places, len(places) // size)
        ]
        return followed(np.concatenate(codes), some.factors(places), self._source.factor_names)

    def _traverse(self, state: TrainState, base: Array, values: np.ndarray) -> Array:
        """Images [D, S, T, H, W, C] of codes `base` [S, D], each latent set to `values`.

        Args:
            state: of the model.
            base: codes of vectors.
            values: [T], or [D, T] where each latent has its own.
        """
        # One key for a column: what is drawn besides the code is the same in all its images.
        keys = [jax.random.fold_in(named(self._rng, "base"), place) for place in range(len(base))]
        arguments = (self._compiled, state.ema_params, state.model_state)
        images = traverse(*arguments, (base,), values, jnp.stack(keys))
        return self._source.pictures(images)


PANELS = (
    Panel("reconstructions", ("encode", "decode"), Pictures.reconstructions),
    Panel("samples", ("noise", "from_noise"), Pictures.samples),
    Panel("traversals", ("encode", "decode"), Pictures.traversals),
)


def examples(source: Source) -> np.ndarray:
    """Random images of a data set in a square, uint8 [h, w, 3]."""
    some = some_examples(source, NUM_EXAMPLES)
    return figures.samples(source.pictures(some.images(np.arange(len(some)))))


def _middle(codes: np.ndarray) -> np.ndarray:
    """The code [1, D] among those of images [n, D] that is nearest to their mean."""
    distances = ((codes - codes.mean(0)) ** 2).sum(1)
    return codes[[distances.argmin()]]


def _mean_kl(latent: Latent) -> Array | None:
    """Nats per latent [D], averaged over images; None where the KL does not come apart so."""
    return None if latent.kl_dims is None else latent.kl_dims.mean(0)
