"""Which latents switch on as the capacity grows.

Burgess et al., Understanding disentangling in beta-VAE, 2018, section 5 and figure 3: "early
capacity is allocated to positional latents only, followed by a scale latent, then shape and
orientation latents". Which factor a latent stands for is read off the share of the variance of its
mean that each factor explains (`vaejax.metrics.correlation_ratio`).
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.trained import history
from vaejax.sweep import Member

ON = 0.5  # nats: the KL from which a latent counts as on
TOLD = 0.25  # share of some latent's variance from which a factor counts as told
SHARE = "correlation_ratio/"


class Rise(NamedTuple):
    """One run while its capacity rises, at T evaluations on held-out images.

    Attributes:
        capacity: C(t) [T], nats.
        kl: of each latent, [T, D] nats.
        log_px: [T], nats per image.
        factors: the names of the factors.
        shares: of the variance of each latent's mean by factor, [T, D, F].
    """

    capacity: np.ndarray
    kl: np.ndarray
    log_px: np.ndarray
    factors: tuple[str, ...]
    shares: np.ndarray


def rise(member: Member) -> Rise:
    """Read what a run of the capacity objective logged."""
    bound = history(member.workdir, "test/bound")
    shares = history(member.workdir, "test/correlation_ratio")
    factors = tuple(name.removeprefix(SHARE) for name in shares if name.startswith(SHARE))
    return Rise(
        capacity=bound["capacity"],
        kl=bound["kl_dims/0"],
        log_px=bound["log_px"],
        factors=factors,
        shares=np.stack([shares[SHARE + name] for name in factors], axis=-1),
    )


def leading(rise: Rise) -> list[str]:
    """For each latent the factor that explains most of it at the end, [D]."""
    return [rise.factors[i] for i in rise.shares[-1].argmax(-1)]


def best_shares(rise: Rise) -> np.ndarray:
    """For each factor its share of the latent that it explains best, [T, F].

    Latents that are off do not count: the mean of such a latent hardly moves, whatever moves it.
    """
    return np.where((rise.kl > ON)[..., None], rise.shares, 0.0).max(1)


def first(capacity: np.ndarray, reached: np.ndarray) -> float | None:
    """The capacity from which on something is reached to the end; None if it is not at the end."""
    if not reached[-1]:
        return None
    (missed,) = np.nonzero(~reached)
    return float(capacity[missed[-1] + 1 if len(missed) else 0])


def results_of(rise: Rise) -> dict[str, Any]:
    """When each latent and each factor came in, and the numbers at the end."""
    latents = [
        {
            "latent": int(d),
            "on_from_capacity": first(rise.capacity, rise.kl[:, d] > ON),
            "kl": float(rise.kl[-1, d]),
            "shares": dict(zip(rise.factors, rise.shares[-1, d].tolist(), strict=True)),
        }
        for d in np.argsort(-rise.kl[-1], kind="stable")
    ]
    best = best_shares(rise)
    return {
        "capacity": rise.capacity.tolist(),
        "kl": rise.kl.sum(1).tolist(),
        "log_px": rise.log_px.tolist(),
        "latents": latents,
        "factor_told_from_capacity": {
            name: first(rise.capacity, best[:, f] > TOLD) for f, name in enumerate(rise.factors)
        },
    }
