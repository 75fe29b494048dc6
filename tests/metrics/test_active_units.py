import numpy as np
import pytest

from vaejax.distributions import Normal, kl_normal
from vaejax.metrics import active_units


def test_dead_codes_do_not_count(dead):
    assert active_units(dead)["active_units"] == 3
    assert active_units(0.05 * dead)["active_units"] == 0


def test_a_latent_that_counts_may_carry_next_to_nothing(useless):
    """Var(mean) = 0.0121 with as much less noise: 0.006 nats, and it counts."""
    means = 0.11 * (useless - useless.mean(0)) / useless.std(0)
    posterior = Normal(means, np.full_like(means, np.sqrt(1 - 0.11**2)))
    scores = active_units(means, kl_normal(posterior, Normal.standard(means)))
    expected = 0.5 * (0.11**2 + (1 - 0.11**2) - np.log(1 - 0.11**2) - 1)
    assert scores["active_units"] == 3 and expected < 0.01
    np.testing.assert_allclose(scores["code_kls"], expected, rtol=1e-4)
    assert scores["active_kl"] == pytest.approx(3 * expected, rel=1e-4)
    assert scores["weakest_active_kl"] == pytest.approx(expected, rel=1e-4)
    assert scores.record["min_variance"] == 0.01


def test_only_active_codes_have_a_part_in_the_sum(dead):
    kls = np.broadcast_to(np.array([1.0, 2.0, 3.0, 0.5, 0.25]), dead.shape)
    scores = active_units(dead, kls)
    assert (scores["active_kl"], scores["weakest_active_kl"]) == (6.0, 1.0)
    none = active_units(0 * dead, kls)
    assert (none["active_units"], none["active_kl"], none["weakest_active_kl"]) == (0, 0.0, 0.0)


def test_unfit_arrays_are_refused(useless):
    unknown = np.where(np.arange(3) == 1, np.nan, useless)
    with pytest.raises(FloatingPointError, match="kls: expected finite numbers, got nan for code"):
        active_units(useless, unknown)
    with pytest.raises(ValueError, match=r"kls: expected \(\d+, 3\), as codes, got \(\d+, 2\)"):
        active_units(useless, useless[:, :2])
