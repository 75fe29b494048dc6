"""ConvVAE: published parameter counts, shapes the strides allow, and the protocol of a model."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.distributions import gaussian, kl_normal, logistic_mixture
from vaejax.models import ConvVAE
from vaejax.models.presets import PRESETS
from vaejax.train_state import count_parameters


def abstract_params(model):
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    images = jnp.zeros((1, *model.image_shape))
    return jax.eval_shape(model.init, rngs, images)["params"]


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
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    images = jnp.zeros((2, *image_shape))
    output = jax.eval_shape(lambda: model.init_with_output(rngs, images)[0])
    assert output.log_px.shape == (2,)
    assert output.likelihood.mean.__self__.loc.shape == images.shape
    assert output.latents[0].z.shape == (2, 4)


@pytest.fixture(scope="module")
def model_and_variables():
    model = ConvVAE((8, 8, 1), 3, "frey")
    images = jnp.zeros((1, 8, 8, 1))
    return model, jax.jit(model.init)(
        {"params": jax.random.key(0), "latent": jax.random.key(1)}, images
    )


def test_given_noise_reproduces_the_sample(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    noise = jax.random.normal(jax.random.key(3), (16, 3))
    output = jax.jit(model.apply)(variables, tiny_batch["image"], noise=(noise,))
    (latent,) = output.latents
    np.testing.assert_allclose(
        latent.z, latent.posterior.loc + latent.posterior.scale * noise, rtol=1e-5, atol=1e-6
    )
    kl = kl_normal(latent.posterior, latent.prior)
    np.testing.assert_allclose(latent.kl, kl, rtol=1e-4, atol=1e-7)
    likelihood = model.apply(variables, (latent.z,), method="decode")
    expected = likelihood.log_prob(tiny_batch["image"]).sum((1, 2, 3))
    np.testing.assert_allclose(output.log_px, expected, rtol=1e-5)


def test_encode_is_the_posterior_mean_and_zero_noise(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    (latent,) = model.apply(variables, tiny_batch["image"], method="encode")
    np.testing.assert_array_equal(latent.z, latent.posterior.loc)
    zero = model.apply(variables, tiny_batch["image"], noise=(jnp.zeros((16, 3)),))
    np.testing.assert_allclose(latent.z, zero.latents[0].z, rtol=1e-5, atol=1e-6)


def test_sample_at_zero_temperature_is_the_decoded_origin(model_and_variables):
    model, variables = model_and_variables
    rngs = {"latent": jax.random.key(0)}
    cold = model.apply(variables, 2, temperature=0.0, method="sample", rngs=rngs)
    origin = model.apply(variables, (jnp.zeros((2, 3)),), method="decode")
    np.testing.assert_allclose(cold.mean(), origin.mean(), rtol=1e-5)
    warm = model.apply(variables, 2, method="sample", rngs=rngs).mean()
    assert not np.allclose(warm[0], warm[1])


def test_codes_are_drawn_where_asked(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    rngs = {"latent": jax.random.key(0)}
    arguments = {"sample": True, "rngs": rngs}
    output = model.apply(variables, tiny_batch["image"], rngs=rngs)
    (latent,) = model.apply(variables, tiny_batch["image"], method="encode", **arguments)
    np.testing.assert_allclose(latent.z, output.latents[0].z, rtol=1e-6)
    drawn = model.apply(variables, tiny_batch["image"], method="reconstruct", **arguments)
    np.testing.assert_allclose(drawn.mean(), output.likelihood.mean(), rtol=1e-5)


def test_interpolation_is_a_great_circle_through_the_codes(model_and_variables, tiny_batch):
    model, variables = model_and_variables
    first, second = tiny_batch["image"][:2], tiny_batch["image"][2:4]
    way = model.apply(variables, first, second, 3, method="interpolate").mean()
    way = way.reshape(2, 3, 8, 8, 1)
    ends = [model.apply(variables, x, method="reconstruct").mean() for x in (first, second)]
    np.testing.assert_allclose(way[:, 0], ends[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(way[:, 2], ends[1], rtol=1e-4, atol=1e-6)
    a, b = (model.apply(variables, x, method="encode")[0].z for x in (first, second))
    angle = np.arccos((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))
    middle = (a + b) / (2 * np.cos(angle / 2))[:, None]  # sin(a/2) / sin(a) of both ends
    expected = model.apply(variables, (middle,), method="decode").mean()
    np.testing.assert_allclose(way[:, 1], expected, rtol=1e-4, atol=1e-6)


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
    ],
)
def test_impossible_settings_are_refused_at_construction(kwargs, message):
    with pytest.raises(ValueError, match=message):
        ConvVAE(**kwargs)


def test_images_of_another_shape_are_refused(model_and_variables):
    model, variables = model_and_variables
    with pytest.raises(ValueError, match="images: expected"):
        model.apply(variables, jnp.zeros((1, 16, 16, 1)), method="encode")
