"""Where the KL goes, against closed forms, quadrature and the identity itself."""

import jax
import numpy as np
import pytest
import scipy.stats

from vaejax.metrics import Draws, drawn_mean, elbo_surgery, standard_draws

PARTS = ("mutual_information", "total_correlation", "dimension_wise_kl")


def posteriors(seed, num_images, size):
    rng = np.random.default_rng(seed)
    means = rng.normal(size=(num_images, size)).astype(np.float32)
    return means, rng.normal(-1.0, 0.5, size=(num_images, size)).astype(np.float32)


def surgery(means, log_vars, num_samples=2, seed=0, **kwargs):
    draws = standard_draws(means, log_vars, rng=jax.random.key(seed), num_samples=num_samples)
    return elbo_surgery(draws, **kwargs)


@pytest.fixture(scope="module")
def thousand():
    """Of a thousand images with two latents, twenty draws each (family.md: s.e. 0.009)."""
    return surgery(*posteriors(0, 1_000, 2), num_samples=20)


def test_parts_meet_the_kl(thousand):
    gap = thousand["kl"] - sum(thousand[name] for name in PARTS)
    assert gap == pytest.approx(thousand["gap"], abs=1e-5)
    assert 0 < thousand["gap_se"] < 0.02
    assert abs(gap) < 4 * thousand["gap_se"]
    both = thousand["total_correlation"] + thousand["dimension_wise_kl"]
    assert thousand["marginal_kl"] == pytest.approx(both, abs=1e-5)
    assert thousand["kl_se"] < 1e-7


def test_the_kl_is_the_closed_form(thousand):
    means, log_vars = posteriors(0, 1_000, 2)
    expected = 0.5 * (np.exp(log_vars) + means**2 - 1 - log_vars).sum(1).mean()
    assert thousand["kl"] == pytest.approx(expected, rel=1e-5)


def test_information_lies_between_nothing_and_log_n(thousand):
    assert thousand["log_n"] == pytest.approx(np.log(1_000))
    assert 0.5 < thousand["mutual_information"] < np.log(1_000)


def test_equal_posteriors_tell_nothing():
    means = np.tile(np.float32([[0.7, -0.3]]), (50, 1))
    found = surgery(means, np.full_like(means, -1.0), num_samples=500)
    assert 0 <= found["mutual_information"] < 1e-5
    # Then q(z) is q(z | x): independent coordinates, each as far from the prior as all images'.
    assert found["total_correlation"] == pytest.approx(0, abs=1e-5)
    assert abs(found["dimension_wise_kl"] - found["kl"]) < 4 * found["dimension_wise_kl_se"]


def test_images_far_apart_tell_all_there_is_to_tell():
    means = np.float32([[-40.0], [0.0], [40.0], [80.0]])
    found = surgery(means, np.zeros_like(means))
    assert found["mutual_information"] == pytest.approx(np.log(4), abs=1e-6)
    assert found["mutual_information_se"] < 1e-6


MEANS = np.float32([[-1.0, -0.8], [1.2, 1.0], [0.2, -0.1]])
LOG_VARS = np.log(np.float32([[0.3, 0.5], [0.6, 0.2], [0.4, 0.8]]))


@pytest.fixture(scope="module")
def by_quadrature():
    """The parts of three posteriors in the plane, from densities on a fine grid."""
    line = np.linspace(-9.0, 9.0, 1_201)
    each = scipy.stats.norm.pdf(line[:, None, None], MEANS, np.exp(0.5 * LOG_VARS))  # [T, N, D]
    of_images = np.einsum("an,bn->nab", each[..., 0], each[..., 1])
    joint, marginals, prior = of_images.mean(0), each.mean(1), scipy.stats.norm.pdf(line)

    def expected(law, log_ratio):
        return np.trapezoid(np.trapezoid(law * log_ratio, line), line)

    log = {name: np.log(np.maximum(x, 1e-300)) for name, x in {
        "joint": joint, "product": np.outer(*marginals.T), "prior": np.outer(prior, prior),
    }.items()}  # fmt: skip
    information = [expected(q, np.log(np.maximum(q, 1e-300)) - log["joint"]) for q in of_images]
    return {
        "mutual_information": np.mean(information),
        "total_correlation": expected(joint, log["joint"] - log["product"]),
        "dimension_wise_kl": expected(joint, log["product"] - log["prior"]),
        "marginal_kl": expected(joint, log["joint"] - log["prior"]),
    }


def test_parts_by_quadrature(by_quadrature):
    """Each on its own: in their sum log q(z) would cancel."""
    found = surgery(MEANS, LOG_VARS, num_samples=20_000)
    for name, expected in by_quadrature.items():
        assert found[f"{name}_se"] < 0.01
        assert abs(found[name] - expected) < 4 * found[f"{name}_se"], name


def test_standard_errors_are_those_of_other_draws():
    found = [surgery(MEANS, LOG_VARS, num_samples=50, seed=seed) for seed in range(60)]
    for name in ("marginal_kl", *PARTS, "gap"):
        told = np.mean([one[f"{name}_se"] for one in found])
        seen = np.std([one[name] for one in found], ddof=1)
        assert 0.7 < told / seen < 1.4, name


def test_a_correlated_cloud_of_narrow_posteriors():
    """Means of covariance S: q(z) is nearly N(0, S), whose total correlation is known."""
    correlation, narrow = 0.8, 0.05
    noise = np.random.default_rng(1).normal(size=(4_000, 2))
    root = np.linalg.cholesky([[1 - narrow, correlation], [correlation, 1 - narrow]])
    means = (noise @ root.T).astype(np.float32)
    found = surgery(means, np.full_like(means, np.log(narrow)))
    assert found["total_correlation"] == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=0.04)
    assert found["dimension_wise_kl"] == pytest.approx(0.0, abs=0.02)
    # Of a Gaussian channel: I = 1/2 log |S| / |noise|.
    expected = 0.5 * np.log((1 - correlation**2) / narrow**2)
    assert found["mutual_information"] == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("block", [1, 7, 64, 1_000])
def test_blocks_change_nothing(block):
    expected = surgery(*posteriors(2, 33, 3))
    found = surgery(*posteriors(2, 33, 3), block=block)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name


def test_another_prior_is_that_of_its_densities():
    """N(m, s^2) in place of N(0, 1): information and total correlation are none of its business."""
    draws = standard_draws(MEANS, LOG_VARS, rng=jax.random.key(0), num_samples=4_000)
    prior = scipy.stats.norm([0.5, -0.5], [1.5, 0.8])
    ratio = np.exp(0.5 * LOG_VARS) / prior.std()
    shift = (MEANS - prior.mean()) / prior.std()
    kl = (0.5 * (shift**2 + ratio**2 - 1) - np.log(ratio)).sum(1)
    log_p = prior.logpdf(draws.z).sum(-1).astype(np.float32)
    other = draws._replace(log_p=log_p, kl=np.tile(kl.astype(np.float32), (4_000, 1)))
    found, standard = elbo_surgery(other), elbo_surgery(draws)
    assert abs(found["gap"]) < 4 * found["gap_se"]
    assert found["kl"] != pytest.approx(standard["kl"], abs=0.1)
    for name in ("mutual_information", "total_correlation"):
        assert found[name] == standard[name]


def test_of_dependent_coordinates_only_two_parts_are_told():
    found = surgery(MEANS, LOG_VARS, factorised=False)
    whole = surgery(MEANS, LOG_VARS)
    assert not {"total_correlation", "dimension_wise_kl"} & set(found)
    for name in ("mutual_information", "marginal_kl", "gap"):
        assert found[name] == pytest.approx(whole[name], rel=1e-6)


def test_an_estimated_kl_has_a_standard_error():
    draws = standard_draws(*posteriors(3, 20, 2), rng=jax.random.key(0), num_samples=100)
    law = scipy.stats.norm(draws.means, np.exp(0.5 * np.asarray(draws.log_vars)))
    estimated = (law.logpdf(draws.z).sum(-1) - draws.log_p).astype(np.float32)
    found = elbo_surgery(draws._replace(kl=estimated))
    assert found["kl_se"] > 0
    assert abs(found["kl"] - elbo_surgery(draws)["kl"]) < 4 * found["kl_se"]


def test_only_the_spread_within_an_image_is_chance():
    mean, error = drawn_mean(np.float32([[0, 10, 20], [2, 12, 22]]))
    assert mean == 11
    assert error == pytest.approx(np.sqrt(2 / 6))  # variance 2 of each pair, 6 draws


def test_many_models_at_once():
    some = [standard_draws(*posteriors(seed, 12, 2), rng=jax.random.key(1)) for seed in range(3)]
    stacked = Draws(*(np.stack(arrays) for arrays in zip(*some, strict=True)))
    found = jax.vmap(elbo_surgery)(stacked)
    for i, draws in enumerate(some):
        for name, value in elbo_surgery(draws).items():
            assert found[name][i] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": np.zeros((1, 5, 2), "f")}, r"z: expected \[S, N, D\] with at least 2 draws"),
        ({"z": np.zeros((5, 2), "f")}, r"z: expected \[S, N, D\]"),
        ({"means": np.zeros((4, 2), "f")}, r"means: expected \[5, 2\], as z, got shape \(4, 2\)"),
        ({"log_p": np.zeros(5, "f")}, r"log_p: expected \[2, 5\], as z, got shape \(5,\)"),
        ({"kl": np.full((2, 5), np.nan, "f")}, "kl: expected finite numbers"),
    ],
)
def test_unfit_draws_are_refused(change, message):
    draws = standard_draws(*posteriors(0, 5, 2), rng=jax.random.key(0))
    with pytest.raises(ValueError, match=message):
        elbo_surgery(draws._replace(**change))


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="num_samples: expected at least 1, got 0"):
        surgery(MEANS, LOG_VARS, num_samples=0)
    with pytest.raises(ValueError, match="block: expected at least 1, got 0"):
        surgery(MEANS, LOG_VARS, block=0)
