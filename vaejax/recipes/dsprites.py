"""What the runs on dSprites share: how they are scored, and their smallest size.

The scores are those of Locatello et al., Challenging common assumptions, 2019.
"""

EVAL = dict(
    disentanglement=dict(
        scores=dict(
            beta_vae_score=dict(),
            factor_vae_score=dict(),
            mig=dict(),
            sap=dict(),
            modularity_explicitness=dict(),
            active_units=dict(),
            dci_lasso=dict(),
        ),
        num_images=100_000,
        num_repeats=5,
    ),
    bound=dict(split="test", batch_size=256, num_examples=10_240),
)
SMOKE = {
    "train.num_steps": 4,
    "train.batch_size": 16,
    "train.log_every": 2,
    "train.eval_every": 4,
    "eval.disentanglement.scores": {"mig": {}, "active_units": {}},
    "eval.disentanglement.num_images": 1_200,
    "eval.disentanglement.num_points": 1_000,
    "eval.disentanglement.num_repeats": 2,
    "eval.bound.batch_size": 32,
    "eval.bound.num_examples": 64,
}
