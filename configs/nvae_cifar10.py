"""NVAE on CIFAR-10, 32 x 32.

    python -m vaejax.main --config=configs/nvae_cifar10.py --workdir=runs/nvae_cifar10

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      CIFAR-10 through tfds, flipped at random. With the file at hand:
           --config.data.manual_dir=FOLDER; see `vaejax/data/cifar10.py`.
Model:     30 latent groups at 16 x 16, flows, 131 million parameters; a mixture of ten logistics.
Expect:    2.91 bits per dimension on the test split (official likelihood, see `nvae_celeba.py`).
Hardware:  8 V100 for 55 hours (400 epochs, batch 256 in all).
Variants:  :small for one GPU of 24 GB (chosen, not timed), :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.nvae import SMOKE, nvae_run

PUBLISHED = dict(
    data=dict(name="cifar10", data_dir="~/tensorflow_datasets", flip=True),
    model=dict(
        likelihood=dict(name="logistic_mixture", bits=8),
        groups=(30,),
        encoder_features=128,
        decoder_features=128,
        num_flows=1,
        nvae_compat=False,
    ),
    bound=dict(split="test", batch_size=50),
    num_images=50_000,
    num_epochs=400,
    batch_size=256,
)
VARIANTS = {
    "small": dict(
        model=dict(encoder_features=64, decoder_features=64, dtype="bfloat16"),
        batch_size=32,
    ),
    "smoke": SMOKE,
}


def get_config(variant: str = "") -> ConfigDict:
    return nvae_run(variant, PUBLISHED, VARIANTS)
