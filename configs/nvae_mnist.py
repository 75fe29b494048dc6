"""NVAE on binarised MNIST.

    python -m vaejax.main --config=configs/nvae_mnist.py --workdir=runs/nvae_mnist

Paper:     Vahdat & Kautz, NVAE, 2020, table 1.
Data:      MNIST, padded to 32 x 32 and binarised anew at every use. Put the four official files
           where `data.path` says, or --config.data.path=FOLDER.
Model:     15 latent groups at 4 x 4 and 8 x 8, 33.4 million parameters; Bernoulli, the padding is
           not scored.
Expect:    78.01 nats per image on the test split (1,000 importance samples of every image). While
           it trains, 100 samples of 1,000 images; the paper's numbers afterwards:
           --mode=evaluate --config.eval.importance_weighted.num_samples=1000
           --config.eval.importance_weighted.num_examples=10000.
Hardware:  2 V100 for 21 hours (400 epochs, batch 400 in all).
Variants:  :small for one GPU of 16 GB; :laptop for two CPU cores, 3 groups, 320,000 parameters:
           -92.7 nats after 2,349 of 4,000 steps of 32 images, 18 CPU minutes, -89.3 by 100
           importance samples (`docs/results.md`); :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.nvae import SMOKE, TINY, nvae_run

PUBLISHED = dict(
    data=dict(name="mnist", path="~/datasets/mnist", pad=2, binarize="dynamic"),
    model=dict(
        likelihood=dict(name="bernoulli", border=2),
        groups=(5, 10),
        encoder_features=32,
        decoder_features=32,
        num_blocks=2,
        preprocess_cells=3,
        postprocess_cells=3,
    ),
    bound=dict(split="test", batch_size=100),
    importance_weighted=dict(
        split="test", num_samples=100, chunk=10, batch_size=100, num_examples=1_000
    ),
    num_images=60_000,
    num_epochs=400,
    batch_size=400,
)
LAPTOP = dict(TINY, groups=(1, 2), latent_channels=8, encoder_features=8, decoder_features=8)
# An "epoch" of the laptop's schedules is 100 steps, so that the cosine has some to fall over.
VARIANTS = {
    "small": dict(batch_size=100, num_epochs=100, model=dict(dtype="bfloat16")),
    "laptop": dict(
        model=LAPTOP,
        num_images=3_200,
        num_epochs=40,
        batch_size=32,
        warmup_epochs=2,
        evals=4,
        ema_decay=0.99,
        importance_weighted=dict(num_examples=200),
    ),
    # The program of the importance-weighted estimate takes minutes to compile on small machines.
    "smoke": dict(SMOKE, importance_weighted=None),
}


def get_config(variant: str = "") -> ConfigDict:
    return nvae_run(variant, PUBLISHED, VARIANTS)
