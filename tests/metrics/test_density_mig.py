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


def test_unequal_shapes_are_refused(perfect, grid, key):
    with pytest.raises(ValueError, match="log_vars: expected"):
        density_mig(perfect, perfect[:, :1], grid, rng=key)
