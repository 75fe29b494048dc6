"""NVAE in PyTorch, network and training loss, for `nvae_step.py` to compare with.

Written from the description of the published model. Modules bear the names of the official
`state_dict`, so that `vaejax.interop.nvae.to_official` gives weights to `load`; with these it is
the same network, which the benchmark asserts. It has the published cells (`res_mbconv`), relative
posteriors and squeeze-excitation; feature maps are [B, C, H, W].

Reference: Vahdat & Kautz, NVAE: a deep hierarchical variational autoencoder, 2020.
"""

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaejax.models import NVAE
from vaejax.nn.autoregressive import WIDTH_FACTOR, causal_mask

BORDER = 2  # pixels of padding around binary images, not scored
MAX_VALUE = 255
NUM_ITERATIONS = 4  # of the power iteration, per step
PLAIN = partial(nn.Conv2d, bias=False)
Norm = partial(nn.BatchNorm2d, momentum=0.05)


def named(**modules: nn.Module) -> nn.Sequential:
    """A sequence whose members have names."""
    return nn.Sequential(OrderedDict(modules))


class WeightNormConv(nn.Conv2d):
    """A convolution whose kernels have a learned norm, and a mask where they are given one."""

    def __init__(self, inputs, outputs, size=1, *, stride=1, bias=True, groups=1, mask=None):
        super().__init__(inputs, outputs, size, stride, size // 2, groups=groups, bias=bias)
        self.log_weight_norm = nn.Parameter(torch.zeros(outputs, 1, 1, 1))
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight if self.mask is None else self.weight * self.mask
        norm = weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        self.in_use = weight * (self.log_weight_norm.exp() / (norm + 1e-5))
        return self._conv_forward(x, self.in_use, self.bias)


class NormSwish(nn.BatchNorm2d):
    def __init__(self, features: int):
        super().__init__(features, momentum=0.05)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(super().forward(x))


class SqueezeExcite(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        hidden = max(features // 16, 4)
        layers = nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, features), nn.Sigmoid()
        self.se = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.se(x.mean((2, 3)))[:, :, None, None]


class FactorizedReduce(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        quarter = outputs // 4
        self.conv_1, self.conv_2, self.conv_3, self.conv_4 = (
            WeightNormConv(inputs, width, stride=2)
            for width in (quarter, quarter, quarter, outputs - 3 * quarter)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(x)
        corners = x, x[:, :, 1:, 1:], x[:, :, :, 1:], x[:, :, 1:]
        convs = self.conv_1, self.conv_2, self.conv_3, self.conv_4
        return torch.cat([conv(x) for conv, x in zip(convs, corners, strict=True)], 1)


class Cell(nn.Module):
    """skip(x) + 0.1 SE(operations(x))."""

    def __init__(self, skip: nn.Module, operations: Sequence[nn.Module], features: int):
        super().__init__()
        self.skip, self._ops, self.se = skip, nn.Sequential(*operations), SqueezeExcite(features)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + 0.1 * self.se(self._ops(x))


def encoder_cell(inputs: int, *, down: bool = False) -> Cell:
    """Twice normalisation, swish and a 3x3 convolution."""
    outputs = 2 * inputs if down else inputs
    operations = [
        named(bn_act=NormSwish(width), conv_0=WeightNormConv(width, outputs, 3, stride=stride))
        for width, stride in ((inputs, 2 if down else 1), (outputs, 1))
    ]
    return Cell(FactorizedReduce(inputs, outputs) if down else nn.Identity(), operations, outputs)


def decoder_cell(inputs: int, expansion: int, *, up: bool = False) -> Cell:
    """The inverted bottleneck around a depthwise 5x5 convolution."""
    outputs, hidden = inputs // 2 if up else inputs, expansion * inputs
    filters = PLAIN(hidden, hidden, 5, padding=2, groups=hidden)
    layers = [
        named(bn=Norm(inputs)),
        named(conv=nn.Sequential(PLAIN(inputs, hidden, 1), NormSwish(hidden))),
        named(conv=nn.Sequential(filters, NormSwish(hidden))),
        PLAIN(hidden, outputs, 1),
        named(bn=Norm(outputs)),
    ]
    skip = nn.Identity()
    if up:
        layers.insert(0, nn.UpsamplingNearest2d(scale_factor=2))
        bilinear = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
        skip = nn.Sequential(bilinear, WeightNormConv(inputs, outputs, bias=False))
    return Cell(skip, [named(conv=nn.Sequential(*layers))], outputs)


class Flow(nn.Module):
    """z - mu(z), autoregressive over pixels and channels."""

    def __init__(self, channels: int, mirror: bool):
        super().__init__()
        hidden = WIDTH_FACTOR * channels

        def conv(inputs, outputs, size, *, zero_diagonal=False, groups=1, bias=False):
            mask = causal_mask(
                (size, size, inputs // groups, outputs),
                depthwise=groups > 1,
                zero_diagonal=zero_diagonal,
                mirror=mirror,
            )
            mask = torch.from_numpy(mask.transpose(3, 2, 0, 1).copy())
            return WeightNormConv(inputs, outputs, size, bias=bias, groups=groups, mask=mask)

        dense = conv(channels, hidden, 3, zero_diagonal=True)
        depthwise = conv(hidden, hidden, 5, groups=hidden)
        self.conv = named(convz=nn.Sequential(dense, nn.ELU(), depthwise, nn.ELU()))
        self.mu = named(act=nn.ELU(), conv_0=conv(hidden, channels, 1, bias=True))

    def forward(self, z: Tensor) -> Tensor:
        return z - self.mu(self.conv(z))


class Combiner(nn.Module):
    """Where a latent group meets one of the two paths."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = WeightNormConv(inputs, outputs)


class TorchNVAE(nn.Module):
    """The network of an `NVAE` of ours, with `nvae_compat`, and its training loss."""

    def __init__(self, model: NVAE):
        super().__init__()
        assert (model.cells, model.squeeze_excite) == ("res_mbconv", True)
        assert model.residual_posterior and model.nvae_compat
        height, width, channels = model.image_shape
        scales, latent = len(model.groups), model.latent_channels
        self.num_flows, self.groups = model.num_flows, model.groups
        up, down = model.encoder_features, model.decoder_features

        self.stem = WeightNormConv(channels, up, 3)
        self.pre_process, self.enc_tower = nn.ModuleList(), nn.ModuleList()
        for _ in range(model.num_blocks):
            self.pre_process += [encoder_cell(up) for _ in range(model.preprocess_cells - 1)]
            self.pre_process.append(encoder_cell(up, down=True))
            up, down = 2 * up, 2 * down
        samplers = []
        for scale in reversed(range(scales)):
            for group in range(model.groups[scale]):
                self.enc_tower += [encoder_cell(up) for _ in range(model.encoder_cells)]
                samplers.append((up, down))
                if scale or group < model.groups[scale] - 1:
                    self.enc_tower.append(Combiner(down, up))
            if scale:
                self.enc_tower.append(encoder_cell(up, down=True))
                up, down = 2 * up, 2 * down
        samplers.reverse()
        self.enc0 = nn.Sequential(nn.ELU(), WeightNormConv(up, up), nn.ELU())
        self.enc_sampler = nn.ModuleList(WeightNormConv(e, 2 * latent, 3) for e, _ in samplers)
        self.dec_sampler = nn.ModuleList(
            nn.Sequential(nn.ELU(), WeightNormConv(d, 2 * latent)) for _, d in samplers[1:]
        )
        self.nf_cells = nn.ModuleList(
            named(cell1=Flow(latent, mirror=False), cell2=Flow(latent, mirror=True))
            for _ in range(self.num_flows * len(samplers))
        )
        stride = 2 ** (model.num_blocks + scales - 1)
        self.prior_ftr0 = nn.Parameter(torch.zeros(down, height // stride, width // stride))
        self.dec_tower, self.post_process = nn.ModuleList(), nn.ModuleList()
        for scale, number in enumerate(model.groups):
            if scale:
                self.dec_tower.append(decoder_cell(down, 6, up=True))
                down //= 2
            for group in range(number):
                cells = model.decoder_cells if scale or group else 0
                self.dec_tower += [decoder_cell(down, 6) for _ in range(cells)]
                self.dec_tower.append(Combiner(down + latent, down))
        for _ in range(model.num_blocks):
            self.post_process.append(decoder_cell(down, 3, up=True))
            down //= 2
            self.post_process += [decoder_cell(down, 3) for _ in range(model.postprocess_cells - 1)]
        outputs = model.likelihood.num_outputs(channels)
        self.image_conditional = nn.Sequential(nn.ELU(), WeightNormConv(down, outputs, 3))
        self.vectors: dict[str, list[Tensor]] = {}  # of the power iteration, by shape

    def load(self, state_dict: Mapping[str, np.ndarray]) -> None:
        """Take the weights of an official `state_dict`; every one must have its place."""
        self.load_state_dict(
            {
                name: torch.from_numpy(np.array(array))
                for name, array in state_dict.items()
                if not name.endswith("weight_normalized")  # the same array as `weight`
            }
        )

    def loss(
        self, images: Tensor, *, beta: float, penalty: float, noise: Sequence[Tensor] | None = None
    ) -> Tensor:
        """The balanced bound and both penalties, for images [B, C, H, W] in [0, 1].

        Args:
            images: to train on.
            beta: weight of the KL, below 1.
            penalty: weight of the spectral and the batch-norm penalty.
            noise: standard normal, one per latent group, top first; drawn where None.
        """
        outputs, kls = self(images, noise)
        kls = torch.stack([kl.sum((1, 2, 3)) for kl in kls], 1)  # [B, G]
        weights = (kls.detach().abs().mean(0) + 0.01) / self._group_sizes(kls)
        kl = (weights / weights.mean() * kls).sum(1)
        norms = (m for m in self.modules() if isinstance(m, nn.BatchNorm2d))
        penalties = self._spectral() + sum(norm.weight.abs().max() for norm in norms)
        score = bernoulli if outputs.shape[1] == images.shape[1] else logistic_mixture
        return (beta * kl - score(outputs, images)).mean() + penalty * penalties

    def forward(
        self, images: Tensor, noise: Sequence[Tensor] | None
    ) -> tuple[Tensor, list[Tensor]]:
        """The decoder's outputs, and the KL of every latent group elementwise, top first."""
        x = self.stem(2.0 * images - 1.0)
        for cell in self.pre_process:
            x = cell(x)
        features = []
        for layer in self.enc_tower:
            if isinstance(layer, Combiner):
                features.append((layer.conv, x))
            else:
                x = layer(x)
        # Dense in memory, or what follows would leave the layout of `x`.
        s = self.prior_ftr0.expand(len(x), -1, -1, -1).clone(memory_format=_layout(x))
        kls: list[Tensor] = []
        for layer in self.dec_tower:
            if not isinstance(layer, Combiner):
                s = layer(s)
                continue
            k = len(kls)
            if k:
                merge, skipped = features.pop()
                p = self.dec_sampler[k - 1](s)
                q = p + self.enc_sampler[k](skipped + merge(s))
            else:
                q = self.enc_sampler[0](self.enc0(x))
                p = torch.zeros_like(q)
            z, kl = self._draw(k, clamped(q), clamped(p), noise)
            kls.append(kl)
            s = layer.conv(torch.cat([s, z], 1))
        for cell in self.post_process:
            s = cell(s)
        return self.image_conditional(s), kls

    def _draw(self, k: int, q, p, noise: Sequence[Tensor] | None) -> tuple[Tensor, Tensor]:
        """A sample of the posterior of group k and its elementwise KL, one-sample with flows."""
        (mean, scale), (prior_mean, prior_scale) = q, p
        eps = torch.randn_like(mean) if noise is None else noise[k]
        z = mean + scale * eps
        ratio, flows = scale / prior_scale, self.nf_cells[k * self.num_flows :][: self.num_flows]
        if not flows:
            shift = (mean - prior_mean) / prior_scale
            return z, 0.5 * (shift.square() + ratio.square() - 1.0) - ratio.log()
        for flow in flows:
            z = flow(z)
        distance = (z - prior_mean) / prior_scale
        return z, 0.5 * (distance.square() - eps.square()) - ratio.log()

    def _group_sizes(self, kls: Tensor) -> Tensor:
        """[G]: positions of a group, shared among the groups of its scale; the smallest is 1."""
        sizes = [4.0**scale / n for scale, n in enumerate(self.groups) for _ in range(n)]
        return kls.new_tensor(sizes) / min(sizes)

    def _spectral(self) -> Tensor:
        """The sum of the largest singular values of all convolutions, by power iteration."""
        stacks: dict[str, list[Tensor]] = {}
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                kernel = getattr(module, "in_use", module.weight).flatten(1)
                stacks.setdefault("{}x{}".format(*kernel.shape), []).append(kernel)
        total = 0.0
        for shape, kernels in stacks.items():
            w = torch.stack(kernels)
            if shape not in self.vectors:
                self.vectors[shape] = [F.normalize(torch.randn(len(w), n)) for n in w.shape[1:]]
            u, v = self.vectors[shape]
            with torch.no_grad():
                for _ in range(NUM_ITERATIONS):
                    v = F.normalize(torch.bmm(u[:, None], w)[:, 0], eps=1e-3)
                    u = F.normalize(torch.bmm(w, v[:, :, None])[:, :, 0], eps=1e-3)
            self.vectors[shape] = [u, v]
            total = total + (u * torch.bmm(w, v[:, :, None])[:, :, 0]).sum()
        return total


def clamped(parameters: Tensor) -> tuple[Tensor, Tensor]:
    """[B, 2L, h, w] -> mean and standard deviation [B, L, h, w]."""
    mean, log_scale = (5.0 * torch.tanh(parameters / 5.0)).chunk(2, 1)
    return mean, log_scale.exp() + 0.01


def bernoulli(logits: Tensor, images: Tensor) -> Tensor:
    """Log-probability [B] of binary images, without their border."""
    log_prob = -F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return log_prob[:, :, BORDER:-BORDER, BORDER:-BORDER].sum((1, 2, 3))


def logistic_mixture(outputs: Tensor, images: Tensor) -> Tensor:
    """Log-probability [B] of RGB images of 8 bits, in the official arithmetic."""
    mixtures = outputs.shape[1] // 10
    logits, rest = outputs[:, :mixtures], outputs[:, mixtures:]
    rest = rest.reshape(len(rest), 3, 3 * mixtures, *rest.shape[2:])  # [B, C, 3 M, H, W]
    means, log_scales, coeffs = rest.chunk(3, 2)
    log_scales, coeffs = log_scales.clamp(min=-7.0), torch.tanh(coeffs)
    x = (2.0 * images - 1.0)[:, :, None]
    red, green = x[:, 0], x[:, 1]
    blue_mean = means[:, 2] + coeffs[:, 1] * red + coeffs[:, 2] * green
    means = torch.stack([means[:, 0], means[:, 1] + coeffs[:, 0] * red, blue_mean], 1)
    inverse, centred = torch.exp(-log_scales), x - means
    upper, lower = inverse * (centred + 1 / MAX_VALUE), inverse * (centred - 1 / MAX_VALUE)
    mass, middle = torch.sigmoid(upper) - torch.sigmoid(lower), inverse * centred
    log_density = middle - log_scales - 2.0 * F.softplus(middle) - math.log(MAX_VALUE / 2)
    inside = torch.where(mass > 1e-5, mass.clamp(min=1e-10).log(), log_density)
    above = torch.where(x > 0.99, -F.softplus(lower), inside)
    colours = torch.where(x < -0.999, upper - F.softplus(upper), above).sum(1)
    return torch.logsumexp(colours + F.log_softmax(logits, 1), 1).sum((1, 2))


def _layout(x: Tensor) -> torch.memory_format:
    cl = x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if cl else torch.contiguous_format
