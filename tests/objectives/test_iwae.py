"""The importance-weighted bound: exact where it is known, of any model, in every mode alike."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from tests.leaves.autoregressive_decoder import PixelVAE
from tests.leaves.normalised import NormalisedVAE
from tests.leaves.pixels import PixelModel
from tests.models.variables import SMALLEST_NVAE, random_state, random_variables
from tests.objectives.solvable import EVIDENCE, Solvable, batch, bound
from vaejax import make_optimizer, make_train_step, pmap_step, sharded_step
from vaejax.core.mesh import data_mesh
from vaejax.models import NVAE, ConvVAE
from vaejax.objectives import elbo, iwae
from vaejax.objectives.passes import Pass
from vaejax.types import PER_EXAMPLE

RNG, STEP = jax.random.key(1), jnp.int32(0)
OPTIMIZER = make_optimizer("sgd", learning_rate=1.0)  # the step is the gradient
DENSE = ConvVAE((8, 8, 1), 3, "burda")
TOY = ConvVAE((8, 8, 1), 3, "toy")


def evaluated(objective, examples, rng=RNG, train=False):
    """Metrics of a loss at the first parameters."""

    @jax.jit
    def metrics(examples, rng):
        params, state = objective.init(jax.random.key(0), examples)
        return objective.loss(params, state, examples, rng, STEP, train)[1][0]

    return jax.device_get(metrics(examples, rng))


@pytest.mark.parametrize(
    ("num_samples", "batch_size", "chunk_size"),
    [(1, 40_000, None), (5, 20_000, None), (50, 4_000, 10)],
)
def test_bounds_of_the_solvable_model(num_samples, batch_size, chunk_size):
    objective = iwae(Solvable(), num_samples=num_samples, chunk_size=chunk_size)
    values = evaluated(objective, batch(batch_size))[PER_EXAMPLE]["iwae_bound"]
    error = values.std() / math.sqrt(batch_size)
    assert abs(values.mean() - bound(num_samples)) < 4 * error < 0.02


def test_the_exact_bounds_rise_to_the_evidence():
    """L_1 is the ELBO in closed form: KL = m^2 / 2 + s^2 / 2 - log s - 1 / 2."""
    closed = -0.5 * (0.8**2 + 0.25 + np.log(2 * np.pi)) - (0.02 + 0.125 + np.log(2) - 0.5)
    bounds = [bound(k) for k in (1, 5, 50, 5000)]
    assert bounds[0] == pytest.approx(closed, abs=1e-6)
    assert bounds[0] < bounds[1] < bounds[2] < bounds[3] < EVIDENCE < bounds[3] + 0.002


def test_many_samples_find_the_evidence():
    objective = iwae(Solvable(), num_samples=5000, chunk_size=500)
    metrics = evaluated(objective, batch(400))
    assert float(metrics["iwae_bound"]) == pytest.approx(EVIDENCE, abs=0.002)
    assert metrics["elbo"] < metrics["iwae_bound"]


def normal(shape):
    return jax.random.normal(jax.random.key(2), shape)


MODELS = {
    "dense": (TOY, 1),
    "autoregressive": (PixelVAE((8, 8, 1)), 1),
    "deep": (
        NVAE(
            (8, 8, 3),
            groups=(2,),
            **SMALLEST_NVAE,
        ),
        3,
    ),
}


@pytest.mark.parametrize(
    "name", ["dense", "autoregressive", pytest.param("deep", marks=pytest.mark.slow)]
)
def test_it_is_the_log_of_the_mean_weight_of_given_noise(name):
    model, channels = MODELS[name]
    images = jax.random.uniform(jax.random.key(0), (2, 8, 8, channels))
    shapes = jax.eval_shape(model.noise, jax.random.split(RNG, 2))["latent"]
    latent = tuple(normal((2, 3, *x.shape[1:])) for x in shapes)
    objective = iwae(model, num_samples=3, chunk_size=2)
    state = random_variables(model, 0.25)
    params = {"model": state.pop("params")}

    @jax.jit
    def both(images):
        noise = {"latent": latent}
        given = {"image": images, "noise": noise}
        metrics = objective.loss(params, state, given, RNG, STEP, False)[1][0]

        def log_weight(sample):
            drawn = {"latent": tuple(x[:, sample] for x in latent)}
            variables = {"params": params["model"], **state}
            return model.apply(variables, {"image": images}, noise=drawn).log_weight

        return metrics[PER_EXAMPLE], jax.lax.map(log_weight, jnp.arange(3))

    values, log_w = jax.device_get(both(images))
    expected = scipy.special.logsumexp(log_w, axis=0) - np.log(3)
    np.testing.assert_allclose(values["iwae_bound"], expected, rtol=1e-5)
    np.testing.assert_allclose(values["elbo"], log_w.mean(0), rtol=1e-5)
    weights = scipy.special.softmax(log_w, axis=0)
    size = 1 / (weights**2).sum(0)
    np.testing.assert_allclose(values["effective_sample_size"], size, rtol=1e-3)


def test_the_first_sample_has_the_noise_of_a_single_one():
    examples = {"image": jnp.zeros((4, 8, 8, 1)), "position": jnp.array([0, 1, 2, 1])}
    passing = Pass(DENSE, {}, examples, RNG, True)
    (single,) = passing.noise()["latent"]
    samples = [passing.noise(k, 3)["latent"][0] for k in range(3)]
    np.testing.assert_array_equal(samples[0], single)
    for noise in samples:  # the same position, the same noise
        np.testing.assert_array_equal(noise[1], noise[3])
    assert len(np.unique(np.stack(samples)[:, :3])) == 3 * 3 * 3


def test_noise_of_another_number_of_samples_is_refused():
    given = batch(2) | {"noise": {"latent": (jnp.zeros((2, 4, 1)),)}}
    with pytest.raises(
        ValueError, match=r"noise: expected 3 samples \[B, K, ...\], got \[2, 4, 1\]"
    ):
        evaluated(iwae(Solvable(), num_samples=3), given)


def step_of(objective, **settings):
    return make_train_step(objective, OPTIMIZER, **settings)


OBJECTIVES = {
    "chunks": iwae(TOY, num_samples=3, chunk_size=2),
    "twice": iwae(TOY, num_samples=3, gradient="doubly_reparameterised"),
    "average": elbo(TOY, num_samples=2, gradient="moving_average"),
}
MODES = {
    "sharded": lambda objective: sharded_step(step_of(objective), data_mesh(), donate=False),
    "pmap": lambda objective: pmap_step(step_of(objective)),
    "microbatches": lambda objective: jax.jit(step_of(objective, num_microbatches=2)),
}


@pytest.fixture(scope="module")
def stepped(request, tiny_batch):
    """An objective, its first state, a masked batch and what a step on one device makes of them."""
    objective = OBJECTIVES[request.param]
    examples = {**tiny_batch, "mask": 1.0 * (jnp.arange(16) < 11)}
    state = random_state(objective, OPTIMIZER, examples, 0.25)
    return objective, state, examples, jax.jit(step_of(objective))(state, examples, RNG)


@pytest.mark.parametrize(
    ("stepped", "mode"),
    [
        ("chunks", "microbatches"),
        ("chunks", "pmap"),
        pytest.param("chunks", "sharded", marks=pytest.mark.slow),
        ("average", "pmap"),
        ("average", "sharded"),
        *(pytest.param("twice", mode, marks=pytest.mark.slow) for mode in MODES),
    ],
    indirect=["stepped"],
)
def test_every_mode_has_the_numbers_of_one_device(stepped, mode):
    objective, state, examples, (expected, metrics) = stepped
    actual, others = MODES[mode](objective)(state, examples, RNG)
    for name, value in metrics.items():
        np.testing.assert_allclose(others[name], value, rtol=1e-4, atol=1e-6)
    trees = (actual.params, actual.model_state), (expected.params, expected.model_state)
    for ours, theirs in zip(*map(jax.tree.leaves, trees), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_running_statistics_move_once_by_the_average_of_the_samples(tiny_batch):
    model = NormalisedVAE((8, 8, 1))
    noise = {"latent": (normal((16, 3, 2)),), "pixels": normal((16, 3))}
    _, params, _, state, *_ = random_state(elbo(model), OPTIMIZER, tiny_batch, 0.5)

    @functools.partial(jax.jit, static_argnums=0)
    def after(objective, noise):
        given = {**tiny_batch, "noise": noise}
        return objective.loss(params, state, given, RNG, STEP, True)[1][1]["batch_stats"]

    singles = [after(elbo(model), jax.tree.map(lambda x, k=k: x[:, k], noise)) for k in range(3)]
    expected = jax.tree.map(lambda *x: np.mean(x, axis=0), *singles)
    for make, chunk_size in ((elbo, 2), (iwae, None), (iwae, 2)):
        moved = after(make(model, num_samples=3, chunk_size=chunk_size), noise)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), moved, expected)


def compiled(batch_size=16, **settings):
    """The gradient of the dense model, 64-200-200-3 and back."""
    objective = iwae(DENSE, **settings)
    examples = {"image": jax.ShapeDtypeStruct((batch_size, 8, 8, 1), jnp.float32)}
    state = jax.eval_shape(objective.init, RNG, examples)
    gradient = jax.jit(jax.value_and_grad(objective.loss, has_aux=True), static_argnums=5)
    return gradient.lower(*state, examples, RNG, STEP, True).compile()


def test_the_encoder_and_a_second_look_are_computed_once():
    """Multiplications and additions: of the encoder for 16 images, of the decoder for 16 K."""
    encoder, decoder = 64 * 200 + 200 * 200 + 200 * 6, 3 * 200 + 200 * 200 + 200 * 64
    num_samples = 8
    forward = 2 * 16 * (encoder + num_samples * decoder)
    expected = 3 * forward - 2 * 16 * 64 * 200  # no gradient with respect to the images
    one, other = (
        compiled(num_samples=num_samples, gradient=gradient).cost_analysis()["flops"]
        for gradient in ("reparameterised", "doubly_reparameterised")
    )
    assert expected < one < 1.05 * expected
    assert other == pytest.approx(one, rel=0.01)


@pytest.mark.parametrize("gradient", ["reparameterised", "doubly_reparameterised"])
def test_memory_does_not_grow_with_the_chunks(gradient):
    """Four samples at once of 256 take less than a tenth of one hidden layer of all of them."""
    step = compiled(64, num_samples=256, chunk_size=4, gradient=gradient)
    hidden_layer = 4 * 256 * 64 * 200  # bytes
    assert step.memory_analysis().temp_size_in_bytes < hidden_layer / 10


def test_a_model_without_latents_is_refused(tiny_batch):
    with pytest.raises(ValueError, match="model: expected one with latents to draw"):
        evaluated(iwae(PixelModel((8, 8, 1)), num_samples=2), tiny_batch)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_samples": 0}, "num_samples: expected at least 1, got 0"),
        ({"num_samples": 2.5}, "num_samples: expected an integer"),
        ({"num_samples": 2, "chunk_size": 0}, "chunk_size: expected at least 1, got 0"),
    ],
)
def test_impossible_numbers_are_refused(settings, message):
    for make in (elbo, iwae):
        with pytest.raises(ValueError, match=message):
            make(DENSE, **settings)
