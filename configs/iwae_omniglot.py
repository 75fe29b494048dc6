"""An importance-weighted autoencoder on binarised Omniglot in the setting of the IWAE paper.

    python -m vaejax.main --config=configs/iwae_omniglot.py --workdir=runs/iwae_omniglot

Paper:     Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, table 1.
Data:      Omniglot, 24,345 images of 28 x 28 to train on (1,345 of them for validation) and 8,070
           to test, binarised again at every use. Put the paper's file `chardata.mat`
           (github.com/yburda/iwae, datasets/OMNIGLOT) where `data.path` says, or
           --config.data.path=FILE. Likelihoods on the official split by alphabets are no
           likelihoods on this one.
Model:     as in `iwae_mnist.py`, one stochastic layer or (--config.model.num_layers=2) two.
Training:  as in `iwae_mnist.py`.
Objective: the importance-weighted bound of 50 samples; with --config.objective.num_samples=1 it is
           the VAE of the first row.
Expect:    minus the test log-likelihood by 5,000 importance samples of every image, in nats, and
           active units of the first 500 training images, those of the upper layer last:

               samples     VAE, 1 layer   IWAE, 1 layer   VAE, 2 layers   IWAE, 2 layers
               1           108.11 (28)    108.11 (28)     107.58 (28+4)   107.56 (30+5)
               5           107.62 (28)    106.12 (34)     106.31 (30+5)   104.79 (38+6)
               50          107.80 (28)    104.67 (41)     106.30 (30+5)   103.38 (44+7)

Hardware:  3,772,000 steps (3,280 epochs): 60 hours on a CPU core, estimated from
           60 ms a step (11 ms for the VAE).
Variants:  :laptop, 9 epochs of a rate that falls as a cosine, scored on 500 test images: ten
           minutes on a CPU core (two for the VAE); :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.iwae import iwae_run


def get_config(variant: str = "") -> ConfigDict:
    path = "~/datasets/omniglot/chardata.mat"
    return iwae_run(
        variant,
        data=dict(name="omniglot_chardata", path=path, binarize="dynamic", num_validation=1_345),
        steps_per_epoch=23_000 // 20,
    )
