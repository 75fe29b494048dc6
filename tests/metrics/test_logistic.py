"""Newton's solutions against scikit-learn's."""

import numpy as np
import pytest

from vaejax.metrics.logistic import multinomial, one_vs_rest

linear_model = pytest.importorskip("sklearn.linear_model", reason="needs the extra `metrics`")


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)).astype(np.float32)
    return x, (x @ rng.normal(size=(3, 4)) + rng.normal(size=(300, 4))).argmax(1)


def test_multinomial_is_the_penalised_optimum(data):
    x, y = data
    weights = np.linspace(0.5, 2.0, len(y)).astype(np.float32)
    expected = linear_model.LogisticRegression(C=0.5, tol=1e-10, max_iter=1000)
    expected.fit(x.astype(np.float64), y, sample_weight=weights)
    ours = multinomial(x, y, num_classes=4, l2=2.0, sample_weights=weights)
    np.testing.assert_allclose(ours.weights.T, expected.coef_, atol=2e-3)
    np.testing.assert_allclose(ours.intercepts, expected.intercept_, atol=2e-3)


def test_classes_that_do_not_occur_change_nothing(data):
    x, y = data
    plain = multinomial(x, y, num_classes=4, l2=1.0)
    padded = multinomial(x, 2 * y, num_classes=9, l2=1.0)
    np.testing.assert_allclose(padded.weights[:, :8:2], plain.weights, atol=1e-3)
    assert float(padded.accuracy(x, 2 * y)) == float(plain.accuracy(x, y))


def test_separable_classes_converge():
    x = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)
    y = np.repeat(np.arange(3), 50)
    model = multinomial(x, y, num_classes=3, l2=1e-3)
    assert np.isfinite(model.weights).all()
    assert float(model.accuracy(x, y)) == 1.0


def test_one_vs_rest_penalises_the_intercept(data):
    x, y = data
    ours = one_vs_rest(x, y, num_classes=4, l2=1.0)
    for label in range(4):
        binary = linear_model.LogisticRegression(solver="liblinear", tol=1e-8).fit(x, y == label)
        np.testing.assert_allclose(ours.weights[:, label], binary.coef_[0], atol=2e-3)
        np.testing.assert_allclose(ours.intercepts[label], binary.intercept_[0], atol=2e-3)
