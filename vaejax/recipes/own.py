"""Runs on one's own pictures and arrays: what they are decides what p(x|z) is, and how deep.

p(x|z) of the plain VAE is a Gaussian of standard deviation 0.1, a choice that is not tuned: about
how well a picture is told from its code. A mixture of discretised logistics, of `:nvae`, has masses
and so bits per dimension; the two were not compared at equal settings. `:beta` has a Bernoulli's
cross-entropy, as Locatello et al., 2019, for all data: it is there that betas of papers belong.
"""

from typing import Any

from ml_collections import ConfigDict

from vaejax.recipes.dsprites import EVAL
from vaejax.recipes.nvae import TINY, nvae_run
from vaejax.recipes.own_data import OwnData, own_data
from vaejax.runs.config import ConfigError, check_variant, run_config

STEPS = 10_000
SCALE = 0.1  # of p(x|z), on [0, 1]
LARGEST_MAP = 256  # pixels of the last feature map, before the dense layers
SMOKE = {
    "train.num_steps": 4,
    "train.batch_size": 8,
    "train.log_every": 2,
    "train.eval_every": 2,
    "model.widths": (4, 4),
    "model.dense": (16,),
    "eval.bound.batch_size": 8,
    "eval.bound.num_examples": 16,
}
BETA = {"objective.beta": 4.0, "model.latent_size": 10}
NVAES: dict[str, dict[str, Any]] = {  # an epoch of their schedules is 100 steps
    "nvae": dict(
        groups=(3, 6, 12),
        model=dict(latent_channels=20, encoder_features=32, decoder_features=32, num_flows=0),
        num_epochs=500,
        evals=50,
        batch_size=32,
        ema_decay=0.999,
    ),
    "nvae_laptop": dict(
        groups=(1, 2, 2),
        model=dict(TINY, latent_channels=16, encoder_features=8, decoder_features=8),
        num_epochs=20,
        evals=8,
        batch_size=16,
        ema_decay=0.99,
    ),
}
VARIANTS = ("beta", *NVAES, "smoke")


def own_run(variant: str, path: str, size: str) -> ConfigDict:
    """The configuration of a run on somebody's own data; what was chosen is printed.

    Args:
        variant: empty or one of `VARIANTS`.
        path: of a folder of pictures, or a `.npy` or `.npz` file of images.
        size: of the images, `64` or `HEIGHTxWIDTH`, or empty.

    Raises:
        ConfigError: there is no such variant, or there are no such data.
    """
    check_variant(variant, VARIANTS)
    found = own_data(path, size)
    _check_size(found)
    likelihood = likelihood_of(found, variant)
    height, width, channels = found.image_shape
    print(
        f"own data: {found.said}; as {height} x {width} x {channels}, {found.values}, "
        f"p(x|z) {likelihood['name']}"
    )
    run = _nvae if variant in NVAES else _conv_vae
    return run(variant, found, likelihood)


def _check_size(found: OwnData) -> None:
    """Raise where the last feature map of a network would be nearly as large as the images."""
    height, width, _ = found.image_shape
    smaller = 2 ** halvings(found.image_shape)
    if (height // smaller) * (width // smaller) > LARGEST_MAP:
        near = "x".join(str(max(16, round(side / 16) * 16)) for side in (height, width))
        if found.section.get("image_size"):
            raise ConfigError(
                f"--size: expected sides that can be halved several times, as {near}, got "
                f"{height}x{width}"
            )
        raise ConfigError(
            f"--data: expected images with sides that can be halved several times, got "
            f"{height}x{width}; --size={near} resizes uint8 of 1 or 3 channels, pad others"
        )


def likelihood_of(found: OwnData, variant: str) -> dict[str, Any]:
    """The section `likelihood` of a model of data."""
    if found.values == "binary" or variant == "beta":
        return dict(name="bernoulli")
    if variant not in NVAES:
        return dict(name="gaussian", scale=SCALE)
    if found.values == "8 bits" and found.image_shape[2] in (1, 3):
        return dict(name="logistic_mixture", num_mixtures=3, bits=8)
    return dict(name="gaussian", scale=None)


def halvings(image_shape: tuple[int, int, int], smallest: int = 4) -> int:
    """How often height and width can be halved down to `smallest` pixels of the shorter."""
    height, width, _ = image_shape
    count = 0
    while height % 2 == width % 2 == 0 and min(height, width) >= 2 * smallest:
        height, width, count = height // 2, width // 2, count + 1
    return count


def _conv_vae(variant: str, found: OwnData, likelihood: dict[str, Any]) -> ConfigDict:
    depth = halvings(found.image_shape)
    evaluations: dict[str, Any] = dict(bound=dict(split="test", batch_size=128))
    if found.section.get("factors"):
        evaluations["disentanglement"] = dict(scores=EVAL["disentanglement"]["scores"])
    return run_config(
        data=found.section,
        model=dict(
            name="ConvVAE",
            latent_size=32,
            likelihood=likelihood,
            widths=tuple(32 if layer < 2 else 64 for layer in range(max(1, depth))),
            kernels=4,
            strides=2 if depth else 1,
            dense=(256,),
        ),
        objective=dict(name="elbo", beta=1.0),
        optimizer=dict(name="adam", learning_rate=1e-3),
        train=dict(
            num_steps=STEPS,
            batch_size=64,
            ema_decay=0.99,
            skip_factor=10.0,
            log_every=50,
            eval_every=1_000,
        ),
        eval=evaluations,
        variant=variant,
        variants={"beta": BETA, "smoke": SMOKE},
    )


def _nvae(variant: str, found: OwnData, likelihood: dict[str, Any]) -> ConfigDict:
    """Up to three scales of 4 to 32 pixels, as the published networks have them."""
    settings, depth = dict(NVAES[variant]), halvings(found.image_shape)
    num_blocks = min(depth, 2 if max(found.image_shape[:2]) > 64 else 1)
    num_scales = min(3, depth - num_blocks + 1)
    groups = settings.pop("groups")[-num_scales:]
    model = dict(settings.pop("model"), groups=groups, num_blocks=num_blocks, likelihood=likelihood)
    return nvae_run(
        "",
        dict(
            data=found.section,
            model=model,
            bound=dict(split="test", batch_size=16, num_examples=512),
            num_images=100 * settings["batch_size"],
            warmup_epochs=1,
            **settings,
        ),
        {},
    )
