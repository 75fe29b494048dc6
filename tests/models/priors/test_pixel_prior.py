"""The prior of an autoregressive network over a grid: its density, its draws, what it looks at."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import SMALLEST_NVAE, abstract
from tests.precision import enable_x64
from vaejax.models import NVAE, ConvVAE
from vaejax.models.autoregressive import gated_pixelcnn
from vaejax.models.priors import Context, pixel_prior

SIZES = dict(features=8, num_layers=2, kernel_size=3, first_kernel_size=3, head_features=16)
PART = pixel_prior(gated_pixelcnn(**SIZES))
SHAPE = (2, 3, 4, 2)  # [B, h, w, D]
RNG = np.random.default_rng(0)
ABOVE = {
    "vector": (RNG.normal(size=(2, 7)), RNG.normal(size=(2, 3))),  # the last is just above
    "grid": (RNG.normal(size=(2, 3, 4, 5)),),
}
NOISE = RNG.normal(size=SHAPE)


@functools.cache
def shapes(kind):
    context = Context(jax.tree.map(np.float32, ABOVE[kind]))
    init = functools.partial(PART.init, method="log_prob")
    return jax.eval_shape(init, jax.random.key(0), np.zeros(SHAPE, np.float32), context)


def variables(kind, reach=0.7):
    """In float64, drawn in no time."""
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda x: rng.uniform(-reach, reach, x.shape), shapes(kind))


@jax.jit
def drawn(params, noise, above, temperature=1.0):
    return PART.apply(params, noise, Context(above), temperature, method="from_noise")


@jax.jit
def of_codes(params, z, above):
    """By method; and the Jacobian of the noise of the first grid by it and by what is above."""
    values = {
        name: PART.apply(params, z, Context(above), method=name)
        for name in ("log_prob", "log_prob_terms", "to_noise")
    }

    def noise_of(first, above):
        z_first, above = jnp.concatenate([first[None], z[1:]]), Context(above)
        return PART.apply(params, z_first, above, method="to_noise")[0].ravel()

    return values, jax.jacrev(noise_of, (0, 1))(z[0], above)


@pytest.mark.parametrize("kind", ABOVE)
def test_draws_are_of_its_density_and_look_at_what_comes_before(kind):
    """Of the change of variables, log N(noise) + log |det dnoise / dz|; and noise comes back."""
    params, above = variables(kind), ABOVE[kind]
    with enable_x64():
        z = drawn(params, NOISE, above)
        half, halved = drawn(params, NOISE, above, 0.5), drawn(params, 0.5 * NOISE, above)
        values, (of_z, of_above) = jax.device_get(of_codes(params, z, above))
    assert z.dtype == np.float64
    np.testing.assert_allclose(values["to_noise"], NOISE, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(half, halved, rtol=1e-9)
    of_z = of_z.reshape(12, 2, 12, 2)  # [place, channel, place, channel]
    for place in range(12):
        assert not of_z[place, :, place + 1 :].any()
        np.testing.assert_array_equal(of_z[place, :, place] == 0, ~np.eye(2, dtype=bool))
        assert place == 0 or np.abs(of_z[place, :, :place]).max() > 1e-3
        assert np.abs(of_above[-1].reshape(12, 2, -1)[place]).max() > 1e-4
    assert all(not unseen.any() for unseen in of_above[:-1])
    log_det = np.linalg.slogdet(of_z.reshape(24, 24))[1]
    expected = scipy.stats.norm.logpdf(NOISE[0]).sum() + log_det
    assert values["log_prob"][0] == pytest.approx(expected, rel=1e-9) and abs(log_det) > 1e-2
    assert values["log_prob_terms"].shape == (2, 2)
    np.testing.assert_allclose(values["log_prob_terms"].sum(1), values["log_prob"], rtol=1e-12)


def test_at_first_it_is_standard():
    """Its last layer is zero, and with such a layer it is, whatever the others."""
    above = ABOVE["vector"]
    context, z = Context(jax.tree.map(np.float32, above)), NOISE.astype(np.float32)
    init = jax.jit(functools.partial(PART.init, method="log_prob"))
    params = variables("vector")
    last = init(jax.random.key(0), z, context)["params"]["network"]["last"]
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(last))
    params["params"]["network"]["last"] = jax.tree.map(lambda x: np.zeros(x.shape), last)
    with enable_x64():
        values, _ = of_codes(params, NOISE, above)
        np.testing.assert_allclose(drawn(params, NOISE, above), NOISE, rtol=1e-12)
    expected = scipy.stats.norm.logpdf(NOISE).sum((1, 2, 3))
    np.testing.assert_allclose(values["log_prob"], expected, rtol=1e-12)


def test_a_deep_hierarchy_takes_it_for_its_top_group():
    model = NVAE(
        (8, 8, 1),
        groups=(1, 1),
        **SMALLEST_NVAE,
        prior=PART,
    )
    output, params = abstract(model)
    assert "prior" in params["params"] and output.latents[0].kl_terms.shape == (2, 2)


def test_what_does_not_fit_is_refused_in_a_sentence():
    vectors = ConvVAE((8, 8, 1), 3, "toy", prior=PART)
    with pytest.raises(ValueError, match=r"prior: expected codes \[B, h, w, D\] .* got shape \(2"):
        abstract(vectors)
    context = Context((np.zeros((2, 4, 4, 5), np.float32),))
    with pytest.raises(ValueError, match=r"prior: expected a vector or a grid \(3, 4\) above"):
        PART.init(jax.random.key(0), np.zeros(SHAPE, np.float32), context, method="log_prob")


def test_parts_that_are_equal_make_equal_priors():
    assert PART == pixel_prior(gated_pixelcnn(**SIZES)) != pixel_prior()
    assert hash(PART) == hash(pixel_prior(gated_pixelcnn(**SIZES)))
