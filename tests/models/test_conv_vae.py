"""ConvVAE: published parameter counts, shapes the strides allow, and the protocol of a model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import abstract, abstract_images, init, noise_of
from vaejax.distributions import Normal, bernoulli, gaussian, kl_normal, logistic_mixture
from vaejax.models import ConvVAE
from vaejax.models.presets import PRESETS
from vaejax.training.state import count_parameters


def abstract_params(model):
    return abstract(model)[1]["params"]


def count(tree):
    return sum(np.prod(leaf.shape, dtype=int) for leaf in jax.tree.leaves(tree))


def test_frey_has_the_parameters_of_the_thesis():
    """Tables 4.1 and 4.2."""
    params = abstract_params(ConvVAE((28, 20, 1), latent_size=2, preset="frey"))
    assert count(params["encoder"]) == 379_556
    assert count(params["decoder"]) == 45_633


@pytest.mark.parametrize("latent_size", [3, 5])
def test_frey_heads_and_first_decoder_layer_follow_the_latent_size(latent_size):
    params = abstract_params(ConvVAE((28, 20, 1), latent_size, "frey"))
    assert count(params["encoder"]) == 379_556 + 2 * 33 * (latent_size - 2)
    assert count(params["decoder"]) == 45_633 + 8960 * (latent_size - 2)


def test_burgess_has_the_parameters_of_the_public_implementation():
    assert count(abstract_params(ConvVAE((64, 64, 1), 10, "burgess"))) == 502_005


def test_locatello_readings_differ_in_the_kernels_of_the_last_two_layers():
    two, four = (
        abstract_params(ConvVAE((64, 64, 1), 10, name))["encoder"]
        for name in ("locatello", "locatello_4x4")
    )
    shapes = [tree["Conv_3"]["kernel"].shape for tree in (two, four)]
    assert shapes == [(2, 2, 64, 64), (4, 4, 64, 64)]
    assert count(four) - count(two) == 12 * 32 * 64 + 12 * 64 * 64


def test_higgins_mlp_has_the_layers_of_the_paper():
    params = abstract_params(ConvVAE((64, 64, 1), 10, "higgins_mlp"))
    widths = [params["encoder"][f"Dense_{i}"]["kernel"].shape for i in range(2)]
    assert widths == [(4096, 1200), (1200, 1200)]
    assert params["decoder"]["Dense_3"]["kernel"].shape == (1200, 4096)


@pytest.mark.parametrize("preset", sorted(PRESETS))
@pytest.mark.parametrize("image_shape", [(32, 48, 3), (64, 64, 1)])
def test_output_has_the_shape_of_the_images(preset, image_shape):
    model = ConvVAE(image_shape, 4, preset, gaussian())
    output, _ = abstract(model)
    assert output.log_px.shape == (2,)
    assert output.latents[0].z.shape == (2, 4)
    assert abstract_images(model).shape == (2, *image_shape)


def test_a_network_by_numbers_is_that_of_the_paper():
    """The table of Higgins et al., which is a preset too."""
    numbers = {"widths": (32, 32, 64, 64), "kernels": 4, "strides": (2, 2, 2, 2), "dense": (256,)}
    ours, theirs = ConvVAE((64, 64, 3), **numbers), ConvVAE((64, 64, 3), preset="higgins")
    assert ours.architecture == theirs.architecture
    assert ConvVAE((64, 64, 3)).architecture == PRESETS["burgess"]((64, 64, 3))


def test_numbers_of_each_layer_and_their_reverse():
    model = ConvVAE((12, 18, 1), 2, widths=(4, 5, 6), kernels=(3, 4, 5), strides=(2, 3, 1))
    params = abstract_params(model)
    kernels = [params["encoder"][f"Conv_{i}"]["kernel"].shape for i in range(3)]
    assert kernels == [(3, 3, 1, 4), (4, 4, 4, 5), (5, 5, 5, 6)]
    decoder = params["decoder"]
    assert decoder["Dense_1"]["kernel"].shape == (256, 2 * 3 * 6)  # 12 / 6 x 18 / 6
    assert decoder["Conv_0"]["kernel"].shape == (5, 5, 6, 5)
    up = [decoder[f"ConvTranspose_{i}"]["kernel"].shape for i in range(2)]
    assert {shape[:2] for shape in up} == {(4, 4), (3, 3)}
    assert abstract_images(model).shape == (2, 12, 18, 1)


@pytest.fixture(scope="module")
def model_and_variables():
    model = ConvVAE((8, 8, 1), 3, "frey")
    return model, jax.jit(init, static_argnums=0)(model, jax.random.key(0))


KEYS = jax.random.split(jax.random.key(1), 16)


def test_given_noise_reproduces_the_sample(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    noise = jax.random.normal(jax.random.key(3), (16, 3))
    output = jax.jit(model.apply)(variables, tiny_batch, noise={"latent": (noise,)})
    (latent,) = output.latents
    np.testing.assert_allclose(
        latent.z, latent.posterior.loc + latent.posterior.scale * noise, rtol=1e-5, atol=1e-6
    )
    kl = kl_normal(latent.posterior, Normal.standard(latent.z))
    np.testing.assert_allclose(latent.kl_dims, kl, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(latent.kl, kl.sum(1), rtol=1e-5)
    p = np.asarray(model.apply(variables, (latent.z,), KEYS, method="decode"), np.float64)
    x = np.asarray(tiny_batch["image"], np.float64)
    expected = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum((1, 2, 3))
    np.testing.assert_allclose(output.log_px, expected, rtol=1e-5)


def test_given_codes_have_the_densities_of_the_drawn(model_and_variables, tiny_batch):
    """A pass at the codes that noise made is that pass; at others log q is theirs (scipy)."""
    model, variables = model_and_variables
    apply = jax.jit(model.apply)
    drawn = apply(variables, tiny_batch, noise=noise_of(model, 16))
    given = apply(variables, tiny_batch, codes=[drawn.latents[0].z])
    for ours, theirs in zip(*map(jax.tree.leaves, (given, drawn)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(given.log_weight, drawn.log_weight, rtol=1e-5)
    codes = jax.random.normal(jax.random.key(4), (16, 3))
    (latent,) = apply(variables, tiny_batch, codes=[codes]).latents
    q = scipy.stats.norm(latent.posterior.loc, latent.posterior.scale)
    np.testing.assert_allclose(latent.log_q, q.logpdf(codes).sum(1), rtol=1e-4)
    prior = scipy.stats.norm.logpdf(codes).sum(1)
    np.testing.assert_allclose(latent.log_p, prior, rtol=1e-5)


def test_several_samples_are_a_mapped_pass(model_and_variables, tiny_batch):
    """Every leaf of an output is an array of examples: K samples are `vmap`, [K, B, ...]."""
    model, variables = model_and_variables
    keys = jnp.stack([KEYS, KEYS[::-1]])
    passes = jax.vmap(lambda keys: model.apply(variables, tiny_batch, noise=model.noise(keys)))
    output = jax.jit(passes)(keys)
    assert {leaf.shape[:2] for leaf in jax.tree.leaves(output)} == {(2, 16)}
    (latent,) = output.latents
    expected = output.log_px + latent.log_p - latent.log_q
    np.testing.assert_allclose(output.log_weight, expected, rtol=1e-6)


def test_encode_is_the_posterior_mean_and_zero_noise(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    (latent,) = model.apply(variables, tiny_batch, method="encode")
    np.testing.assert_array_equal(latent.z, latent.posterior.loc)
    zero = model.apply(variables, tiny_batch, noise={"latent": (jnp.zeros((16, 3)),)})
    np.testing.assert_allclose(latent.z, zero.latents[0].z, rtol=1e-5, atol=1e-6)


def test_sample_at_zero_temperature_is_the_decoded_origin(model_and_variables):
    model, variables = model_and_variables
    noise = noise_of(model, 2)
    cold = model.apply(variables, noise, 0.0, method="from_noise")
    origin = model.apply(variables, (jnp.zeros((2, 3)),), KEYS[:2], method="decode")
    np.testing.assert_allclose(cold, origin, rtol=1e-5)
    warm = model.apply(variables, noise, method="from_noise")
    assert not np.allclose(warm[0], warm[1])


def test_codes_are_drawn_where_asked(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    noise = noise_of(model, 16)
    output = model.apply(variables, tiny_batch, noise=noise)
    (latent,) = model.apply(variables, tiny_batch, noise, method="encode")
    np.testing.assert_allclose(latent.z, output.latents[0].z, rtol=1e-6)
    (mean,) = model.apply(variables, tiny_batch, method="encode")
    assert not np.allclose(latent.z, mean.z, atol=1e-2)


def test_pixels_are_drawn_where_asked(model_and_variables):
    """The mean of many draws of one image, each with a key of its own, is its mean."""
    model, variables = model_and_variables
    noise = {"latent": (jnp.zeros((4000, 3)),), "pixels": noise_of(model, 4000)["pixels"]}
    draws = np.asarray(model.apply(variables, noise, draw=True, method="from_noise"))
    assert set(np.unique(draws)) == {0.0, 1.0}
    mean = model.apply(variables, noise, method="from_noise")[0]
    np.testing.assert_allclose(draws.mean(0), mean, atol=4 * 0.5 / np.sqrt(4000))


def test_count_parameters():
    assert count_parameters({"model": {"a": jnp.zeros((2, 3)), "b": jnp.zeros(4)}}) == 10


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"image_shape": (28, 20, 1), "preset": "higgins"}, "image_shape: .* divisible by 16"),
        ({"image_shape": (28, 28, 1), "preset": "burgess"}, "image_shape: .* divisible by 8"),
        ({"image_shape": (28, 21, 1), "preset": "frey"}, "image_shape: .* divisible by 2"),
        ({"image_shape": (64, 64, 1), "preset": "higgin"}, "preset: expected one of"),
        ({"image_shape": (64, 64, 1), "latent_size": 0}, "latent_size: expected at least 1"),
        ({"image_shape": (64, 64, 2), "likelihood": logistic_mixture()}, "channels: expected 1"),
        ({"image_shape": (8, 8, 1), "likelihood": bernoulli(4)}, "border: .* half of images 8x8"),
        ({"image_shape": (8, 8, 1), "likelihood": bernoulli(5)}, "border: .* half of images 8x8"),
        ({"image_shape": (8, 8)}, "image_shape: expected positive"),
        (
            {"image_shape": (8, 8, 1), "widths": (4,), "preset": "frey"},
            "preset: expected None",
        ),
        (
            {"image_shape": (8, 8, 1), "widths": (4, 0)},
            r"widths: expected numbers >= 1, got \(4, 0\)",
        ),
        (
            {"image_shape": (8, 8, 1), "widths": (4,), "kernels": (3, 3)},
            "kernels: expected 1 num",
        ),
        (
            {"image_shape": (8, 8, 1), "widths": (4,), "strides": 0},
            "strides: expected numbers >= 1",
        ),
        (
            {"image_shape": (8, 8, 1), "widths": (4,), "dense": (0,)},
            "dense: expected numbers >= 1",
        ),
        ({"image_shape": (28, 28, 1), "widths": (4, 4, 4)}, "image_shape: .* divisible by 8"),
    ],
)
def test_impossible_settings_are_refused_at_construction(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ConvVAE(**kwargs)


def test_images_of_another_shape_are_refused(model_and_variables):
    model, variables = model_and_variables
    with pytest.raises(ValueError, match="image: expected"):
        model.apply(variables, {"image": jnp.zeros((1, 16, 16, 1))}, method="encode")


def test_codes_come_of_noise_or_are_given(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    noise, codes = noise_of(model, 16), (jnp.zeros((16, 3)),)
    for both in ({}, {"noise": noise, "codes": codes}):
        with pytest.raises(ValueError, match="noise: expected either noise or codes"):
            model.apply(variables, tiny_batch, **both)
    with pytest.raises(ValueError, match=r"codes: expected \(16, 3\) for group 0, got \(16, 2\)"):
        model.apply(variables, tiny_batch, codes=(jnp.zeros((16, 2)),))
    with pytest.raises(ValueError, match=r"codes: expected \(16, 3\) for group 0, got None"):
        model.apply(variables, tiny_batch, codes=(None,))


def test_a_broadcast_decoder_draws_each_patch_from_the_codes_and_where_it_lies():
    model = ConvVAE((16, 24, 1), latent_size=2, preset="patches")
    codes, keys = jnp.array([[0.3, -0.7]]), jax.random.split(jax.random.key(0), 1)
    variables = init(model, jax.random.key(1))
    found = model.apply(variables, (codes,), keys, method="decode")[0, ..., 0]
    layers = jax.tree.map(np.asarray, variables["params"]["decoder"])
    last = layers["ConvTranspose_0"]
    for row, y in enumerate(np.linspace(-1, 1, 4)):
        for column, x in enumerate(np.linspace(-1, 1, 6)):
            hidden = np.array([0.3, -0.7, y, x])
            for name in ("Dense_0", "Dense_1"):
                hidden = np.maximum(hidden @ layers[name]["kernel"] + layers[name]["bias"], 0)
            kernel = last["kernel"][::-1, ::-1]  # as flax transposes a convolution
            logits = np.einsum("hwio,i->hwo", kernel, hidden)[..., 0] + last["bias"]
            patch = found[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            np.testing.assert_allclose(patch, 1 / (1 + np.exp(-logits)), rtol=1e-5)
