import jax
import numpy as np
import pytest

from vaejax.metrics import density_mig, mig


def test_narrow_posteriors_agree_with_the_histogram(perfect, grid, key):
    log_vars = np.full_like(perfect, -8.0)
    score = density_mig(perfect, log_vars, grid, rng=key, num_samples=400)
    assert score["density_mig"] == pytest.approx(mig(perfect, grid)["mig"], abs=0.02)


def test_a_binary_code_in_noise(key):
    """z ~ N(+-1, 1): I(z; v) = 0.3365 nats by quadrature."""
    v = np.arange(1000)[:, None] % 2
    means = np.concatenate([2.0 * v - 1.0, 0.0 * v], axis=1).astype(np.float32)
    score = density_mig(means, 0 * means, v, rng=key, num_samples=4000)
    x = np.linspace(-9, 9, 20_001)
    p = [np.exp(-0.5 * (x - m) ** 2) / np.sqrt(2 * np.pi) for m in (-1, 1)]
    truth = np.trapezoid(p[1] * np.log(p[1] / (0.5 * p[0] + 0.5 * p[1])), x)
    np.testing.assert_allclose(score["mutual_information"][:, 0], [truth, 0.0], atol=0.03)


def test_posteriors_without_width_are_the_codes_themselves(perfect, grid, key):
    """I(z_d; v_k) is H(v_k) where z_d is v_k, and 0 where it is another factor."""
    for log_var in (-60.0, -400.0):
        log_vars = np.full_like(perfect, log_var)
        score = density_mig(perfect, log_vars, grid, rng=key, num_samples=400)
        expected = np.diag(np.log([3, 4, 5]))
        np.testing.assert_allclose(score["mutual_information"], expected, atol=1e-5)
        assert score["density_mig"] == pytest.approx(1.0, abs=1e-5)


def test_posteriors_wider_than_all_codes_say_nothing(perfect, grid, key):
    score = density_mig(perfect, np.full_like(perfect, 400.0), grid, rng=key, num_samples=40)
    np.testing.assert_allclose(score["mutual_information"], 0.0, atol=1e-5)


def test_a_factor_that_does_not_vary_among_the_rows_drawn_is_left_out(perfect, grid, key):
    factors, given = grid.copy(), {"rng": key, "num_points": 500, "num_samples": 40}
    factors[:, 1] = np.arange(1080) < 2
    given["rng"] = jax.random.key(7)  # which draws neither of the two
    log_vars = np.full_like(perfect, -8.0)
    with pytest.warns(UserWarning, match="left out: factors: column 1 has 1 value in the rows"):
        score = density_mig(perfect, log_vars, factors, **given)
    expected = density_mig(perfect, log_vars, grid[:, [0, 2]], **given)
    assert score["density_mig"] == pytest.approx(expected["density_mig"], abs=1e-6)
    assert score["gaps"][1] == 0.0 and not score["mutual_information"][:, 1].any()
    assert len(score.record["left_out"]) == 1


def test_unequal_shapes_are_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="log_vars: expected"):
        density_mig(perfect, perfect[:, :1], grid, rng=key)
