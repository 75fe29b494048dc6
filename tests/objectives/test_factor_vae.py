"""FactorVAE: the game's gradients are those of the separate losses; its estimate against theory."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vaejax import create_train_state, make_optimizer, make_train_step
from vaejax.models import ConvVAE
from vaejax.nn.mlp import MLP, leaky_relu
from vaejax.objectives import elbo, factor_vae
from vaejax.objectives.factor_vae import (
    batch_total_correlation,
    density_ratio,
    discrimination,
    shuffle,
)

MODEL = ConvVAE((8, 8, 1), 3, "burda")
STEP = jnp.asarray(0)
GAMMA = 7.0


@pytest.fixture(scope="module", params=[True, False], ids=["second_batch", "same_batch"])
def game(request, tiny_batch):
    objective = factor_vae(MODEL, gamma=GAMMA, hidden=(8, 8), second_batch=request.param)
    params, state = jax.jit(objective.init)(jax.random.key(0), tiny_batch)

    def loss(params, train=True):
        return objective.loss(params, state, tiny_batch, jax.random.key(1), STEP, train)

    return params, loss, request.param


def compiled(loss):
    return jax.jit(loss, static_argnames="train")


def test_each_player_gets_exactly_the_gradient_of_its_own_loss(game):
    """Operation by operation: compiled programs may round the same sums differently."""
    params, loss, _ = game
    both = jax.grad(lambda p: loss(p)[0])(params)

    def own(player):
        def value(player_params):
            total, (metrics, _) = loss({**params, player: player_params})
            discriminator_loss = metrics["discriminator_loss"]
            return discriminator_loss if player == "discriminator" else total - discriminator_loss

        return jax.grad(value)(params[player])

    for player in ("model", "discriminator"):
        jax.tree.map(np.testing.assert_array_equal, both[player], own(player))
        assert float(optax.tree.norm(both[player])) > 0


def test_no_player_feels_the_other_ones_loss(game):
    params, loss, _ = game
    for metric, other in (("discriminator_loss", "model"), ("total_correlation", "discriminator")):
        crossed = jax.jit(jax.grad(lambda p, m=metric: loss(p)[1][0][m]))(params)[other]
        assert float(optax.tree.norm(crossed)) == 0.0


def test_loss_is_bound_plus_gamma_correlation_plus_the_discriminators(game):
    params, loss, _ = game
    total, (metrics, _) = compiled(loss)(params)
    expected = GAMMA * metrics["total_correlation"] + metrics["discriminator_loss"]
    assert float(total) == pytest.approx(float(expected - metrics["elbo"]), rel=1e-5)


def test_a_second_batch_leaves_the_first_half_to_the_model(game, tiny_batch):
    params, loss, second_batch = game
    size = 8 if second_batch else 16
    images = {name: array[:size] for name, array in tiny_batch.items()}
    latent_rng = jax.random.split(jax.random.key(1))[0]
    evaluate = jax.jit(elbo(MODEL).loss, static_argnums=5)
    _, (bound, _) = evaluate(params, {}, images, latent_rng, STEP, True)
    assert float(compiled(loss)(params)[1][0]["elbo"]) == pytest.approx(
        float(bound["elbo"]), rel=1e-6
    )


def test_given_noise_is_that_of_both_halves(game, tiny_batch):
    """As for every objective, noise of the batch stands in the place of what would be drawn."""
    params, _, second_batch = game
    objective = factor_vae(MODEL, gamma=GAMMA, hidden=(8, 8), second_batch=second_batch)

    def shuffled_loss(noise):
        batch = {**tiny_batch, "noise": {"latent": (noise,)}}
        metrics = objective.loss(params, {}, batch, jax.random.key(1), STEP, True)[1][0]
        return float(metrics["discriminator_loss"]), float(metrics["log_px"])

    (loss, log_px), (other, same) = (
        shuffled_loss(jnp.zeros((16, 3)).at[8:].set(far)) for far in (0.0, 5.0)
    )
    assert loss != other and (log_px == same) == second_batch


def test_evaluation_counts_every_image(game, tiny_batch):
    params, loss, _ = game
    latent_rng = jax.random.split(jax.random.key(1))[0]
    evaluate = jax.jit(elbo(MODEL).loss, static_argnums=5)
    _, (bound, _) = evaluate(params, {}, tiny_batch, latent_rng, STEP, False)
    assert float(compiled(loss)(params, train=False)[1][0]["elbo"]) == pytest.approx(
        float(bound["elbo"])
    )


def test_one_step_trains_both_players_with_their_own_optimisers(tiny_batch):
    players = {"discriminator": {"name": "adam", "learning_rate": 1e-3, "b1": 0.5, "b2": 0.9}}
    objective = factor_vae(MODEL, hidden=(8,))
    optimizer = make_optimizer("adam", learning_rate=1e-3, players=players)
    create = jax.jit(create_train_state, static_argnums=(0, 1))
    state = create(objective, optimizer, jax.random.key(0), tiny_batch)
    new, metrics = jax.jit(make_train_step(objective, optimizer))(
        state, tiny_batch, jax.random.key(1)
    )
    assert np.isfinite(float(metrics["loss"]))
    for player in ("model", "discriminator"):
        moved = jax.tree.map(lambda a, b: a - b, state.params[player], new.params[player])
        assert float(optax.tree.norm(moved)) > 0


def test_shuffled_codes_are_independent_and_each_there_once():
    z = jnp.repeat(jax.random.normal(jax.random.key(0), (2_000, 1)), 6, axis=1)  # all alike
    shuffled = np.asarray(shuffle(jax.random.key(1), z))
    np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(z, axis=0))
    correlations = np.corrcoef(shuffled, rowvar=False)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 4 / np.sqrt(2_000)


def test_padding_is_not_shuffled_in():
    z, mask = jnp.arange(8.0)[:, None] * jnp.ones((1, 3)), jnp.array([1.0] * 5 + [0.0] * 3)
    shuffled = np.asarray(shuffle(jax.random.key(0), z, mask))
    np.testing.assert_array_equal(np.sort(shuffled[:5], axis=0), z[:5])


@pytest.mark.parametrize("count", [1, 3, 4, 12, 64])
def test_gaussian_total_correlation_of_more_codes_than_dimensions_and_else_nan(count):
    z = jax.random.normal(jax.random.key(0), (64, 3)) @ jnp.array(
        [[1.0, 0.8, 0], [0, 1, 0.3], [0, 0, 1]]
    )
    found = batch_total_correlation(z, (jnp.arange(64) < count) * 1.0)
    np.testing.assert_allclose(found, batch_total_correlation(z[:count]), rtol=1e-5)
    if count <= 3:
        assert np.isnan(found)
    else:
        correlations = np.corrcoef(np.asarray(z[:count], np.float64), rowvar=False)
        expected = -0.5 * np.linalg.slogdet(correlations)[1]
        np.testing.assert_allclose(found, expected, rtol=2e-3)


@pytest.mark.parametrize("second_batch", [True, False])
def test_codes_that_know_nothing_have_no_total_correlation(second_batch):
    """z ~ N(0, I) whatever the image: what the game's own discriminator is shown is all alike."""
    objective = factor_vae(ConvVAE((8, 8, 1), 6, "burda"), hidden=(64,), second_batch=second_batch)
    players = {"model": {"name": "sgd", "learning_rate": 1e-12}}
    optimizer = make_optimizer("adam", learning_rate=1e-2, players=players)
    batch = {"image": jnp.zeros((256, 8, 8, 1))}
    state = jax.jit(create_train_state, static_argnums=(0, 1))(
        objective, optimizer, jax.random.key(0), batch
    )
    heads = jax.tree.map(jnp.zeros_like, state.params["model"])  # mean and log-variance 0
    state = state._replace(params={**state.params, "model": heads})
    step, found = jax.jit(make_train_step(objective, optimizer)), []
    for _ in range(200):
        state, metrics = step(state, batch, jax.random.key(1))
        found.append((metrics["total_correlation"], metrics["gaussian_total_correlation"]))
    by_discriminator, gaussian = np.mean(found[-50:], axis=0)
    assert abs(by_discriminator) < 0.1
    assert gaussian < 0.1


@pytest.mark.parametrize("correlation", [0.5, 0.8])
def test_estimate_of_a_correlated_gaussian(correlation):
    """TC = -1/2 log(1 - rho^2), within 0.02 + 15 %, after training the discriminator alone."""
    network = MLP((64, 64), 2, leaky_relu)
    params = network.init(jax.random.key(0), jnp.zeros((1, 2)))["params"]
    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, 1500))
    root = jnp.linalg.cholesky(jnp.array([[1.0, correlation], [correlation, 1.0]]))

    def draw(rng, size):
        return jax.random.normal(rng, (size, 2)) @ root.T

    @jax.jit
    def train(params):
        def step(carry, rng):
            params, state = carry
            first, second, order = jax.random.split(rng, 3)
            shuffled = shuffle(order, draw(second, 512))
            grads = jax.grad(lambda p: discrimination(network, p, draw(first, 512), shuffled)[0])(
                params
            )
            updates, state = optimizer.update(grads, state)
            return (optax.apply_updates(params, updates), state), None

        start = (params, optimizer.init(params))
        return jax.lax.scan(step, start, jax.random.split(jax.random.key(1), 1500))[0][0]

    estimate = density_ratio(network, train(params), draw(jax.random.key(2), 50_000)).mean()
    truth = -0.5 * np.log(1 - correlation**2)
    assert abs(float(estimate) - truth) < 0.02 + 0.15 * truth


def test_the_discriminator_is_that_of_the_paper():
    params, _ = jax.eval_shape(
        factor_vae(ConvVAE((8, 8, 1), 10, "burda")).init,
        jax.random.key(0),
        {"image": jnp.zeros((2, 8, 8, 1)), "position": jnp.arange(2)},
    )
    widths = [params["discriminator"][f"Dense_{i}"]["kernel"].shape for i in range(7)]
    assert widths == [(10, 1000), *[(1000, 1000)] * 5, (1000, 2)]


def test_impossible_settings_are_refused(tiny_batch):
    with pytest.raises(ValueError, match="gamma: expected a number >= 0"):
        factor_vae(MODEL, gamma=-1.0)
    with pytest.raises(ValueError, match="hidden: expected at least one width"):
        factor_vae(MODEL, hidden=())
    objective = factor_vae(MODEL, hidden=(4,))
    odd = {name: array[:3] for name, array in tiny_batch.items()}
    params, state = jax.jit(objective.init)(jax.random.key(0), odd)
    with pytest.raises(ValueError, match="batch_size: expected an even number"):
        objective.loss(params, state, odd, jax.random.key(0), STEP, True)
