"""NVAE: published sizes, the protocol of a model, and that its forms are one network."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.distributions import bernoulli, gaussian, kl_normal, logistic_mixture
from vaejax.models import NVAE
from vaejax.models.nvae_presets import CELLS, adaptive_groups

TINY = {
    "image_shape": (8, 8, 1),
    "likelihood": bernoulli(),
    "groups": (2, 2),
    "latent_channels": 2,
    "encoder_features": 4,
    "decoder_features": 4,
    "preprocess_cells": 1,
    "postprocess_cells": 1,
    "encoder_cells": 1,
    "decoder_cells": 1,
}


def tiny(**changes):
    return NVAE(**{**TINY, **changes})


def abstract(model):
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    images = jnp.zeros((2, *model.image_shape))
    return jax.eval_shape(model.init_with_output, rngs, images)


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.fixture(scope="module")
def model_and_variables():
    model = tiny(num_flows=1)
    rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
    return model, jax.jit(model.init)(rngs, jnp.zeros((1, 8, 8, 1)))


@pytest.fixture(scope="module")
def images():
    return jax.random.uniform(jax.random.key(5), (3, 8, 8, 1))


def noise_for(model, num_images=3):
    keys = jax.random.split(jax.random.key(9), len(model.latent_shapes))
    return [
        jax.random.normal(key, (num_images, *shape))
        for key, shape in zip(keys, model.latent_shapes, strict=True)
    ]


@pytest.mark.parametrize("cells", sorted(CELLS))
def test_every_set_of_cells_can_be_built(cells):
    output, variables = abstract(tiny(cells=cells, encoder_features=8, decoder_features=8))
    assert output.log_px.shape == (2,)
    assert count(variables["params"]) > 0


@pytest.mark.parametrize(
    ("likelihood", "channels"),
    [
        (bernoulli(), 1),
        (logistic_mixture(), 3),
        (logistic_mixture(bits=5), 1),
        (gaussian(scale=None, symmetric=True), 5),
    ],
)
def test_images_of_many_kinds(likelihood, channels):
    model = tiny(likelihood=likelihood, image_shape=(8, 12, channels))
    output, _ = abstract(model)
    means = jax.eval_shape(lambda output: output.likelihood.mean(), output)
    assert means.shape == (2, 8, 12, channels)
    assert [latent.z.shape[1:] for latent in output.latents] == list(model.latent_shapes)
    assert model.latent_shapes == ((2, 3, 2),) * 2 + ((4, 6, 2),) * 2


def test_unequal_widths_and_a_single_group():
    output, _ = abstract(tiny(encoder_features=8))
    assert len(output.latents) == 4
    output, variables = abstract(tiny(groups=(1,)))
    assert len(output.latents) == 1
    assert "start" not in variables["params"]


def test_groups_adapt_to_the_scale():
    assert adaptive_groups(3, 20) == (5, 10, 20)
    assert adaptive_groups(5, 16, minimum=4) == (4, 4, 4, 8, 16)


def test_given_noise_reproduces_the_samples(model_and_variables, images):
    model, variables = model_and_variables
    noise = noise_for(model)
    output = jax.jit(model.apply)(variables, images, noise=noise)
    top = output.latents[0]
    assert top.z.shape == noise[0].shape
    for latent in output.latents:
        np.testing.assert_allclose(
            latent.kl.sum((1, 2, 3)), latent.log_q - latent.log_p, rtol=1e-4, atol=1e-3
        )
    plain = tiny()
    without = jax.tree_util.tree_map_with_path(
        lambda path, leaf: None if "flow_0" in jax.tree_util.keystr(path) else leaf,
        variables["params"],
    )
    latents = jax.jit(plain.apply)({**variables, "params": without}, images, noise=noise).latents
    np.testing.assert_allclose(latents[0].z, top.posterior.at(noise[0]), rtol=1e-4, atol=1e-5)
    for latent in latents:
        np.testing.assert_allclose(
            latent.kl, kl_normal(latent.posterior, latent.prior), rtol=1e-3, atol=1e-5
        )


def test_encoding_and_decoding_all_groups_is_the_pass_itself(model_and_variables, images):
    model, variables = model_and_variables
    zeros = [jnp.zeros_like(noise) for noise in noise_for(model)]
    output = jax.jit(model.apply)(variables, images, noise=zeros)
    latents = jax.jit(lambda v, x: model.apply(v, x, method="encode"))(variables, images)
    codes = tuple(latent.z for latent in latents)
    decoded = jax.jit(lambda v, z: model.apply(v, z, method="decode"))(variables, codes)
    np.testing.assert_allclose(decoded.mean(), output.likelihood.mean(), rtol=1e-4, atol=1e-5)


def test_drawn_codes_are_those_of_the_pass(model_and_variables, images):
    """Means, samples and KL of every group, and the images they stand for."""
    model, variables = model_and_variables

    @jax.jit
    def apply(variables, rng):
        kwargs = {"rngs": {"latent": rng}}
        output = model.apply(variables, images, **kwargs)
        latents = model.apply(variables, images, sample=True, method="encode", **kwargs)
        images_of = model.apply(variables, images, sample=True, method="reconstruct", **kwargs)
        return output, latents, images_of

    output, latents, reconstructions = apply(variables, jax.random.key(3))
    other = apply(variables, jax.random.key(4))[1]
    for latent, expected, different in zip(latents, output.latents, other, strict=True):
        np.testing.assert_allclose(latent.z, expected.z, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(latent.kl, expected.kl, rtol=1e-3, atol=1e-4)
        assert not np.allclose(latent.z, different.z, atol=1e-3)
    expected = output.likelihood.mean()
    np.testing.assert_allclose(reconstructions.mean(), expected, rtol=1e-4, atol=1e-5)


def test_interpolation_leads_from_one_reconstruction_to_the_other(model_and_variables, images):
    model, variables = model_and_variables

    @jax.jit
    def apply(variables, first, second, rng):
        def interpolate(**kwargs):
            way = model.apply(variables, first, second, 4, method="interpolate", **kwargs)
            return way.mean().reshape(-1, 4, *model.image_shape)

        ends = [model.apply(variables, x, method="reconstruct").mean() for x in (first, second)]
        return ends, interpolate(), interpolate(num_groups=1, rngs={"latent": rng})

    pair = images[:1], images[1:2]
    (start, end), way, partial = apply(variables, *pair, jax.random.key(0))
    np.testing.assert_allclose(way[:, 0], start, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(way[:, -1], end, rtol=1e-4, atol=1e-5)
    assert not np.allclose(way[:, 1], way[:, 2], atol=1e-4)
    *_, other = apply(variables, *pair, jax.random.key(1))
    assert not np.allclose(partial, other, atol=1e-4)  # the lower groups are drawn
    *_, still = apply(variables, images[:1], images[:1], jax.random.key(0))
    np.testing.assert_allclose(still, still[:, :1].repeat(4, 1), atol=1e-5)  # but once


def test_partial_codes_leave_the_rest_to_the_priors(model_and_variables):
    model, variables = model_and_variables
    codes = noise_for(model)

    @jax.jit
    def decode(codes, rng):
        return model.apply(variables, codes, method="decode", rngs={"latent": rng}).mean()

    one, other = (decode(codes[:1], jax.random.key(seed)) for seed in (0, 1))
    assert not np.allclose(one, other, atol=1e-4)
    whole = [decode(codes, jax.random.key(seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(*whole)
    holes = [decode([None, *codes[1:]], jax.random.key(seed)) for seed in (0, 1)]
    assert not np.allclose(*holes, atol=1e-4)


def test_temperature_per_group(model_and_variables):
    model, variables = model_and_variables

    def sample(temperature, seed):
        rngs = {"latent": jax.random.key(seed)}
        call = jax.jit(
            lambda v, rngs: model.apply(v, 2, temperature=temperature, method="sample", rngs=rngs)
        )
        return call(variables, rngs).mean()

    np.testing.assert_allclose(sample(0.0, 0), sample((0.0,) * 4, 1), rtol=1e-5)
    np.testing.assert_allclose(sample(0.0, 0), sample(np.zeros(4), 1), rtol=1e-5)
    assert not np.allclose(sample((0.0, 0.0, 0.0, 1.0), 0), sample(0.0, 0), atol=1e-4)


def test_all_forms_are_one_network(model_and_variables, images):
    """Same parameters, same numbers, same gradients."""
    model, variables = model_and_variables
    noise = noise_for(model)

    def loss_and_gradient(**form):
        network = tiny(num_flows=1, **form)

        @jax.jit
        @jax.value_and_grad
        def loss(params):
            output, _ = network.apply(
                {**variables, "params": params},
                images,
                train=True,
                noise=noise,
                mutable=["batch_stats"],
            )
            return -output.log_px.mean() + sum(latent.kl.sum() for latent in output.latents)

        return loss(variables["params"])

    expected = loss_and_gradient(depth="scanned", memory="remat")
    actual = loss_and_gradient(depth="unrolled", memory="store")
    for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4 * float(jnp.abs(b).max()) + 1e-4)


def test_scanned_depth_costs_no_more_program(model_and_variables, images):
    def size(**changes):
        model = tiny(**changes)
        rngs = {"params": jax.random.key(0), "latent": jax.random.key(1)}
        return len(str(jax.make_jaxpr(model.init)(rngs, images)))

    assert size(groups=(8, 8)) < 1.2 * size(groups=(2, 2))


def test_bfloat16_is_for_computing_alone(images):
    model = tiny(dtype="bfloat16")
    output, variables = abstract(model)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    assert output.log_px.dtype == jnp.float32
    assert output.latents[0].kl.dtype == jnp.float32
    for network in (model, tiny(dtype="bfloat16", groups=(1,))):
        _, variables = abstract(network)
        noise = noise_for(network)
        apply = partial(network.apply, noise=noise)
        jaxpr = str(jax.make_jaxpr(apply)(variables, images))
        convolved = re.findall(r"(\w+)\[[^=]*= (?:dot_general|conv_general_dilated)\[", jaxpr)
        assert len(convolved) > 10
        assert set(convolved) == {"bf16"}


def test_bfloat16_agrees_with_float32(images):
    """Likelihood and KL within 2 %, statistics within 0.02 of a standard deviation."""

    def train(dtype):
        model = tiny(dtype=dtype, groups=(2,))
        apply = partial(model.apply, train=True, mutable=["batch_stats"], noise=noise_for(model))
        output, state = jax.jit(apply)(variables, images)
        assert {leaf.dtype for leaf in jax.tree.leaves((output, state))} == {jnp.dtype("float32")}
        return output, state

    _, shapes = abstract(tiny(groups=(2,)))
    random = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: random.uniform(-0.5, 0.5, leaf.shape).astype("f"), shapes)
    (exact, exact_state), (half, half_state) = train(None), train("bfloat16")
    np.testing.assert_allclose(half.log_px, exact.log_px, rtol=0.02)
    kls = [sum(latent.kl.sum() for latent in output.latents) for output in (half, exact)]
    np.testing.assert_allclose(*kls, rtol=0.02)
    for a, b in zip(*map(jax.tree.leaves, (half_state, exact_state)), strict=True):
        np.testing.assert_allclose(a, b, rtol=0.02, atol=0.02)


def test_compatibility_restores_what_surprises():
    model = tiny(nvae_compat=True, likelihood=logistic_mixture(), image_shape=(8, 8, 3))
    output, _ = abstract(model)
    assert output.likelihood.edge_threshold == 0.99
    clean, _ = abstract(tiny(likelihood=logistic_mixture(), image_shape=(8, 8, 3)))
    assert clean.likelihood.edge_threshold is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": "res_mbconv9"}, "cells: expected one of"),
        ({"groups": ()}, "groups: expected numbers >= 1"),
        ({"groups": (2, 0)}, "groups: expected numbers >= 1"),
        ({"image_shape": (8, 10, 1)}, "image_shape: .* divisible by 4"),
        ({"latent_channels": 0}, "latent_channels: expected at least 1"),
        ({"num_flows": -1}, "num_flows: expected at least 0"),
        ({"depth": "deep"}, "depth: expected one of"),
        ({"memory": "disk"}, "memory: expected one of"),
        ({"image_shape": (8, 8, 2), "likelihood": logistic_mixture()}, "channels: expected 1"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


def test_impossible_arguments_are_refused(model_and_variables):
    model, variables = model_and_variables
    with pytest.raises(ValueError, match="images: expected"):
        model.apply(variables, jnp.zeros((1, 4, 4, 1)), noise=[])
    with pytest.raises(ValueError, match="codes: expected at least one and at most 4"):
        model.apply(variables, [None], method="decode")
    with pytest.raises(ValueError, match="temperature: expected a number or 4 of them"):
        model.apply(variables, 1, temperature=(1.0,), method="sample")
    with pytest.raises(ValueError, match="temperature: expected a number or 4 of them, got 2"):
        model.apply(variables, 1, temperature=np.ones(2), method="sample")
    noise = noise_for(model, num_images=1)
    with pytest.raises(ValueError, match="noise: expected 4, got 5"):
        model.apply(variables, jnp.zeros((1, 8, 8, 1)), noise=[*noise, noise[0]])
    with pytest.raises(ValueError, match=r"noise: expected \(7, .* for group 0, got \(1, "):
        model.apply(variables, 7, noise=noise, method="sample")
    with pytest.raises(ValueError, match="codes: expected .* for group 1, got"):
        model.apply(variables, [noise[0], noise[0][:, :1, :1]], method="decode")
    blank = jnp.zeros((1, 8, 8, 1))
    with pytest.raises(ValueError, match="num_groups: expected 1 to 4, got 5"):
        model.apply(variables, blank, blank, 3, num_groups=5, method="interpolate")
    with pytest.raises(ValueError, match="num_steps: expected at least 2, got 1"):
        model.apply(variables, blank, blank, 1, method="interpolate")
