"""The published encoder/decoder pairs of the beta-VAE literature, as data; and those by numbers.

An architecture is read in the order of the data: convolutions, dense layers, (latents), dense
layers, a dense layer to the last feature map, up-convolutions. Each preset is a function of the
image shape, because some of them have fewer layers for smaller images.
"""

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import NamedTuple

import jax

from vaejax.types import Array


class ConvSpec(NamedTuple):
    """A square convolution with SAME padding; as an up-convolution, `stride` enlarges."""

    features: int
    kernel: int
    stride: int = 1


class Architecture(NamedTuple):
    """One encoder/decoder pair.

    Attributes:
        convs: encoder convolutions.
        dense: encoder dense layers between the convolutions and the posterior's two heads.
        decoder_dense: dense layers between the latents and the first feature map.
        deconvs: up-convolutions from the encoder's last feature map, all but the last.
        output: kernel and stride of the last one, whose features the likelihood decides; None
            where a dense layer makes the pixels.
        activation: of every encoder layer.
        decoder_activation: of every decoder layer but the last, which is linear.
        broadcast: whether the first feature map is the codes and two coordinates at every place,
            and `decoder_dense` are applied at each of them, in place of dense layers.
    """

    convs: tuple[ConvSpec, ...]
    dense: tuple[int, ...]
    decoder_dense: tuple[int, ...]
    deconvs: tuple[ConvSpec, ...]
    output: tuple[int, int] | None
    activation: Callable[[Array], Array] = jax.nn.relu
    decoder_activation: Callable[[Array], Array] = jax.nn.relu
    broadcast: bool = False

    @property
    def stride(self) -> int:
        """By how much the encoder shrinks height and width; image sizes must be multiples."""
        return math.prod(conv.stride for conv in self.convs)

    @property
    def decoder_stride(self) -> int:
        """By how much the decoder enlarges its first feature map."""
        _, last = self.output or (1, 1)
        return math.prod(conv.stride for conv in self.deconvs) * last


def _strided(*layers: tuple[int, int]) -> tuple[ConvSpec, ...]:
    return tuple(ConvSpec(features, kernel, 2) for features, kernel in layers)


def higgins(image_shape: tuple[int, int, int]) -> Architecture:
    """The CelebA/chairs network of Higgins et al., beta-VAE, 2017, table 1."""
    del image_shape
    return Architecture(
        convs=_strided((32, 4), (32, 4), (64, 4), (64, 4)),
        dense=(256,),
        decoder_dense=(256,),
        deconvs=_strided((64, 4), (32, 4), (32, 4)),
        output=(4, 2),
    )


def higgins_mlp(image_shape: tuple[int, int, int]) -> Architecture:
    """The dSprites network of Higgins et al., 2017, table 1: ReLU encoder, tanh decoder."""
    del image_shape
    return Architecture(
        convs=(),
        dense=(1200, 1200),
        decoder_dense=(1200, 1200, 1200),
        deconvs=(),
        output=None,
        decoder_activation=jax.nn.tanh,
    )


def burgess(image_shape: tuple[int, int, int]) -> Architecture:
    """Burgess et al., Understanding disentangling in beta-VAE, 2018, appendix.

    Four convolutions for 64 x 64 images; three up to 32 x 32, so that the last map stays 4 x 4.
    """
    depth = 3 if max(image_shape[:2]) <= 32 else 4
    return Architecture(
        convs=_strided(*[(32, 4)] * depth),
        dense=(256, 256),
        decoder_dense=(256, 256),
        deconvs=_strided(*[(32, 4)] * (depth - 1)),
        output=(4, 2),
    )


def locatello(image_shape: tuple[int, int, int]) -> Architecture:
    """Locatello et al., Challenging common assumptions, 2019, as their code runs it.

    The code has 2 x 2 kernels in the last two encoder layers; for 4 x 4 throughout, as the paper's
    table prints them, see `locatello_4x4`.
    """
    return higgins(image_shape)._replace(convs=_strided((32, 4), (32, 4), (64, 2), (64, 2)))


def locatello_4x4(image_shape: tuple[int, int, int]) -> Architecture:
    """Locatello et al., 2019, as the paper's table prints it: 4 x 4 kernels throughout."""
    return higgins(image_shape)


def frey(image_shape: tuple[int, int, int]) -> Architecture:
    """The thesis's tables 4.1 and 4.2: 379,556 + 45,633 parameters on 28 x 20 with 2 latents."""
    del image_shape
    return Architecture(
        convs=(ConvSpec(32, 3), ConvSpec(64, 3, 2), ConvSpec(64, 3), ConvSpec(64, 3)),
        dense=(32,),
        decoder_dense=(),
        deconvs=(ConvSpec(32, 3, 2),),
        output=(3, 1),
    )


def burda(image_shape: tuple[int, int, int]) -> Architecture:
    """The one-layer MNIST network of Burda et al., IWAE, 2016: 200-200 tanh on both sides."""
    del image_shape
    return Architecture(
        convs=(),
        dense=(200, 200),
        decoder_dense=(200, 200),
        deconvs=(),
        output=None,
        activation=jax.nn.tanh,
        decoder_activation=jax.nn.tanh,
    )


def toy(image_shape: tuple[int, int, int]) -> Architecture:
    """One layer of 32 tanh units on either side: for images of a few numbers."""
    del image_shape
    return Architecture(
        convs=(),
        dense=(32,),
        decoder_dense=(32,),
        deconvs=(),
        output=None,
        activation=jax.nn.tanh,
        decoder_activation=jax.nn.tanh,
    )


def by_numbers(
    widths: tuple[int, ...],
    kernels: int | tuple[int, ...],
    strides: int | tuple[int, ...],
    dense: tuple[int, ...],
) -> Architecture:
    """A pair of one's own: convolutions and dense layers, and the same in reverse to decode.

    Args:
        widths: features of each convolution.
        kernels: side of each one's kernel, or of all.
        strides: of each convolution, or of all.
        dense: widths of the dense layers between the convolutions and the posterior's heads.

    Raises:
        ValueError: one of them is no positive number, or there are not as many as `widths`.
    """
    sizes = _each("kernels", kernels, len(widths)), _each("strides", strides, len(widths))
    for name, numbers in (("widths", widths), ("dense", dense)):
        _check_positive(name, numbers)
    convs = tuple(map(ConvSpec, widths, *sizes))
    up = [ConvSpec(below.features, conv.kernel, conv.stride) for below, conv in pairwise(convs)]
    return Architecture(
        convs=convs,
        dense=dense,
        decoder_dense=dense[::-1],
        deconvs=tuple(up[::-1]),
        output=(convs[0].kernel, convs[0].stride),
    )


def _each(name: str, value: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """A number for each of so many layers."""
    values = value if isinstance(value, tuple) else (value,) * count
    if len(values) != count:
        raise ValueError(f"{name}: expected {count} numbers, as many as widths, got {values}")
    _check_positive(name, values)
    return values


def _check_positive(name: str, numbers: tuple[int, ...]) -> None:
    if not all(isinstance(number, int) and number >= 1 for number in numbers):
        raise ValueError(f"{name}: expected numbers >= 1, got {numbers}")


def patches(image_shape: tuple[int, int, int]) -> Architecture:
    """A small network for position and shape on CPU: a decoder that knows where it draws.

    The decoder is that of Watters et al., Spatial broadcast decoder, 2019, of patches of 4 x 4
    pixels in place of single ones; the encoder reads patches of 8 x 8.
    """
    del image_shape
    return Architecture(
        convs=(ConvSpec(32, 8, 8),),
        dense=(128,),
        decoder_dense=(64, 64),
        deconvs=(),
        output=(4, 4),
        broadcast=True,
    )


PRESETS: Mapping[str, Callable[[tuple[int, int, int]], Architecture]] = {
    preset.__name__: preset
    for preset in (
        burda,
        burgess,
        frey,
        higgins,
        higgins_mlp,
        locatello,
        locatello_4x4,
        patches,
        toy,
    )
}
