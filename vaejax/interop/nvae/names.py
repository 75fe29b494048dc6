"""Which parameter of the official NVAE code is which of ours.

    official                                       ours (scale s, stacked group i)
    prior_ftr0                                     start
    stem, pre_process.j, post_process.j            stem, preprocess_j, postprocess_j
    enc_tower.j: cells, a combiner, ..., down      encoder_s[i]/cell_c, decoder_s[i]/merge, down_s
    enc0.1                                         top_features
    dec_tower.j: cells, a combiner, ..., up        decoder_s[i]/cell_c, decoder_s[i]/combine, up_s
    enc_sampler.k, dec_sampler.k-1.1, nf_cells.j   posterior, prior, flow_n of top or decoder_s[i]
    stem_decoder (one group only)                  top/combine
    image_conditional.1                            head

`top` is the first group; the stack of scale 0 holds those after it. Our scales and groups count
from the top, as the official decoder does; the official encoder counts from the image. The names
were read off checkpoints.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

from vaejax.models.nvae import NVAE
from vaejax.models.nvae_presets import CELLS
from vaejax.nn.autoregressive import FLOW_LAYERS, MIRRORED, WIDTH_FACTOR
from vaejax.nn.cell_operations import InvertedBottleneck, Resample
from vaejax.nn.residual_cell import Operation
from vaejax.nn.swish import swish

Layout = Literal["kernel", "dense", "log_norm", "vector", "start"]


class Entry(NamedTuple):
    """One array of the official `state_dict`, and where it goes.

    Attributes:
        name: in the `state_dict`.
        path: of our leaf: collection, modules, parameter.
        layout: how the two arrays differ.
        index: of the group, where ours stacks groups; None elsewhere.
        copies: further names under which the official code stores the same array.
        mask: [h, w, I, O], ones where the official kernel is used; None is everywhere.
    """

    name: str
    path: tuple[str, ...]
    layout: Layout
    index: int | None = None  # type: ignore[assignment]  # hides tuple.index
    copies: tuple[str, ...] = ()
    mask: np.ndarray | None = None


class Place(NamedTuple):
    """A module of ours: its path, and which of the stacked groups it is in."""

    path: tuple[str, ...]
    index: int | None = None  # type: ignore[assignment]  # hides tuple.index

    def __truediv__(self, name: str) -> "Place":
        return self._replace(path=(*self.path, name))

    def entry(
        self, name: str, leaf: str, layout: Layout, collection: str = "params", **more
    ) -> Entry:
        """The official array `name` as the leaf of this module, with what else `Entry` has."""
        return Entry(name, (collection, *self.path, leaf), layout, self.index, **more)


def entries(model: NVAE) -> Iterator[Entry]:
    """Every array of the official `state_dict` of this model."""
    cells, groups, root = CELLS[model.cells], model.groups, Place(())
    if len(model.latent_shapes) > 1:
        yield root.entry("prior_ftr0", "start", "start")
    yield from _conv("stem", root / "stem")
    for i in range(model.num_blocks * model.preprocess_cells):
        down = (i + 1) % model.preprocess_cells == 0
        place = root / f"preprocess_{i}"
        yield from _cell(
            model, f"pre_process.{i}", place, cells.preprocess, "down" if down else "same"
        )
    yield from _towers(model)
    yield from _conv("enc0.1", root / "top_features")
    for i in range(model.num_blocks * model.postprocess_cells):
        up = i % model.postprocess_cells == 0
        place = root / f"postprocess_{i}"
        yield from _cell(
            model, f"post_process.{i}", place, cells.postprocess, "up" if up else "same"
        )
    yield from _conv("image_conditional.1", root / "head")
    for k, place in enumerate(_group_places(groups)):
        yield from _conv(f"enc_sampler.{k}", place / "posterior")
        if k:
            yield from _conv(f"dec_sampler.{k - 1}.1", place / "prior")
        for n in range(model.num_flows):
            name = f"nf_cells.{k * model.num_flows + n}"
            for cell, (flow, mirror) in zip(("cell1", "cell2"), MIRRORED.items(), strict=True):
                yield from _flow(f"{name}.{cell}", place / f"flow_{n}" / flow, mirror, model)


def _group_places(groups: tuple[int, ...]) -> list[Place]:
    """The modules of all groups, top first."""
    places = [Place(("top",))]
    for scale, number in enumerate(groups):
        places += [Place((f"decoder_{scale}",), i) for i in range(number if scale else number - 1)]
    return places


def _towers(model: NVAE) -> Iterator[Entry]:
    cells, groups, root = CELLS[model.cells], model.groups, Place(())
    places = _group_places(groups)
    if len(places) == 1:
        yield from _conv("stem_decoder", root / "top" / "combine")
        return
    position, k = 0, len(places)  # k counts the groups down from the image to the top
    for scale in reversed(range(len(groups))):
        for i in range(groups[scale]):
            for c in range(model.encoder_cells):
                place = Place((f"encoder_{scale}",), i) / f"cell_{c}"
                yield from _cell(model, f"enc_tower.{position}", place, cells.encoder, "same")
                position += 1
            k -= 1
            if k:
                yield from _conv(f"enc_tower.{position}.conv", places[k] / "merge")
                position += 1
        if scale:
            place = root / f"down_{scale - 1}"
            yield from _cell(model, f"enc_tower.{position}", place, cells.encoder, "down")
            position += 1
    position, k = 0, 0
    for scale, number in enumerate(groups):
        if scale:
            place = root / f"up_{scale - 1}"
            yield from _cell(model, f"dec_tower.{position}", place, cells.decoder, "up")
            position += 1
        for _ in range(number):
            for c in range(model.decoder_cells if k else 0):
                place = places[k] / f"cell_{c}"
                yield from _cell(model, f"dec_tower.{position}", place, cells.decoder, "same")
                position += 1
            yield from _conv(f"dec_tower.{position}.conv", places[k] / "combine")
            position += 1
            k += 1


def _cell(
    model: NVAE, name: str, place: Place, operations: tuple[Operation, ...], resample: Resample
) -> Iterator[Entry]:
    if resample == "down":
        for i in range(4):
            yield from _conv(f"{name}.skip.conv_{i + 1}", place / "skip" / f"conv_{i}")
    if resample == "up":
        yield from _conv(f"{name}.skip.1", place / "skip", bias=False)
    for i, operation in enumerate(operations):
        up = resample == "up" and i == 0
        yield from _operation(f"{name}._ops.{i}", place / f"operation_{i}", operation, up)
    if model.squeeze_excite:
        for i, dense in ((0, "squeeze"), (2, "excite")):
            yield (place / "gate" / dense).entry(f"{name}.se.se.{i}.weight", "kernel", "dense")
            yield (place / "gate" / dense).entry(f"{name}.se.se.{i}.bias", "bias", "vector")


def _operation(name: str, place: Place, operation: Operation, up: bool) -> Iterator[Entry]:
    kind = getattr(operation, "func", operation)
    if kind is InvertedBottleneck:
        at = [f"{name}.conv.{i + up}" for i in range(5)]  # an upsampling layer takes number 0
        yield from _norm(f"{at[0]}.bn", place / "norm_in")
        yield from _plain_conv(f"{at[1]}.conv.0", place / "expand")
        yield from _norm(f"{at[1]}.conv.1", place / "norm_expand")
        yield from _plain_conv(f"{at[2]}.conv.0", place / "filter")
        yield from _norm(f"{at[2]}.conv.1", place / "norm_filter")
        yield from _plain_conv(at[3], place / "project")
        yield from _norm(f"{at[4]}.bn", place / "norm_out")
        return
    settings = getattr(operation, "keywords", {})
    if settings.get("normalise", True):
        fused = settings.get("activation", swish) is swish
        yield from _norm(f"{name}.bn_act" if fused else f"{name}.bn", place / "norm")
    yield from _conv(f"{name}.conv_0", place / "conv")


def _flow(name: str, place: Place, mirror: bool, model: NVAE) -> Iterator[Entry]:
    channels, hidden = model.latent_channels, WIDTH_FACTOR * model.latent_channels
    for official, ours, inputs, outputs in (
        ("conv.convz.0", "dense", channels, hidden),
        ("conv.convz.2", "depthwise", 1, hidden),
        ("mu.conv_0", "mean", hidden, channels),
    ):
        layer = FLOW_LAYERS[ours]
        shape = (layer.kernel_size, layer.kernel_size, inputs, outputs)
        mask = layer.mask(shape, mirror=mirror)
        yield from _conv(f"{name}.{official}", place / ours, bias=ours == "mean", mask=mask)


def _conv(
    name: str, place: Place, *, bias: bool = True, mask: np.ndarray | None = None
) -> Iterator[Entry]:
    yield place.entry(f"{name}.weight", "kernel", "kernel", mask=mask)
    yield place.entry(f"{name}.log_weight_norm", "log_norm", "log_norm")
    if bias:
        yield place.entry(f"{name}.bias", "bias", "vector")


def _plain_conv(name: str, place: Place) -> Iterator[Entry]:
    copies = (f"{name}.weight_normalized",)
    yield place.entry(f"{name}.weight", "kernel", "kernel", copies=copies)


def _norm(name: str, place: Place) -> Iterator[Entry]:
    yield place.entry(f"{name}.weight", "scale", "vector")
    yield place.entry(f"{name}.bias", "bias", "vector")
    yield place.entry(f"{name}.running_mean", "mean", "vector", "batch_stats")
    yield place.entry(f"{name}.running_var", "var", "vector", "batch_stats")
