import jax
import numpy as np
import pytest

from vaejax.metrics.standardise import centred, deviations, standardised

FAR = np.float32(1e5)


@pytest.fixture(scope="module")
def codes():
    """Codes [2000, 3] that are still exact where they lie 1e5 away, in float32."""
    return (np.random.default_rng(0).integers(-64, 65, (2000, 3)) / 32).astype(np.float32)


@pytest.mark.parametrize("run", [lambda f: f, jax.jit], ids=["at hand", "traced"])
def test_offsets_of_float32_codes_are_undone(codes, run):
    expected = codes - codes.mean(0, dtype=np.float64)
    near = np.asarray(run(centred)(codes + FAR))
    np.testing.assert_allclose(near - near[0], codes - codes[0], atol=1e-6)
    assert abs(near.mean(0)).max() < 0.01
    ours, other = run(standardised)(codes + FAR, codes[:9] + FAR)
    np.testing.assert_allclose(ours, expected / expected.std(0), atol=1e-5)
    np.testing.assert_allclose(other, (expected / expected.std(0))[:9], atol=1e-5)
    assert ours.dtype == np.float32


@pytest.mark.parametrize("run", [lambda f: f, jax.jit], ids=["at hand", "traced"])
def test_codes_that_do_not_vary_are_only_moved(run):
    codes = np.full((1000, 2), 0.1, np.float32)
    assert not np.asarray(run(deviations)(codes)).any()
    ours, other = run(standardised)(codes, codes[:2] + np.float32(3))
    np.testing.assert_allclose(ours, 0 * ours, atol=1e-8)
    np.testing.assert_allclose(other, 3 + 0 * other, rtol=1e-6)
