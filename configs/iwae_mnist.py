"""An importance-weighted autoencoder on binarised MNIST in the setting of the IWAE paper.

    python -m vaejax.main --config=configs/iwae_mnist.py --workdir=runs/iwae_mnist

Paper:     Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, 2016, table 1.
Data:      MNIST, binarised again at every use; the last 400 training images are for validation. Put
           the four official files where `data.path` says, or --config.data.path=FOLDER.
Model:     784-200-200 tanh, 50 latents, 200-200-784; Bernoulli. With --config.model.num_layers=2
           100 latents and, by 100-100, 50 above them. The pixels begin at the mean image.
Training:  Adam (0.99, 0.999, eps 1e-4), batches of 20, a learning rate that falls in eight stages.
           The paper's second moments begin at one, ours at zero with the usual correction; its VAE
           draws the KL, of which ours has what it can in closed form: the same in expectation.
Objective: the importance-weighted bound of 50 samples; with --config.objective.num_samples=1 it is
           the VAE of the first row.
Expect:    minus the test log-likelihood by 5,000 importance samples of every image, in nats, and
           active units of the first 500 training images, those of the upper layer last:

               samples     VAE, 1 layer   IWAE, 1 layer   VAE, 2 layers   IWAE, 2 layers
               1           86.76 (19)     86.76 (19)      85.33 (16+5)    85.33 (16+5)
               5           86.47 (20)     85.54 (22)      85.01 (17+5)    83.89 (21+5)
               50          86.35 (20)     84.78 (25)      84.78 (17+5)    82.90 (26+7)

Hardware:  9,774,400 steps (3,280 epochs): 160 hours on a CPU core, estimated from
           60 ms a step (11 ms for the VAE).
Variants:  :laptop, 3.4 epochs of a rate that falls as a cosine, scored on 500 test images: ten
           minutes on a CPU core (two for the VAE); :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.iwae import iwae_run


def get_config(variant: str = "") -> ConfigDict:
    return iwae_run(
        variant,
        data=dict(name="mnist", path="~/datasets/mnist", binarize="dynamic", num_validation=400),
        steps_per_epoch=59_600 // 20,
    )
