"""Penalties: singular values by numpy, gradients, and how they compose with an objective."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax.models import ConvVAE
from vaejax.objectives import add_penalties, bn_scale, nvae, spectral
from vaejax.objectives.penalties import matrices
from vaejax.types import Objective


def random_kernels():
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 3, 2, 4), "b": (3, 1, 1, 3, 2), "c": (3, 3, 2, 4)}
    return {
        name: jnp.asarray(rng.standard_normal(shape), jnp.float32) for name, shape in shapes.items()
    }


def singular_values(kernels):
    """The largest of every matrix, from numpy."""
    return [
        np.linalg.svd(w, compute_uv=False)[0]
        for stack in matrices(kernels).values()
        for w in np.asarray(stack)
    ]


def test_matrices_have_a_row_per_output_channel():
    kernels = random_kernels()
    stacks = matrices(kernels)
    assert {name: w.shape for name, w in stacks.items()} == {
        "4x18": (2, 4, 18),
        "2x3": (3, 2, 3),
    }
    np.testing.assert_array_equal(stacks["4x18"][1, 2, 9:], kernels["c"][:, :, 1, 2].ravel())


def test_spectral_is_the_sum_of_the_largest_singular_values():
    kernels = random_kernels()
    penalty = spectral(lambda params: params, weight=1.0, num_initial_iterations=300)
    state = jax.jit(penalty.init)(kernels, jax.random.key(0))
    value, gradient = jax.value_and_grad(lambda k: penalty.value(k, state, {}, True)[0])(kernels)
    np.testing.assert_allclose(value, sum(singular_values(kernels)), rtol=1e-4)
    # d sigma / dW = u v', of norm 1
    norms = [jnp.linalg.norm(w, axis=(1, 2)) for w in matrices(gradient).values()]
    np.testing.assert_allclose(jnp.concatenate(norms), 1.0, rtol=1e-4)


def test_vectors_move_in_training_alone():
    kernels = random_kernels()
    penalty = spectral(lambda params: params, weight=1.0, num_initial_iterations=1)
    state = penalty.init(kernels, jax.random.key(0))
    frozen, same = penalty.value(kernels, state, {}, False)
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: (a == b).all(), state, same)))
    better, moved = penalty.value(kernels, state, {}, True)
    assert frozen < better < sum(singular_values(kernels)) * 1.0001
    assert not np.allclose(moved["2x3"]["u"], state["2x3"]["u"])


def test_bn_scale_adds_the_largest_of_every_batch_normalisation():
    params = {
        "a": {"scale": jnp.array([1.0, -3.0]), "bias": jnp.array([9.0, 9.0])},
        "stacked": {"norm": {"scale": jnp.array([[1.0, 2.0], [0.5, 0.25]])}},
        "layer_norm": {"scale": jnp.array([7.0, 7.0]), "bias": jnp.array([0.0, 0.0])},
        "prior": {"scale": jnp.array(5.0)},
        "conv": {"kernel": jnp.ones((1, 1, 2, 2))},
    }
    statistics = {"a": {"mean": 0.0, "var": 1.0}, "stacked": {"norm": {"mean": 0.0, "var": 1.0}}}
    value, state = bn_scale(weight=1.0).value(params, {}, {"batch_stats": statistics}, True)
    assert float(value) == pytest.approx(3.0 + 2.0 + 0.5)
    assert state == {}
    nothing, _ = bn_scale(weight=1.0).value(params, {}, {}, True)
    assert float(nothing) == 0.0


def test_penalties_add_to_the_loss_and_keep_their_state():
    def init(rng, batch):
        return {"model": {"kernel": jnp.full((1, 1, 1, 1), 2.0)}}, {"inner": jnp.zeros(())}

    def loss(params, state, batch, rng, step, train):
        assert set(state) == {"inner"}
        return jnp.asarray(10.0), ({"loss": jnp.asarray(10.0)}, {"inner": state["inner"] + 1.0})

    objective = add_penalties(Objective(init, loss), spectral(dict, weight=lambda step: 0.5 * step))
    params, state = objective.init(jax.random.key(0), {})
    assert set(state) == {"inner", "spectral"}
    total, (metrics, state) = objective.loss(
        params, state, {}, jax.random.key(0), jnp.asarray(3), True
    )
    assert float(total) == pytest.approx(10.0 + 1.5 * 2.0)
    assert float(metrics["loss"]) == float(total)
    assert float(metrics["spectral"]) == pytest.approx(2.0)
    assert float(metrics["spectral_weight"]) == pytest.approx(1.5)
    assert float(state["inner"]) == 1.0


def test_impossible_weights_are_refused():
    for make in (lambda: bn_scale(weight=-1.0), lambda: spectral(dict, weight=-1.0)):
        with pytest.raises(ValueError, match="weight: expected a number >= 0"):
            make()


def test_two_penalties_of_one_name_are_refused():
    inner = Objective(lambda *_: None, lambda *_: None)
    with pytest.raises(ValueError, match=r"penalties: expected names that differ, got \['spectral"):
        add_penalties(inner, spectral(dict, weight=1.0), spectral(dict, weight=2.0))


@pytest.mark.parametrize("name", ["bn_scale", "kl"])
def test_a_name_that_the_objective_has_is_refused(name):
    """One state or metric would stand in the place of another."""
    penalty = bn_scale(weight=1.0)._replace(name=name)
    inner = add_penalties(fake({"kl": jnp.ones(())}, {}), bn_scale(weight=1.0))
    objective = add_penalties(inner, penalty)
    with pytest.raises(ValueError, match=rf"penalties: expected names new .*, got \['{name}'\]"):
        objective.loss({"model": {}}, {}, {}, jax.random.key(0), 0, True)


def test_a_state_that_the_objective_has_is_refused():
    penalty = spectral(lambda params: params, weight=1.0)
    inner = add_penalties(fake({}, {}), penalty)
    with pytest.raises(ValueError, match=r"penalties: expected names new .*, got \['spectral'\]"):
        add_penalties(inner, penalty).init(jax.random.key(0), {})


def fake(metrics, model_state):
    """An objective without a model, of one kernel."""
    params = {"model": {"kernel": jnp.ones((1, 1, 1, 1))}}
    total = jnp.zeros(())
    return Objective(lambda *_: (params, model_state), lambda *_: (total, (metrics, model_state)))


def test_the_objective_of_nvae_needs_kernels():
    with pytest.raises(ValueError, match="model: expected one with `kernels`, got ConvVAE"):
        nvae(ConvVAE((8, 8, 1), 2, "burda"))
