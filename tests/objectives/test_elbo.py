"""The beta-VAE and capacity objectives on a model whose every number is known in closed form."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from vaejax.distributions import Bernoulli, Normal, normal_latent, sum_events
from vaejax.nn.noise import draw_each, part_keys
from vaejax.objectives import capacity, denormalise_beta, elbo, normalise_beta
from vaejax.types import PER_EXAMPLE, VAEOutput

BATCH = {"image": jnp.linspace(0.0, 1.0, 24).reshape(2, 2, 3, 2), "position": jnp.arange(2)}
NUM_DIMS = 12
STEP = jnp.asarray(50)


class Toy(nn.Module):
    """Two groups of two latents, q = N(shift, 1), so KL = shift^2 / 2 each; p(x|z) = N(0, 1)."""

    @nn.compact
    def __call__(self, batch, *, train, noise):
        images = batch["image"]
        shift = self.param("shift", lambda rng: jnp.array([1.0, 2.0]))
        ones = jnp.ones((images.shape[0], 2))
        latents = []
        for group in range(2):
            posterior = Normal(shift[group] * ones, ones)
            z = posterior.at(noise["latent"][group])
            latents.append(normal_latent(z, posterior, Normal.standard(z)))
        likelihood = Normal(jnp.zeros_like(images), jnp.ones_like(images))
        return VAEOutput(sum_events(likelihood.log_prob(images)), tuple(latents))

    @nn.nowrap
    def noise(self, keys):
        parts = (part_keys(keys, group) for group in range(2))
        return {"latent": tuple(draw_each(jax.random.normal, part, (2,)) for part in parts)}


KL = 2 * 0.5 + 2 * 2.0  # both groups, nats per image


def evaluate(objective, batch=BATCH, step=STEP):
    params, model_state = objective.init(jax.random.key(0), batch)
    loss, (metrics, _) = objective.loss(params, model_state, batch, jax.random.key(1), step, True)
    return float(loss), metrics


def expected_log_px(images=BATCH["image"]):
    squared = np.asarray(images, np.float64) ** 2
    return np.mean(np.sum(-0.5 * (squared + np.log(2 * np.pi)), axis=(1, 2, 3)))


def test_elbo_is_reconstruction_plus_beta_kl():
    loss, metrics = evaluate(elbo(Toy(), beta=4.0))
    assert loss == pytest.approx(-expected_log_px() + 4.0 * KL, rel=1e-6)
    assert float(metrics["loss"]) == loss
    assert float(metrics["elbo"]) == pytest.approx(expected_log_px() - KL, rel=1e-6)
    assert float(metrics["kl"]) == pytest.approx(KL)
    assert [float(metrics[f"kl/{g}"]) for g in range(2)] == pytest.approx([1.0, 4.0])
    np.testing.assert_allclose(metrics["kl_dims/1"], [2.0, 2.0], rtol=1e-6)
    bits = (KL - expected_log_px()) / (NUM_DIMS * np.log(2))
    assert float(metrics["elbo_bpd"]) == pytest.approx(bits, rel=1e-6)


def test_beta_defaults_to_one():
    assert evaluate(elbo(Toy()))[0] == pytest.approx(-float(expected_log_px()) + KL, rel=1e-6)


def test_mean_reduction_divides_the_reconstruction_alone_and_says_its_unit():
    loss, metrics = evaluate(elbo(Toy(), beta=0.5, reduction="mean"))
    per_dim = -expected_log_px() / NUM_DIMS
    assert loss == pytest.approx(per_dim + 0.5 * KL, rel=1e-6)
    assert float(metrics["reconstruction_per_dim"]) == pytest.approx(per_dim, rel=1e-6)
    assert float(metrics["log_px"]) == pytest.approx(expected_log_px(), rel=1e-6)
    assert "reconstruction" not in metrics


def test_beta_schedule_sees_the_step():
    schedule = optax.linear_schedule(0.0, 4.0, 100)
    _, metrics = evaluate(elbo(Toy(), beta=schedule))
    assert float(metrics["beta"]) == pytest.approx(2.0)


def test_beta_norm_both_ways():
    """beta_norm = beta M / N with M = 4 latents and N = 12 pixels times channels."""
    _, metrics = evaluate(elbo(Toy(), beta=6.0))
    assert float(metrics["beta_norm"]) == pytest.approx(2.0)
    loss, metrics = evaluate(elbo(Toy(), beta_norm=2.0))
    assert float(metrics["beta"]) == pytest.approx(6.0)
    assert loss == pytest.approx(evaluate(elbo(Toy(), beta=6.0))[0])
    sizes = {"latent_size": 10, "input_size": 4096}
    assert denormalise_beta(normalise_beta(4.0, **sizes), **sizes) == pytest.approx(4.0)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("max_capacity", [2.0, 20.0])
def test_capacity_penalises_the_distance_from_a_rising_target(signed, max_capacity):
    objective = capacity(Toy(), gamma=10.0, max_capacity=max_capacity, num_steps=100, signed=signed)
    loss, metrics = evaluate(objective)
    target = max_capacity * 50 / 100
    distance = KL - target if signed else abs(KL - target)
    assert float(metrics["capacity"]) == pytest.approx(target)
    assert loss == pytest.approx(-expected_log_px() + 10.0 * distance, rel=1e-6)
    _, late = evaluate(objective, step=jnp.asarray(1000))
    assert float(late["capacity"]) == pytest.approx(max_capacity)


def test_masked_examples_do_not_count():
    one = {name: array[:1] for name, array in BATCH.items()}
    both = {**BATCH, "mask": jnp.array([1.0, 0.0])}
    assert evaluate(elbo(Toy()), both)[0] == pytest.approx(evaluate(elbo(Toy()), one)[0], rel=1e-6)


class Drawn(Toy):
    """The toy with the mean of its codes in place of log p(x | z)."""

    @nn.compact
    def __call__(self, batch, *, train, noise):
        output = super().__call__(batch, train=train, noise=noise)  # of the toy
        return output._replace(log_px=sum(latent.z.mean(1) for latent in output.latents))


def test_noise_can_be_handed_in_with_the_batch():
    """z = shift + noise: means 1 + 3 and 2 - 1."""
    objective = elbo(Drawn())
    noise = {"latent": (jnp.full((2, 2), 3.0), jnp.full((2, 2), -1.0))}
    _, metrics = evaluate(objective, {**BATCH, "noise": noise})
    assert float(metrics["log_px"]) == pytest.approx(5.0)


def log_px(batch, rng, train):
    """What every example of a batch drew."""
    objective = elbo(Drawn())
    params, state = objective.init(jax.random.key(0), batch)
    many = {**batch, "mask": jnp.ones(len(batch["image"]))}
    values = []
    for i in range(len(batch["image"])):
        only = {**many, "mask": many["mask"] * (jnp.arange(len(many["mask"])) == i)}
        _, (metrics, _) = objective.loss(params, state, only, rng, STEP, train)
        values.append(float(metrics["log_px"]))
    return values


def test_noise_is_of_the_position_in_training_and_of_the_index_in_evaluations():
    here = {**BATCH, "position": jnp.array([4, 7]), "index": jnp.array([90, 80])}
    swapped = {**here, "position": here["position"][::-1]}
    moved = {**here, "index": here["index"][::-1]}
    key, other = jax.random.key(1), jax.random.key(2)
    first, second = log_px(here, key, True)
    assert log_px(swapped, key, True) == pytest.approx([second, first])
    assert log_px(moved, key, True) == pytest.approx([first, second])
    assert log_px(here, other, True) != pytest.approx([first, second])
    first, second = log_px(here, key, False)
    assert log_px(moved, key, False) == pytest.approx([second, first])
    assert log_px(swapped, key, False) == pytest.approx([first, second])
    without = {name: array for name, array in here.items() if name != "index"}
    assert log_px(without, key, False) == pytest.approx(log_px(here, key, True))


class NoLatents(Toy):
    """The toy as a model of images alone."""

    @nn.compact
    def __call__(self, batch, *, train, noise):
        return super().__call__(batch, train=train, noise=noise)._replace(latents=())


def test_weights_need_latents_to_weigh():
    for weight in ({"beta_norm": 1.0}, {"balance": True}):
        message = f"{next(iter(weight))}: expected a model with latents to weigh, got one without"
        with pytest.raises(ValueError, match=message):
            evaluate(elbo(NoLatents(), **weight))

    with pytest.raises(ValueError, match="max_capacity: expected a model with latents to weigh"):
        evaluate(capacity(NoLatents()))


def test_loss_without_latents_is_maximum_likelihood():
    loss, metrics = evaluate(elbo(NoLatents(), beta=3.0))
    assert loss == pytest.approx(-expected_log_px(), rel=1e-6)
    assert set(metrics) - {PER_EXAMPLE} == {"loss", "reconstruction", "log_px", "elbo", "elbo_bpd"}
    assert metrics["elbo"] == metrics["log_px"] == -loss


def test_bits_are_per_dimension_that_is_scored():
    """A fair coin per pixel costs one bit, however much padding there is around the image."""

    class Coins(nn.Module):
        num_dims = 16

        @nn.compact
        def __call__(self, batch, *, train, noise):
            images = batch["image"]
            logit = self.param("logit", nn.initializers.zeros, ())
            likelihood = Bernoulli(jnp.full_like(images, logit), border=2)
            return VAEOutput(sum_events(likelihood.log_prob(images)))

    images = jnp.zeros((2, 8, 8, 1))
    for reduction in ("sum", "mean"):
        batch = {"image": images, "position": jnp.arange(2)}
        loss, metrics = evaluate(elbo(Coins(), reduction=reduction), batch)
        assert float(metrics["elbo"]) == pytest.approx(-16 * np.log(2), rel=1e-6)
        assert float(metrics["elbo_bpd"]) == pytest.approx(1.0, rel=1e-6)
    assert loss == pytest.approx(np.log(2), rel=1e-6)  # nats per dimension


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: elbo(Toy(), beta=-1.0), "beta: expected a number >= 0"),
        (lambda: elbo(Toy(), beta=float("nan")), "beta: expected a number >= 0"),
        (lambda: elbo(Toy(), beta_norm=-1.0), "beta_norm: expected a number >= 0"),
        (lambda: elbo(Toy(), beta=1.0, beta_norm=1.0), "beta_norm: expected only one"),
        (lambda: elbo(Toy(), reduction="max"), "reduction: expected 'sum' or 'mean'"),
        (lambda: capacity(Toy(), gamma=-1.0), "gamma: expected"),
        (lambda: capacity(Toy(), max_capacity=-1.0), "max_capacity: expected"),
        (lambda: capacity(Toy(), num_steps=0), "num_steps: expected"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
