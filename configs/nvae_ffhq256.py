"""NVAE on FFHQ, 256 x 256, 5 bits.

    python -m vaejax.main --config=configs/nvae_ffhq256.py --workdir=runs/nvae_ffhq256

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      a folder of pictures, 63,000 and 7,000 of the 70,000, in sub-folders
           `train` and `test`: --config.data.path=FOLDER.
Model:     36 latent groups at 8 x 8 to 128 x 128, flows, 331 million parameters; a mixture of
           ten logistics over 5 bits.
Expect:    0.69 bits per dimension (paper, quoted from memory) on the test split.
Hardware:  24 V100 of 32 GB for 160 hours (200 epochs, batch 96 in all).
Variants:  :small for one GPU of 24 GB (chosen, not timed), :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.nvae import SMOKE, nvae_run

PUBLISHED = dict(
    data=dict(name="folder", path="~/datasets/ffhq256", image_size=256, flip=True, bits=5),
    model=dict(
        likelihood=dict(name="logistic_mixture", bits=5),
        groups=(4, 4, 4, 8, 16),
        encoder_features=30,
        decoder_features=30,
        num_flows=2,
        nvae_compat=False,
    ),
    bound=dict(split="test", batch_size=8),
    num_images=63_000,
    num_epochs=200,
    batch_size=96,
    learning_rate=8e-3,
    penalty=1e-1,
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
