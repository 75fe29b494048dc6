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
    log_vars = np.full_like(means, np.log(1 - 0.11**2))
    scores = active_units(means, log_vars)
    expected = 0.5 * (0.11**2 + (1 - 0.11**2) - np.log(1 - 0.11**2) - 1)
    assert scores["active_units"] == 3 and expected < 0.01
    np.testing.assert_allclose(scores["code_kls"], expected, rtol=1e-4)
    assert scores["active_kl"] == pytest.approx(3 * expected, rel=1e-4)
    assert scores["weakest_active_kl"] == pytest.approx(expected, rel=1e-4)
    assert scores.record["min_variance"] == 0.01


def test_kls_are_those_of_the_distributions(useless):
    log_vars = 0.5 * useless[::-1] - 1.0
    posterior = Normal(useless, np.exp(0.5 * log_vars))
    expected = np.asarray(kl_normal(posterior, Normal.standard(useless))).mean(0)
    scores = active_units(useless, log_vars)
    np.testing.assert_allclose(scores["code_kls"], expected, rtol=1e-5)
    given = active_units(useless, code_kls=expected)
    assert given["active_kl"] == pytest.approx(scores["active_kl"], rel=1e-5)


def test_only_active_codes_have_a_part_in_the_sum(dead):
    scores = active_units(dead, code_kls=[1.0, 2.0, 3.0, 0.5, 0.25])
    assert (scores["active_kl"], scores["weakest_active_kl"]) == (6.0, 1.0)
    none = active_units(0 * dead, code_kls=np.ones(5))
    assert (none["active_units"], none["active_kl"], none["weakest_active_kl"]) == (0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"code_kls": [1.0, np.nan, 0.0]}, "code_kls: expected finite numbers, got nan for code 1"),
        ({"code_kls": [1.0]}, r"code_kls: expected \[3\], one per code"),
        ({"code_kls": np.ones(3), "log_vars": 0}, "code_kls: expected no log_vars beside them"),
        ({"log_vars": 1e4}, r"log_vars: expected numbers within \+-600, got 10000"),
    ],
)
def test_unfit_arrays_are_refused(arguments, message, useless):
    if "log_vars" in arguments:
        arguments = {**arguments, "log_vars": np.full_like(useless, arguments["log_vars"])}
    with pytest.raises(ValueError, match=message):
        active_units(useless, **arguments)
