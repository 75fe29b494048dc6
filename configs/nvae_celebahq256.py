"""NVAE on CelebA-HQ, 256 x 256, 5 bits.

    python -m vaejax.main --config=configs/nvae_celebahq256.py --workdir=runs/nvae_celebahq256

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      CelebA-HQ through tfds, flipped at random: put `data256x256.tar` into a folder,
           --config.data.manual_dir=FOLDER. 27,000 and 3,000 images as in Glow's split, but not the
           same ones; see `vaejax/data/celeb_a_hq.py`.
Model:     36 latent groups at 8 x 8 to 128 x 128, flows, 331 million parameters; a mixture of
           ten logistics over 5 bits.
Expect:    0.70 bits per dimension on the test split.
Hardware:  24 V100 of 32 GB for 94 hours (300 epochs, batch 96 in all).
Variants:  :small for one GPU of 24 GB (chosen, not timed), :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.nvae import SMOKE, nvae_run

PUBLISHED = dict(
    data=dict(
        name="celeb_a_hq",
        image_size=256,
        flip=True,
        bits=5,
        data_dir="~/tensorflow_datasets",
    ),
    model=dict(
        likelihood=dict(name="logistic_mixture", bits=5),
        groups=(4, 4, 4, 8, 16),
        encoder_features=30,
        decoder_features=30,
        num_flows=2,
        nvae_compat=False,
    ),
    bound=dict(split="test", batch_size=8),
    num_images=27_000,
    num_epochs=300,
    batch_size=96,
    penalty=1e-2,
    initial_penalty=1.0,
)
VARIANTS = {
    "small": dict(
        model=dict(encoder_features=16, decoder_features=16, dtype="bfloat16"),
        batch_size=8,
    ),
    "smoke": dict(SMOKE, data=dict(image_size=32)),
}


def get_config(variant: str = "") -> ConfigDict:
    return nvae_run(variant, PUBLISHED, VARIANTS)
