"""The lecture's pages on likelihood: how tight the bound is, how noisy, and where its KL goes.

    python experiments/lecture_likelihood.py --workdir=runs/likelihood --laptop

Trains what is not trained yet (a stopped run goes on). `--workdir` then holds `runs/` (with
`--laptop` `runs_laptop/`), `results.json` and
    table.md                    NLL and active units of VAE and IWAE, k = 1, 5, 50, one and two
                                stochastic layers, beside the published ones
    estimators.png              variance of gradient estimators against dimension, and its formula
    surgery.png                 the KL of a beta sweep, taken apart
    collapse.png                posterior collapse on Gaussian data, beside its exact prediction
The published size is the paper's 3,280 epochs, for accelerators. `--laptop` takes 20,000 steps of
20 images (7 epochs), three CPU hours in all; `--smoke` tries the whole path in a minute.

What the lecture and the paper leave open, and what is done here:
    1  The paper's VAE is trained on the mean of sampled log w; here it has the KL in closed form
       where there is one. The expectation is the same, the gradient less noisy.
    2  NLL is over test images binarised once per image and seed of the evaluation, the same for
       all models, with 5,000 samples; at laptop size over 500 of them.
    3  OMNIGLOT is the paper's own file, `chardata.mat`. Another split has other numbers: its rows
       are marked and not compared.
"""
