"""Your own pictures or arrays, in a line.

    python -m vaejax.main --config=configs/own.py --data=FOLDER --size=64 --workdir=runs/own

Paper:     Kingma & Welling, Auto-encoding variational Bayes, 2014; `:beta`: Higgins et al.,
           beta-VAE, 2017, with the output of Locatello et al., 2019; `:nvae`: Vahdat & Kautz, 2020.
Data:      a folder of pictures, or a `.npy` or `.npz` file of images, with factors and labels if it
           has them (`docs/data.md`). Bits, channels and what p(x|z) is are chosen from them, and
           said in a line; every choice is a value that can be set.
Model:     ConvVAE by numbers, as many halvings as the size allows, 32 latents; `:beta` ten.
           p(x|z): Bernoulli of binary images; else a Gaussian of scale 0.1, of `:beta` the
           cross-entropy, to which the betas of the literature belong, and of `:nvae` a mixture of
           discretised logistics, which gives bits per dimension (`vaejax/recipes/own.py`).
Expect:    pictures that say after minutes whether it learns; what it learns is your data's.
Hardware:  two CPU cores, shared: 1,200 steps of 64 colour images of 32 x 32 in five minutes, shapes
           and colours recognisable. `:nvae` is for one GPU of 16 GB (not run).
Variants:  :beta (beta = 4); :nvae, :nvae_laptop (for two CPU cores); :smoke.
"""

from ml_collections import ConfigDict

from vaejax.recipes.own import own_run


def get_config(variant: str = "", *, data: str = "", size: str = "") -> ConfigDict:
    return own_run(variant, data, size)
