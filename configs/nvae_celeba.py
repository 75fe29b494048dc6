"""NVAE on CelebA, 64 x 64.

    python -m vaejax.main --config=configs/nvae_celeba.py --workdir=runs/nvae_celeba

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      CelebA through tfds, 148 x 148 crop to 64 x 64, flipped at random. With the files at
           hand: --config.data.manual_dir=FOLDER; see `vaejax/data/celeb_a.py`.
Model:     35 latent groups at 8 x 8 to 32 x 32, flows, 153 million parameters; a mixture of ten
           logistics.
Expect:    2.03 bits per dimension on the validation split (paper, quoted from memory), with the
           official likelihood, which sums to a little more than 1 (`--config.model.nvae_compat`);
           clean is a little higher.
Hardware:  8 V100 for 92 hours (90 epochs, batch 128 in all).
Variants:  :small for one GPU of 16 GB; :laptop for two CPU cores, 5 groups, 1.4 million
           parameters: 4.52 bits per dimension after 2,000 steps of 16 images, 18 CPU minutes, on a
           part of CelebA, faces recognisable after 500 (`docs/results.md`); :demo the same for
           800 steps on coloured sprites drawn on the fly, which needs no data (not timed); :smoke.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from vaejax.recipes.nvae import SMOKE, TINY, nvae_run

PUBLISHED = dict(
    data=dict(
        name="celeb_a",
        image_size=64,
        flip=True,
        data_dir="~/tensorflow_datasets",
        manual_dir=placeholder(str),
    ),
    model=dict(
        likelihood=dict(name="logistic_mixture", bits=8),
        groups=(5, 10, 20),
        encoder_features=64,
        decoder_features=64,
        num_flows=1,
        nvae_compat=False,
    ),
    bound=dict(split="validation", batch_size=32),
    num_images=162_770,
    num_epochs=90,
    batch_size=128,
    penalty=1e-1,
)
LAPTOP = dict(
    TINY,
    likelihood=dict(name="logistic_mixture", bits=8, num_mixtures=3),
    groups=(1, 2, 2),
    latent_channels=16,
    encoder_features=8,
    decoder_features=8,
    num_blocks=2,
)
# An "epoch" of these schedules is 100 steps, so that the cosine has some to fall over.
SHORT = dict(
    num_images=1_600, num_epochs=20, batch_size=16, warmup_epochs=1, evals=4, ema_decay=0.99
)
VARIANTS = {
    "small": dict(
        model=dict(groups=(3, 6, 12), encoder_features=32, decoder_features=32, dtype="bfloat16"),
        batch_size=32,
    ),
    "laptop": dict(model=LAPTOP, bound=dict(num_examples=512), **SHORT),
    "demo": dict(
        data=dict(name="dsprites", coloured=True),
        model=LAPTOP,
        bound=dict(split="test", num_examples=512),
        **{**SHORT, "num_epochs": 8},
    ),
    "smoke": SMOKE,
}


def get_config(variant: str = "") -> ConfigDict:
    return nvae_run(variant, PUBLISHED, VARIANTS)
