"""What a trained model answers is what model, evaluators and sampler say themselves."""

import jax
import numpy as np
import pytest

import vaejax
from vaejax.pictures.sampler import Sampler
from vaejax.runs.setup import build


@pytest.fixture(scope="module")
def dense(dense_run):
    return vaejax.load(dense_run)


@pytest.fixture(scope="module")
def deep(deep_run):
    return vaejax.load(deep_run, allowed=["tests.runs.hierarchy:Pair"])


@pytest.fixture(scope="module")
def images():
    """Five binary images, which binarisation leaves as they are."""
    return np.random.default_rng(1).random((5, 8, 8, 1)) < 0.4


@pytest.fixture(scope="module")
def greys():
    return np.random.default_rng(2).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)


@pytest.mark.parametrize("name", ["dense", "deep"])
def test_codes_are_those_of_the_model(name, request, images):
    handle = request.getfixturevalue(name)
    batch = {"image": images.astype(np.float32)}
    expected = jax.jit(lambda x: handle.model.apply(handle.variables, x, method="encode"))(batch)
    found = handle.encode(images)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours, theirs
        )


def test_drawn_codes_are_those_of_the_posterior_and_the_same_every_time(dense, images):
    means, drawn = dense.encode(images)[0], dense.encode(images, draw=True)[0]
    again = dense.encode(images[:3], draw=True)[0]
    assert np.abs(drawn.z - means.z).max() > 0.1
    np.testing.assert_allclose(again.z, drawn.z[:3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(means.kl, drawn.kl, rtol=1e-4)  # it is in closed form


@pytest.mark.parametrize("name", ["dense", "deep"])
def test_reconstructions_are_the_decoded_means(name, request, images):
    handle = request.getfixturevalue(name)
    codes = [latent.z for latent in handle.encode(images)]
    np.testing.assert_allclose(handle.reconstruct(images), handle.decode(codes), atol=1e-5)
    keys = jax.random.split(jax.random.key(9), 5)  # which decide nothing here
    expected = handle.model.apply(handle.variables, codes, keys, method="decode")
    np.testing.assert_allclose(handle.decode(codes), expected, atol=1e-5)


def test_the_codes_of_one_group_may_be_given_alone(dense):
    codes = np.random.default_rng(0).normal(size=(70, 3))  # more than are decoded at once
    np.testing.assert_array_equal(dense.decode(codes), dense.decode([codes]))
    np.testing.assert_allclose(dense.decode(codes)[66:], dense.decode(codes[66:]), atol=1e-5)


def test_an_image_is_an_array_of_integers_or_of_floats(deep, greys):
    found = deep.encode(greys)[0].z
    for same in (greys.astype(np.float32) / 255, greys.astype(np.int64), jax.numpy.asarray(greys)):
        np.testing.assert_allclose(deep.encode(same)[0].z, found, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(deep.encode(greys[..., 0])[0].z, found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda x: x.astype(np.float32), r"images: expected .* float in \[0, 1\], got floats from"),
        (lambda x: x / 255 - 0.1, r"images: expected .* float in \[0, 1\], got floats from"),
        (lambda x: np.full_like(x / 255, np.nan), "images: .* got floats from nan"),
        (lambda x: x.astype(int) + 1, r"images: expected integers in 0..255, got \d+ .. 256"),
        (lambda x: x[0], "images: expected .*which is that of one image"),
        (lambda x: x[:, :6], "images: expected images of 8x8x1, as config.data .*array, .* 6x8x1"),
        (lambda x: list(x), "images: expected .* as a NumPy array, got a builtins.list"),
    ],
)
def test_what_is_no_image_of_the_model_is_refused(dense, greys, wrong, message):
    greys = np.maximum(greys, 255 * (np.arange(64).reshape(1, 8, 8, 1) == 0)).astype(np.uint8)
    with pytest.raises(ValueError, match=message):
        dense.encode(wrong(greys))


def test_integers_of_0_and_1_are_images_of_a_binary_run_alone(dense, deep, greys):
    binary = (greys % 2).astype(int)
    np.testing.assert_array_equal(dense.encode(binary)[0].z, dense.encode(binary == 1)[0].z)
    with pytest.raises(ValueError, match="images: expected integers up to 255, or binary images"):
        deep.encode(binary)


def test_dark_images_are_images_but_not_those_divided_twice(deep, greys):
    for dark in (greys // 4, 0 * greys):
        assert np.isfinite(deep.encode(dark)[0].z).all()
    with pytest.warns(UserWarning, match="images: .* is 0.0039\\d+ of 1; were they divided"):
        deep.encode(np.full((1, 8, 8, 1), 1 / 255, np.float32))


@pytest.mark.parametrize("name", ["dense", "deep"])
def test_the_log_likelihood_is_that_of_the_evaluation(name, request):
    """Of the test split of greys: binarised as in the evaluation where the run says so."""
    handle = request.getfixturevalue(name)
    run = build(handle.config)
    (evaluator,) = run.evaluators.values()
    scores = dict(evaluator(handle._state))
    raw = vaejax.data.array(handle.config.data.path)["test"]
    found = handle.log_likelihood(np.asarray(raw.images(np.arange(len(raw)))), 7, chunk=3)
    assert found.shape == (6,)
    np.testing.assert_allclose(found.mean(), scores["log_likelihood"], rtol=1e-5)
    of_source = handle.log_likelihood(handle.data["test"], 7)  # other chunks
    np.testing.assert_allclose(of_source, found, rtol=1e-5)
    interval = vaejax.metrics.mean_interval(found)  # image by image, not in the mean alone
    np.testing.assert_allclose(interval.low, scores["log_likelihood_low"], rtol=1e-4)


@pytest.mark.parametrize("name", ["dense", "deep"])
def test_the_ends_of_an_interpolation_are_the_reconstructions(name, request, images):
    handle = request.getfixturevalue(name)
    first, second = np.tile(images, (2, 1, 1, 1)), np.tile(images[::-1], (2, 1, 1, 1))
    way = handle.interpolate(first, second, 3)
    assert way.shape == (10, 3, 8, 8, 1)
    for end, given in ((0, first), (-1, second)):
        np.testing.assert_allclose(way[:, end], handle.reconstruct(given), atol=2e-5)
    assert (np.abs(way[:, 1] - way[:, 0]).max((1, 2, 3))[[0, 1, 3, 4]] > 1e-3).all()
    with pytest.raises(ValueError, match="second: expected 10 images, got 5"):
        handle.interpolate(first, images)


def test_partial_codes_keep_the_top_and_draw_the_rest(deep, images):
    codes = [latent.z for latent in deep.encode(images)]
    partial = deep.reconstruct(images, groups=1)
    np.testing.assert_allclose(partial, deep.decode([codes[0], None]), atol=1e-5)
    np.testing.assert_allclose(deep.reconstruct(images, groups=2), deep.reconstruct(images))
    mean = deep.decode([codes[0], None], temperature=0.0)
    assert np.abs(partial - mean).max() > 1e-4 and np.abs(partial - partial[:1]).max() > 1e-4
    for groups in (0, 3):
        with pytest.raises(ValueError, match=f"groups: expected 1 to 2, got {groups}"):
            deep.reconstruct(images, groups=groups)
    for unfit in ([None, None], [codes[0], codes[1][:2]]):
        with pytest.raises(ValueError, match="codes: expected arrays .* of the same N, got"):
            deep.decode(unfit)
    with pytest.raises(ValueError, match="codes: expected .* for group 0"):
        deep.decode([codes[1], None])


def test_samples_are_those_of_the_sampler(dense):
    run = build(dense.config)
    sampler = Sampler(run.context, run.held_out, temperature=0.5)
    expected = sampler.samples(dense.params, dense.model_state, 10)
    np.testing.assert_array_equal(dense.sample(10, 0.5), expected)
    others = dense.sample(10, 0.5, seed=3)
    assert others.shape == (10, 8, 8, 1) and np.abs(others - expected).max() > 1e-3
    assert set(np.unique(dense.sample(3, draw=True))) == {0.0, 1.0}


def test_a_traversal_sets_one_latent_and_keeps_the_others(dense, images):
    values = np.array([-1.0, 0.5])
    found = dense.traverse(images[:2], values=values)
    assert found.shape == (3, 2, 2, 8, 8, 1)
    codes = dense.encode(images[:2])[0].z
    for latent in range(3):
        for place, value in enumerate(values):
            changed = codes.copy()
            changed[:, latent] = value
            np.testing.assert_allclose(found[latent, :, place], dense.decode(changed), atol=1e-5)


def test_directions_are_differences_of_means_and_are_moved_along(dense, deep, images):
    attributes = np.array([[1, 0], [0, 1], [1, 1], [0, 0], [0, 1]])
    (directions,) = dense.directions(images, attributes)
    codes = dense.encode(images)[0].z
    expected = codes[[0, 2]].mean(0) - codes[[1, 3, 4]].mean(0)
    np.testing.assert_allclose(directions[0], expected, rtol=1e-5, atol=1e-6)
    moved = dense.move(images[:2], [directions], [0.0, 1.5])
    assert moved.shape == (2, 2, 2, 8, 8, 1)
    for attribute in range(2):
        there = dense.decode(codes[:2] + 1.5 * directions[attribute])
        np.testing.assert_allclose(moved[attribute, :, 1], there, atol=1e-5)
        np.testing.assert_allclose(moved[attribute, :, 0], dense.reconstruct(images[:2]), atol=1e-5)
    top, _ = deep.directions(images, attributes)
    codes = [latent.z for latent in deep.encode(images[:2])]
    expected = deep.decode([codes[0] + 1.5 * top[1], codes[1]])
    found = deep.move(images[:2], [top, None], [1.5])[1, :, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(ValueError, match="directions: expected those of"):
        deep.move(images, [directions, None])


@pytest.mark.parametrize("by", ["pixels", "codes"])
def test_training_images_are_nearest_to_themselves(deep, by):
    training = deep.data["train"]
    chosen = np.array([7, 3, 40])
    images = np.asarray(training.images(chosen))
    found = deep.nearest(images, 2, by=by)
    np.testing.assert_array_equal(found.places[:, 0], chosen)
    np.testing.assert_allclose(found.distances[:, 0], 0, atol=1e-4)
    assert (found.distances[:, 1] > 1e-3).all()


def test_of_several_groups_one_is_chosen_to_traverse(deep, images):
    with pytest.raises(
        ValueError, match=r"group: expected one group of vectors .*, got \[\(2,\), "
    ):
        deep.traverse(images)
    with pytest.raises(ValueError, match="group: expected one of vectors .*, got 2 of"):
        deep.traverse(images, group=2)
    found = deep.traverse(images[:1], values=[0.5], group=1)
    codes = [latent.z for latent in deep.encode(images[:1])]
    codes[1][0, 2] = 0.5
    np.testing.assert_allclose(found[2, :, 0], deep.decode(codes), atol=1e-5)


def test_standardised_images_go_in_and_come_out_as_they_are(keep_run, greys):
    gaussian = {"name": "gaussian", "scale": None}
    model = {"name": "ConvVAE", "preset": "burda", "latent_size": 2, "likelihood": gaussian}
    handle = vaejax.load(keep_run(model, data={"standardize": True}))
    source = handle.data["test"]
    given = (greys / 255 - source.mean) / source.std
    expected = handle.model.apply(handle.variables, {"image": given}, method="encode")[0].z
    np.testing.assert_allclose(handle.encode(greys)[0].z, expected, rtol=1e-4, atol=1e-5)
    codes = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    keys = jax.random.split(jax.random.key(0), 5)
    raw = handle.model.apply(handle.variables, (codes,), keys, method="decode")
    shown = np.clip(raw * source.std + source.mean, 0, 1)
    np.testing.assert_allclose(handle.decode(codes), shown, atol=1e-5)
