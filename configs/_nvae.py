"""What the runs of NVAE share: epochs as steps, and the schedules that follow from them.

Vahdat & Kautz, NVAE, 2020, appendix A and the published commands: Adamax (eps 1e-3, L2 3e-4) with
warm-up and cosine, KL warm-up over 30 % of a run, spectral and batch-norm penalties. Ours: steps
whose gradients explode are skipped.
"""

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from vaejax.config import run_config


def nvae_run(
    variant: str, published: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]
) -> ConfigDict:
    """The configuration of the published settings, or of a variant that changes some of them.

    Args:
        variant: one of `variants`, or empty.
        published: arguments of `_sections`; `data`, `model` and `eval` are dicts.
        variants: by name, what differs; dicts are merged key by key, but for `data` with a `name`.
    """
    variants = {"": {}, **variants}
    if variant not in variants:
        run_config(variant, {name: {} for name in variants})  # says which there are
    settings = dict(published)
    for key, value in variants[variant].items():
        merged = isinstance(value, Mapping) and "name" not in value
        settings[key] = {**settings[key], **value} if merged else value
    return run_config(**_sections(**settings))


def _sections(
    *,
    data: Mapping[str, Any],
    model: Mapping[str, Any],
    eval: Mapping[str, Any],
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
    evaluations = dict(bound=eval)
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
