"""What one asks of a trained model beside codes and images: what codes mean, what it has seen."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from vaejax.metrics.attribute_directions import attribute_directions
from vaejax.metrics.nearest import Nearest, nearest
from vaejax.objectives import traversal
from vaejax.pictures.run_pictures import PANEL_RANGE
from vaejax.runs.passes import Images
from vaejax.runs.trained import Trained
from vaejax.types import AnyArray, Batch

AMOUNTS = np.linspace(-2.0, 2.0, 9)  # multiples of a direction


class TrainedModel(Trained):
    """A trained model, as `vaejax.load` gives it: `Trained`, and questions about its codes."""

    def traverse(
        self,
        images: Images,
        *,
        labels: AnyArray | None = None,
        values: AnyArray = PANEL_RANGE,
        group: int | None = None,
    ) -> np.ndarray:
        """Images [D, N, T, H, W, C]: every latent of N images in turn at every value.

        Args:
            images: N of them.
            labels: [N], for models that look at them.
            values: [T], that each latent takes.
            group: latent group, of vectors [D]; may be left out where only one is of vectors.
        """
        self._do.view("decode", "traverse")
        codes = self._means(images, labels)
        if group is None:
            vectors = [place for place, code in enumerate(codes) if code.ndim == 2]
            if len(vectors) != 1:
                shapes = [code.shape[1:] for code in codes]
                raise ValueError(
                    f"group: expected one group of vectors [D], or to be told which, got {shapes}"
                )
            (group,) = vectors
        arguments = (self._do.views, self.params, self.model_state, codes, values)
        keys = self._do.keys(np.arange(len(codes[0])))
        return self._do.shown(traversal.traverse(*arguments, keys, group=group))

    def directions(
        self, images: Images, attributes: AnyArray, *, labels: AnyArray | None = None
    ) -> tuple[np.ndarray, ...]:
        """The direction of every attribute in codes, [A, ...] per group: a difference of means.

        Args:
            images: N of them.
            attributes: [N, A], 1 for images that have it, else 0.
            labels: [N], for models that look at them.
        """
        return tuple(attribute_directions(code, attributes) for code in self._means(images, labels))

    def move(
        self,
        images: Images,
        directions: Sequence[AnyArray | None],
        amounts: AnyArray = AMOUNTS,
        *,
        labels: AnyArray | None = None,
    ) -> np.ndarray:
        """Images [A, N, T, H, W, C] whose codes are moved along directions.

        Args:
            images: N of them.
            directions: [A, ...] per group, see `directions`; None for a group that stays.
            amounts: [T], multiples of a direction that are added to codes.
            labels: [N], for models that look at them.
        """
        self._do.view("decode", "move")
        codes = self._means(images, labels)
        arguments = (
            self._do.views,
            self.params,
            self.model_state,
            codes,
            tuple(directions),
            amounts,
        )
        return self._do.shown(traversal.move(*arguments, self._do.keys(np.arange(len(codes[0])))))

    def nearest(
        self,
        images: Images,
        num_nearest: int = 1,
        *,
        by: Literal["pixels", "codes"] = "pixels",
        labels: AnyArray | None = None,
    ) -> Nearest:
        """The nearest images of the training split, by Euclidean distance.

        Args:
            images: N of them, samples of the model for example.
            num_nearest: k.
            by: what is compared: images in [0, 1], or the mean codes of all groups.
            labels: [N], for models that look at them.
        """
        if by not in ("pixels", "codes"):
            raise ValueError(f"by: expected 'pixels' or 'codes', got {by!r}")
        training = self.training
        encode = self._do.view("encode", "nearest") if by == "codes" else None

        def rows(batch: Batch) -> np.ndarray:
            if encode is None:
                return self._do.shown(batch["image"])
            latents = encode(self.params, self.model_state, batch)
            return np.concatenate([np.asarray(x.z).reshape(len(x.z), -1) for x in latents], axis=1)

        ours = self._do.over(rows, images, labels)
        return nearest(ours, self._do.parts(rows, training), num_nearest=num_nearest)
