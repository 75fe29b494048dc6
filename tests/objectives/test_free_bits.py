"""Free bits: Eq. 15 by hand, no gradient below the floor, the same numbers in every mode."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from tests.leaves.flow_prior import flow
from tests.leaves.pixels import PixelModel
from tests.models.variables import random_state, random_variables
from tests.objectives.solvable import Solvable, batch
from vaejax import make_optimizer, make_train_step, pmap_step, sharded_step
from vaejax.core.mesh import data_mesh
from vaejax.distributions import estimated_latent
from vaejax.models import ConvVAE, DenseHierarchy
from vaejax.models.posteriors import iaf
from vaejax.objectives import elbo
from vaejax.objectives.free_bits import with_free_bits

RNG, STEP = jax.random.key(1), jnp.int32(0)
OPTIMIZER = make_optimizer("sgd", learning_rate=1.0)  # the step is the gradient
FLOWS = ConvVAE((8, 8, 1), 3, "toy", posterior=iaf(num_flows=1, hidden=(4,)))


def terms(seed, size):
    return np.random.default_rng(seed).normal(0.3, 0.5, (4, size)).astype(np.float32)


def test_every_latent_costs_its_mean_kl_or_the_floor():
    """Two groups, one after flows; an example of the batch does not count."""
    first, second = terms(0, 3), terms(1, 2)
    latents = [
        estimated_latent(*[jnp.zeros(4)] * 3)._replace(kl_dims=terms(2, 3), kl_terms=first),
        estimated_latent(*[jnp.zeros(4)] * 3)._replace(kl_dims=second),
    ]
    mask = np.array([1.0, 1.0, 0.0, 1.0], np.float32)
    means = np.concatenate([group[[0, 1, 3]].mean(0) for group in (first, second)])
    floor = float(np.sort(means)[2]) + 1e-3
    expected = sum(max(floor, mean) for mean in means)
    assert floor > means.min() and floor < means.max()
    assert float(with_free_bits(latents, floor, mask)) == pytest.approx(expected, rel=1e-5)


def evaluated(model, params, examples, **settings):
    objective = elbo(model, **settings)

    @jax.jit
    def found(params):
        loss = lambda p: objective.loss({"model": p}, {}, examples, RNG, STEP, True)  # noqa: E731
        (_, (metrics, _)), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return metrics, gradient

    return jax.device_get(found(params))


def test_the_loss_alone_changes(tiny_batch):
    params = random_variables(FLOWS, 0.3)["params"]
    plain, _ = evaluated(FLOWS, params, tiny_batch, beta=2.0)
    free, _ = evaluated(FLOWS, params, tiny_batch, beta=2.0, free_bits=0.5)
    assert set(free) == set(plain)
    for name in set(plain) - {"loss"}:
        np.testing.assert_allclose(free[name], plain[name], rtol=1e-6)
    assert free["loss"] > plain["loss"]
    lowest = plain["reconstruction"] + 2.0 * 3 * 0.5
    assert free["loss"] >= lowest - 1e-4


def test_a_latent_below_the_floor_has_no_gradient():
    """KL_j = m_j^2 / 2 + (s^2 - 1) / 2 - log s of q = N(m_j, s^2)."""
    model, examples = Solvable(dim=3, log_scale=0.0), batch(4, 3)
    zeros = np.zeros(3, np.float32)
    loc = np.array([0.1, 2.0, -0.2], np.float32)
    params = {"encoder": {"loc": loc, "log_scale": zeros}, "decoder": {"shift": zeros}}
    metrics, gradient = evaluated(model, params, examples, free_bits=0.5)
    _, of_log_px = evaluated(model, params, examples, beta=0.0)
    np.testing.assert_allclose(metrics["kl_dims/0"], [0.005, 2.0, 0.02], rtol=1e-5)
    expected = metrics["reconstruction"] + 0.5 + 2.0 + 0.5
    assert metrics["loss"] == pytest.approx(expected, rel=1e-6)
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - 2.025, rel=1e-6)
    for name in ("loc", "log_scale"):
        of_kl = gradient["encoder"][name] - of_log_px["encoder"][name]
        assert of_kl[0] == of_kl[2] == 0.0
    of_kl = gradient["encoder"]["loc"] - of_log_px["encoder"]["loc"]
    assert of_kl[1] == pytest.approx(2.0, rel=1e-5)


@pytest.fixture(scope="module")
def stepped(tiny_batch):
    """An objective, a state before a step, and what the step makes of it."""
    objective = elbo(FLOWS, beta=0.7, free_bits=0.2)
    state = random_state(objective, OPTIMIZER, tiny_batch, 0.3)
    step = jax.jit(make_train_step(objective, OPTIMIZER))
    return objective, state, step(state, tiny_batch, RNG)


@pytest.mark.parametrize("wrap", [pmap_step, lambda step: sharded_step(step, data_mesh())])
def test_every_mode_has_the_numbers_of_jit(stepped, tiny_batch, wrap):
    objective, state, (expected, metrics) = stepped
    new, found = wrap(make_train_step(objective, OPTIMIZER))(state, tiny_batch, RNG)
    for name, value in metrics.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-4, atol=1e-5)
    gradients = [
        jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), state.params, s.params)
        for s in (new, expected)
    ]
    error = optax.tree.norm(jax.tree.map(np.subtract, *gradients))
    assert error < 1e-5 * optax.tree.norm(gradients[1])


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (Solvable(), {"free_bits": -0.1}, r"free_bits: expected a number >= 0 \(nats per latent\)"),
        (Solvable(), {"free_bits": 0.1, "balance": True}, "free_bits: expected None with balance"),
        (
            Solvable(),
            {"free_bits": 0.1, "gradient": "score_function"},
            "free_bits: expected None with gradient='score_function'",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(model, settings, message):
    with pytest.raises(ValueError, match=message):
        elbo(model, **settings)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            PixelModel((8, 8, 1)),
            "free_bits: expected a model with latents to weigh, got one without",
        ),
        (
            ConvVAE((8, 8, 1), 3, "toy", prior=flow()),
            "free_bits: expected a model whose KL comes apart by latent .* group 0 does not",
        ),
    ],
)
def test_a_kl_that_does_not_come_apart_is_refused(model, message, tiny_batch):
    objective = elbo(model, free_bits=0.1)
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(
            lambda: objective.loss(*objective.init(RNG, tiny_batch), tiny_batch, RNG, STEP, True)
        )


def test_groups_with_terms_and_groups_with_dimensions_go_together(tiny_batch):
    model = DenseHierarchy((8, 8, 1), (2, 3), ((4,), (5,)), posterior=iaf(1, (4,)))
    objective = elbo(model, free_bits=0.1, num_samples=2)
    loss, _ = jax.eval_shape(
        lambda: objective.loss(*objective.init(RNG, tiny_batch), tiny_batch, RNG, STEP, True)
    )
    assert loss.shape == ()
