"""NVAE: published sizes, the protocol of a model, and that its forms are one network."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import abstract, abstract_images, init, noise_of, random_variables
from vaejax.distributions import Normal, bernoulli, gaussian, kl_normal, logistic_mixture
from vaejax.models import NVAE
from vaejax.models.nvae_presets import CELLS, adaptive_groups
from vaejax.models.priors import standard

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


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.fixture(scope="module")
def model_and_variables():
    model = tiny(num_flows=1)
    return model, jax.jit(init, static_argnums=0)(model, jax.random.key(0))


@pytest.fixture(scope="module")
def batch():
    return {"image": jax.random.uniform(jax.random.key(5), (3, 8, 8, 1))}


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
    assert abstract_images(model).shape == (2, 8, 12, channels)
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


def without_flows(variables):
    """Of the same network with posteriors that do not flow."""
    kept = jax.tree_util.tree_map_with_path(
        lambda path, leaf: None if "flow_0" in jax.tree_util.keystr(path) else leaf,
        variables["params"],
    )
    return {**variables, "params": kept}


def test_given_noise_reproduces_the_samples(model_and_variables, batch):
    model, variables = model_and_variables
    noise = noise_of(model, 3)
    output = jax.jit(model.apply)(variables, batch, noise=noise)
    top = output.latents[0]
    assert top.z.shape == noise["latent"][0].shape
    for latent in output.latents:  # after flows there is a single draw's estimate
        np.testing.assert_array_equal(latent.kl, latent.log_q - latent.log_p)
        assert latent.kl_dims is None and latent.posterior is None
    plain = jax.jit(tiny().apply)(without_flows(variables), batch, noise=noise)
    (first, *_) = plain.latents
    np.testing.assert_allclose(
        first.z, first.posterior.at(noise["latent"][0]), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        first.kl_dims,
        kl_normal(first.posterior, Normal.standard(first.z)).sum((1, 2)),
        rtol=1e-3,
        atol=1e-5,
    )
    for latent in plain.latents:
        np.testing.assert_allclose(latent.kl, latent.kl_dims.sum(1), rtol=1e-5, atol=1e-6)
        q = scipy.stats.norm(latent.posterior.loc, latent.posterior.scale)
        log_q = q.logpdf(latent.z).sum((1, 2, 3))
        np.testing.assert_allclose(latent.log_q, log_q, rtol=1e-4, atol=1e-3)
    top_p = scipy.stats.norm.logpdf(first.z).sum((1, 2, 3))
    np.testing.assert_allclose(first.log_p, top_p, rtol=1e-4)


def test_the_kl_of_every_group_is_the_mean_of_log_q_less_log_p(model_and_variables, batch):
    """In closed form, whatever prior the groups above have made: 1000 draws of one group."""
    _, variables = model_and_variables
    model = tiny()
    one = {"image": batch["image"][:1].repeat(1000, 0)}
    above = noise_of(model, 1)["latent"]
    for group in range(4):
        free = jax.random.normal(jax.random.key(group), (1000, *model.latent_shapes[group]))
        noise = [draw.repeat(1000, 0) for draw in above]
        noise[group] = free
        latent = jax.jit(model.apply)(
            without_flows(variables), one, noise={"latent": noise}
        ).latents[group]
        draws = np.asarray(latent.log_q - latent.log_p)
        error = 5 * draws.std() / np.sqrt(1000) + 1e-3
        assert abs(draws.mean() - float(latent.kl[0])) < error


def test_given_codes_have_the_densities_of_the_drawn(model_and_variables, batch):
    model, variables = tiny(), without_flows(model_and_variables[1])
    apply = jax.jit(model.apply)
    drawn = apply(variables, batch, noise=noise_of(model, 3))
    given = apply(variables, batch, codes=[latent.z for latent in drawn.latents])
    for ours, theirs in zip(*map(jax.tree.leaves, (given, drawn)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(given.log_weight, drawn.log_weight, rtol=1e-4)
    flowing, variables = model_and_variables
    with pytest.raises(ValueError, match="codes: expected a posterior without flows"):
        flowing.apply(variables, batch, codes=[latent.z for latent in drawn.latents])


def test_encoding_and_decoding_all_groups_is_the_pass_itself(model_and_variables, batch):
    model, variables = model_and_variables
    means = {"latent": [jnp.zeros((3, *shape)) for shape in model.latent_shapes]}
    output = jax.jit(model.apply)(variables, batch, noise=means)
    latents = jax.jit(partial(model.apply, method="encode"))(variables, batch)
    for latent, expected in zip(latents, output.latents, strict=True):
        np.testing.assert_allclose(latent.z, expected.z, rtol=1e-5, atol=1e-5)
    keys = jax.random.split(jax.random.key(0), 3)
    codes = tuple(latent.z for latent in latents)
    p = np.asarray(jax.jit(partial(model.apply, method="decode"))(variables, codes, keys), "d")
    x = np.asarray(batch["image"], "d")
    log_px = (x * np.log(p) + (1 - x) * np.log1p(-p)).sum((1, 2, 3))
    np.testing.assert_allclose(output.log_px, log_px, rtol=1e-4)


def test_drawn_codes_are_those_of_the_pass(model_and_variables, batch):
    """Means, samples and KL of every group, and the images they stand for."""
    model, variables = model_and_variables
    encode = jax.jit(partial(model.apply, method="encode"))
    noise, different = noise_of(model, 3), noise_of(model, 3, seed=4)
    output = jax.jit(model.apply)(variables, batch, noise=noise)
    drawn, other = encode(variables, batch, noise), encode(variables, batch, different)
    for latent, expected, different in zip(drawn, output.latents, other, strict=True):
        np.testing.assert_allclose(latent.z, expected.z, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(latent.kl, expected.kl, rtol=1e-3, atol=1e-4)
        assert not np.allclose(latent.z, different.z, atol=1e-3)


def test_partial_codes_leave_the_rest_to_the_priors(model_and_variables):
    model, variables = model_and_variables
    codes = noise_of(model, 3)["latent"]

    @jax.jit
    def decode(codes, rng):
        return model.apply(variables, codes, jax.random.split(rng, 3), method="decode")

    one, other = (decode(codes[:1], jax.random.key(seed)) for seed in (0, 1))
    assert not np.allclose(one, other, atol=1e-4)
    whole = [decode(codes, jax.random.key(seed)) for seed in (0, 1)]
    np.testing.assert_array_equal(*whole)
    holes = [decode([None, *codes[1:]], jax.random.key(seed)) for seed in (0, 1)]
    assert not np.allclose(*holes, atol=1e-4)


def test_what_is_not_given_stays_the_same_along_a_row(model_and_variables):
    """One key per image: equal keys and equal codes are equal images."""
    model, variables = model_and_variables
    codes = noise_of(model, 3)["latent"][:1]
    keys = jax.random.split(jax.random.key(0), 3)
    order = jnp.array([2, 0, 0])
    decode = jax.jit(partial(model.apply, method="decode"))
    images = decode(variables, codes, keys)
    again = decode(variables, [codes[0][order]], keys[order])
    np.testing.assert_allclose(again, images[order], rtol=1e-4, atol=1e-6)


def test_temperature_per_group(model_and_variables):
    model, variables = model_and_variables

    def sample(temperature, seed):
        return jax.jit(lambda v, noise: model.apply(v, noise, temperature, method="from_noise"))(
            variables, noise_of(model, 2, seed)
        )

    np.testing.assert_allclose(sample(0.0, 0), sample((0.0,) * 4, 1), rtol=1e-5)
    np.testing.assert_allclose(sample(0.0, 0), sample(np.zeros(4), 1), rtol=1e-5)
    np.testing.assert_allclose(sample(0.0, 0), sample((0.0,) * 5, 1), rtol=1e-5)  # and pixels
    assert not np.allclose(sample((0.0, 0.0, 0.0, 1.0), 0), sample(0.0, 0), atol=1e-4)


def test_all_forms_are_one_network(model_and_variables, batch):
    """Same parameters, same numbers, same gradients."""
    model, variables = model_and_variables
    noise = noise_of(model, 3)

    def loss_and_gradient(**form):
        network = tiny(num_flows=1, **form)

        @jax.jit
        @jax.value_and_grad
        def loss(params):
            output, _ = network.apply(
                {**variables, "params": params},
                batch,
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


def test_scanned_depth_costs_no_more_program():
    def size(**changes):
        return len(str(jax.make_jaxpr(partial(init, tiny(**changes)))(jax.random.key(0))))

    assert size(groups=(8, 8)) < 1.2 * size(groups=(2, 2))


def test_bfloat16_is_for_computing_alone(batch):
    model = tiny(dtype="bfloat16")
    output, variables = abstract(model)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    assert output.log_px.dtype == jnp.float32
    assert output.latents[0].kl.dtype == jnp.float32
    for network in (model, tiny(dtype="bfloat16", groups=(1,))):
        _, variables = abstract(network)
        apply = partial(network.apply, noise=noise_of(network, 3))
        jaxpr = str(jax.make_jaxpr(apply)(variables, batch))
        convolved = re.findall(r"(\w+)\[[^=]*= (?:dot_general|conv_general_dilated)\[", jaxpr)
        assert len(convolved) > 10
        assert set(convolved) == {"bf16"}


def test_bfloat16_agrees_with_float32(batch):
    """Likelihood and KL within 2 %, statistics within 0.02 of a standard deviation."""

    def train(dtype):
        model = tiny(dtype=dtype, groups=(2,))
        apply = partial(model.apply, train=True, mutable=["batch_stats"], noise=noise_of(model, 3))
        output, state = jax.jit(apply)(variables, batch)
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
    """The upper edge of the logistic mixture, and a first prior of scale 1.01."""
    settings = {"likelihood": logistic_mixture(), "image_shape": (8, 8, 3), "groups": (1,)}
    settings |= {"encoder_features": 2, "decoder_features": 2, "num_blocks": 0}
    compatible, clean = tiny(nvae_compat=True, **settings), tiny(**settings)
    variables = random_variables(clean, 0.3)
    white = {"image": jnp.ones((1, 8, 8, 3))}
    almost = {"image": jnp.full((1, 8, 8, 3), 0.996)}  # above 2 * 0.99 - 1 = 0.99 on [-1, 1]
    codes = [jax.random.normal(jax.random.key(0), (1, *clean.latent_shapes[0]))]

    def apply(model, batch):
        return model.apply(variables, batch, codes=codes)

    ours, theirs = apply(clean, white), apply(compatible, white)
    np.testing.assert_allclose(ours.log_px, theirs.log_px, rtol=1e-6)
    assert not np.allclose(apply(clean, almost).log_px, apply(compatible, almost).log_px)
    expected = scipy.stats.norm.logpdf(codes[0], scale=1.01).sum()
    np.testing.assert_allclose(theirs.latents[0].log_p, [expected], rtol=1e-5)
    np.testing.assert_allclose(
        ours.latents[0].log_p, [scipy.stats.norm.logpdf(codes[0]).sum()], rtol=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": "res_mbconv9"}, "cells: expected one of"),
        ({"groups": ()}, "groups: expected numbers >= 1"),
        ({"groups": (2, 0)}, "groups: expected numbers >= 1"),
        ({"image_shape": (8, 10, 1)}, "image_shape: .* divisible by 4"),
        ({"image_shape": (8, 8)}, "image_shape: expected positive"),
        ({"nvae_compat": True, "prior": standard(2.0)}, "prior: expected the standard one"),
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
    apply = partial(model.apply, variables)
    noise = noise_of(model, 1)
    blank, key = {"image": jnp.zeros((1, 8, 8, 1))}, jax.random.split(jax.random.key(0), 1)
    with pytest.raises(ValueError, match="image: expected"):
        apply({"image": jnp.zeros((1, 4, 4, 1))}, noise=noise)
    with pytest.raises(ValueError, match="codes: expected 4, got 5"):
        apply([None] * 5, key, method="decode")
    with pytest.raises(ValueError, match="temperature: expected a number or 4 of them, got 1"):
        apply(noise, (1.0,), method="from_noise")
    with pytest.raises(ValueError, match="temperature: expected a number or 4 of them, got 2"):
        apply(noise, np.ones(2), method="from_noise")
    latent = noise["latent"]
    with pytest.raises(ValueError, match="noise: expected 4, got 5"):
        apply(blank, noise={"latent": [*latent, latent[0]]})
    seven = {"image": jnp.zeros((7, 8, 8, 1))}
    with pytest.raises(ValueError, match=r"noise: expected \(7, .* for group 0, got \(1, "):
        apply(seven, noise=noise)
    with pytest.raises(ValueError, match=r"noise: expected \(1, .* for group 1, got"):
        apply({"latent": [latent[0], latent[1][:, :1], *latent[2:]]}, method="from_noise")
    with pytest.raises(ValueError, match="codes: expected .* for group 1, got"):
        apply([latent[0], latent[0][:, :1, :1]], key, method="decode")
