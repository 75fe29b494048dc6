"""Gated PixelCNN on binarised MNIST: an exact likelihood, pixel by pixel.

    python -m vaejax.main --config=configs/gated_pixelcnn_mnist.py --workdir=runs/gated_pixelcnn

Paper:     van den Oord et al., Conditional image generation with PixelCNN decoders, 2016 (the
           network); Pixel recurrent neural networks, 2016, table 4 (MNIST).
Data:      MNIST, binarised again at every use. Put the four official files where `data.path` says,
           or --config.data.path=FOLDER.
Model:     gated layers in two streams, 7 x 7 and then 3 x 3, no code. With
           --config.model.num_classes=10 it draws digits of given classes.
Training:  Adam, a rate that falls as a cosine, averaged parameters.
Expect:    the paper's PixelCNN reaches 81.30 nats (fixed binarisation; NLL of the test set).
           `:laptop`: 86.6, of images binarised once (docs/results.md).
Hardware:  two hours on a GPU, estimated. `:laptop` an hour and a half on a CPU core.
Variants:  :laptop, a small network; :smoke.
"""

from ml_collections import ConfigDict

from vaejax.runs.config import run_config

LAPTOP_STEPS = 8_000
NETWORK = dict(name="gated_pixelcnn", features=64, num_layers=12, kernel_size=3, head_features=64)


def get_config(variant: str = "") -> ConfigDict:
    num_steps = 200_000
    return run_config(
        data=dict(name="mnist", path="~/datasets/mnist", binarize="dynamic"),
        model=dict(name="Autoregressive", network=NETWORK, likelihood="bernoulli"),
        objective=dict(name="elbo"),
        optimizer=dict(
            name="adam",
            learning_rate=dict(
                name="cosine_decay_schedule", init_value=1e-3, decay_steps=num_steps
            ),
        ),
        train=dict(
            num_steps=num_steps,
            batch_size=64,
            ema_decay=0.999,
            log_every=500,
            eval_every=10_000,
        ),
        eval=dict(bound=dict(split="test", batch_size=500)),
        variant=variant,
        variants={
            "laptop": {
                "model.network.features": 32,
                "model.network.num_layers": 8,
                "model.network.head_features": 32,
                "optimizer.learning_rate.decay_steps": LAPTOP_STEPS,
                "optimizer.learning_rate.init_value": 2e-3,
                "train.num_steps": LAPTOP_STEPS,
                "train.batch_size": 16,
                "train.log_every": 100,
                "train.eval_every": LAPTOP_STEPS // 4,
            },
            "smoke": {
                "model.network.features": 4,
                "model.network.num_layers": 2,
                "model.network.head_features": 4,
                "train.num_steps": 4,
                "train.batch_size": 8,
                "train.log_every": 2,
                "train.eval_every": 2,
                "eval.bound.batch_size": 16,
            },
        },
    )
