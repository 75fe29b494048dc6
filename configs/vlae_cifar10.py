"""A variational lossy autoencoder on CIFAR-10: global codes, local pixels.

    python -m vaejax.main --config=configs/vlae_cifar10.py --workdir=runs/vlae_cifar10

Paper:     Chen et al., Variational lossy autoencoder, 2017, section 4.3. No code was released, and
           the sizes, rates and free bits below are chosen, not the paper's.
Data:      CIFAR-10 through tfds, flipped at random. With the file at hand:
           --config.data.manual_dir=FOLDER; see `vaejax/data/cifar10.py`.
Model:     a grid of codes, 16 channels at 8 x 8, between residual networks; its prior an
           autoregressive flow of four steps. Pixels are mixtures of ten logistics by a Gated
           PixelCNN that sees two pixels far and no further, so that what is global is left to the
           code; with --config.model.autoregressive.window=1 they are independent given it.
           --config.model.posterior.name=iaf and --config.model.prior=standard put the flow on
           the other side (section 3.2); --config.model.vector_size=512 puts a vector above the
           grid, whose prior is then a PixelCNN, as in PixelVAE.
Objective: the bound, with two nats free in every channel of the code.
Training:  Adam, a rate that falls as a cosine, averaged parameters.
Expect:    the paper's bounds are 3.04 bits per dimension with a ResNet and 2.95 with a DenseNet;
           ours has not been run at this size.
Hardware:  four days on a GPU, estimated. `:laptop` three CPU hours, estimated.
Variants:  :laptop, a small network; :demo, coloured sprites that are drawn on the fly: nothing to
           download; :smoke.
"""

from typing import Any

from ml_collections import ConfigDict

from vaejax.runs.config import run_config

LAPTOP_STEPS, DEMO_STEPS = 10_000, 2_000
CIFAR10 = dict(name="cifar10", data_dir="~/tensorflow_datasets", flip=True)
SPRITES = dict(name="dsprites", coloured=True, fixed=dict(shape=1, orientation=0))
SMALL: dict[str, Any] = {
    "model.latent_channels": 8,
    "model.widths": (24, 32, 48),
    "model.num_residual_blocks": 1,
    "model.prior.num_flows": 2,
    "model.prior.hidden": (32,),
    "model.autoregressive.features": 32,
    "model.autoregressive.num_layers": 3,
    "model.autoregressive.head_features": 32,
    "model.autoregressive.map_features": 16,
    "model.likelihood.num_mixtures": 5,
    "optimizer.learning_rate.init_value": 2e-3,
    "train.batch_size": 16,
    "train.log_every": 50,
}


def get_config(variant: str = "") -> ConfigDict:
    num_steps = 400_000
    return run_config(
        data=SPRITES if variant == "demo" else CIFAR10,
        model=dict(
            name="PixelVAE",
            latent_channels=16,
            widths=(96, 128, 192),
            kernels=(3, 4, 4),
            strides=(1, 2, 2),
            num_residual_blocks=4,
            likelihood=dict(name="logistic_mixture", bits=8, num_mixtures=10),
            prior=dict(name="autoregressive_flow", num_flows=4, hidden=(192, 192)),
            autoregressive=dict(
                name="gated_pixelcnn",
                features=128,
                num_layers=6,
                head_features=128,
                map_features=64,
                window=5,
            ),
        ),
        objective=dict(name="elbo", free_bits=2.0),
        optimizer=dict(
            name="adam",
            learning_rate=dict(
                name="cosine_decay_schedule", init_value=1e-3, decay_steps=num_steps
            ),
            clip_norm=200.0,
        ),
        train=dict(
            num_steps=num_steps,
            batch_size=64,
            ema_decay=0.9995,
            log_every=500,
            eval_every=20_000,
        ),
        eval=dict(bound=dict(split="test", batch_size=100)),
        variant=variant,
        variants={
            "laptop": {
                **SMALL,
                "optimizer.learning_rate.decay_steps": LAPTOP_STEPS,
                "train.num_steps": LAPTOP_STEPS,
                "train.ema_decay": 0.999,
                "train.eval_every": LAPTOP_STEPS // 4,
            },
            "demo": {
                **SMALL,
                "model.widths": (16, 24, 32),
                "model.kernels": (4, 4, 4),
                "model.strides": (2, 2, 2),
                "model.autoregressive.features": 16,
                "model.autoregressive.num_layers": 2,
                "model.autoregressive.map_features": 8,
                "model.likelihood.num_mixtures": 2,
                "train.batch_size": 8,
                "optimizer.learning_rate.decay_steps": DEMO_STEPS,
                "train.num_steps": DEMO_STEPS,
                "train.ema_decay": 0.99,
                "train.eval_every": DEMO_STEPS // 4,
            },
            "smoke": {
                **SMALL,
                "model.latent_channels": 2,
                "model.widths": (4, 4, 4),
                "model.num_residual_blocks": 0,
                "model.prior.num_flows": 1,
                "model.prior.hidden": (4,),
                "model.autoregressive.features": 4,
                "model.autoregressive.num_layers": 1,
                "model.autoregressive.head_features": 4,
                "model.autoregressive.map_features": 4,
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.bound.batch_size": 16,
            },
        },
    )
