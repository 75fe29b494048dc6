"""NVAE on ImageNet, 32 x 32.

    python -m vaejax.main --config=configs/nvae_imagenet32.py --workdir=runs/nvae_imagenet32

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      the old down-sampled set through tfds, flipped at random. With the archives at hand:
           --config.data.manual_dir=FOLDER; see `vaejax/data/downsampled_imagenet.py`.
Model:     28 latent groups at 16 x 16, flows, 269 million parameters; a mixture of ten logistics.
Expect:    3.92 bits per dimension on the validation split (paper, quoted from memory; the
           official likelihood).
Hardware:  24 V100 for 70 hours (45 epochs, batch 576 in all).
Variants:  :small for one GPU of 24 GB (chosen, not timed), :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.nvae import SMOKE, nvae_run

PUBLISHED = dict(
    data=dict(
        name="downsampled_imagenet", image_size=32, flip=True, data_dir="~/tensorflow_datasets"
    ),
    model=dict(
        likelihood=dict(name="logistic_mixture", bits=8),
        groups=(28,),
        encoder_features=192,
        decoder_features=192,
        num_flows=1,
        nvae_compat=False,
    ),
    bound=dict(split="validation", batch_size=50),
    num_images=1_281_147,
    num_epochs=45,
    batch_size=576,
    warmup_epochs=1,
    penalty=1e-2,
    initial_penalty=1.0,
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
