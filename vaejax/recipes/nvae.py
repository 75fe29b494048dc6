"""The runs of NVAE: epochs as steps, and the schedules that follow from them.

Vahdat & Kautz, NVAE, 2020, appendix A and the published commands: Adamax (eps 1e-3, L2 3e-4) with
warm-up and cosine, KL warm-up over 30 % of a run, spectral and batch-norm penalties. Ours: steps
whose gradients explode are skipped.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from vaejax.runs.config import check_variant, run_config

# The least of every part, from which small variants start.
TINY = dict(
    groups=(1, 1),
    latent_channels=2,
    encoder_features=4,
    decoder_features=4,
    preprocess_cells=1,
    postprocess_cells=1,
    encoder_cells=1,
    decoder_cells=1,
    num_flows=0,
)
SMOKE = dict(
    model=TINY,
    bound=dict(batch_size=8),
    num_images=16,
    num_epochs=2,
    batch_size=8,
    warmup_epochs=0,
    evals=2,
)


def nvae_run(
    variant: str, published: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]
) -> ConfigDict:
    """The configuration of the published settings, or of a variant that changes some of them.

    Args:
        variant: one of `variants`, or empty.
        published: arguments of `_sections`; `data`, `model` and `bound` are dicts.
        variants: by name, what differs; dicts are merged key by key, but for `data` with a `name`.
    """
    check_variant(variant, variants)
    settings = dict(published)
    for key, value in variants.get(variant, {}).items():
        merged = isinstance(value, Mapping) and "name" not in value
        settings[key] = {**settings[key], **value} if merged else value
    return run_config(**_sections(**settings))


def _sections(
    *,
    data: Mapping[str, Any],
    model: Mapping[str, Any],
    bound: Mapping[str, Any],
    num_images: int,
    num_epochs: int,
    batch_size: int,
    learning_rate: float = 1e-2,
    warmup_epochs: int = 5,
    penalty: float = 1e-2,
    initial_penalty: float | None = None,
    evals: int = 20,
    importance_weighted: Mapping[str, Any] | None = None,
    ema_decay: float = 0.999,
) -> dict[str, Any]:
    steps_per_epoch = num_images // batch_size
    num_steps = num_epochs * steps_per_epoch
    beta = dict(name="warm_up", num_steps=0.3 * num_steps, delay=1e-4 * num_steps)
    weight: Any = penalty
    if initial_penalty is not None:
        weight = dict(name="annealed_with", share=beta, initial=initial_penalty, final=penalty)
    evaluations = dict(bound=bound)
    if importance_weighted is not None:
        evaluations["importance_weighted"] = importance_weighted
    rate = dict(
        name="nvae_learning_rate",
        peak=learning_rate,
        num_epochs=num_epochs,
        steps_per_epoch=steps_per_epoch,
        warmup_epochs=warmup_epochs,
    )
    return dict(
        data=data,
        model=dict(name="NVAE", **model),
        objective=dict(name="nvae", beta=beta, penalty=weight),
        optimizer=dict(name="adamax", learning_rate=rate, eps=1e-3, l2=3e-4),
        train=dict(
            num_steps=num_steps,
            batch_size=batch_size,
            skip_factor=10.0,
            ema_decay=ema_decay,
            log_every=max(1, min(100, num_steps // 10)),
            eval_every=max(1, num_steps // evals),
        ),
        eval=evaluations,
    )
