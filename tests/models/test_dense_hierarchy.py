"""DenseHierarchy: a linear one in closed form, the paper's networks, the protocol of a model."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats

from tests.models.variables import abstract, init, latent_noise, random_state, random_variables
from vaejax import jit_step, make_optimizer, make_train_step, pmap_step, sharded_step
from vaejax.core.mesh import data_mesh, replicated
from vaejax.distributions import bernoulli, gaussian, logistic_mixture
from vaejax.models import ConvVAE, DenseHierarchy, burda
from vaejax.objectives import elbo
from vaejax.training.state import count_parameters

KEYS = jax.random.split(jax.random.key(1), 16)
THREE = partial(
    DenseHierarchy, (8, 8, 1), latent_sizes=(2, 3, 4), hidden=((5,), (6, 7), (8,))
)  # top first
TWO = DenseHierarchy((8, 8, 1), latent_sizes=(2, 3), hidden=((4,), (5,)))


@partial(jax.jit, static_argnums=0)
def applied(model, variables, batch, **given):
    return model.apply(variables, batch, **given)


def layer(weights, bias, scale):
    """Parameters of a linear Gaussian layer [I] -> [D], whose scale is constant."""
    weights = np.atleast_2d(np.asarray(weights, np.float32))
    zeros = np.zeros_like(weights)
    bias = np.asarray(bias, np.float32)
    return {
        "mean": {"kernel": weights, "bias": bias},
        "log_scale": {"kernel": zeros, "bias": np.log(np.asarray(scale, np.float32))},
    }


class Linear:
    """z2 ~ N(0, 1), z1 ~ N(a z2 + c, s1^2), x ~ N(b z1 + d, s^2 I) of two pixels; one image."""

    a, c, s1, b, d, s = 0.8, 0.3, 0.6, np.array([1.2, -0.5]), np.array([0.1, 0.4]), 0.5
    x = np.array([0.9, 0.2])
    v1 = a**2 + s1**2  # the variance of z1
    # q of two layers: mean of z1 and its scale, weight and bias of the mean of z2, and its scale.
    exact1 = 1 / (1 / v1 + b @ b / s**2)
    exact2 = 1 / (1 + a**2 / s1**2)
    exact = (
        (exact1 * b / s**2, exact1 * (c / v1 - b @ d / s**2), exact1**0.5),
        (exact2 * a / s1**2, -exact2 * a * c / s1**2, exact2**0.5),
    )
    other = ((np.array([0.7, -0.4]), 0.2, 0.4), (0.5, -0.1, 0.9))

    def __init__(self, posterior, number):
        self.q1, self.q2 = posterior
        self.model = DenseHierarchy(
            (1, 2, 1), latent_sizes=(1, 1), hidden=((), ()), likelihood=gaussian(self.s)
        )
        weights1, bias1, scale1 = self.q1
        weight2, bias2, scale2 = self.q2
        params = {
            "encoder": {
                "group_1": layer(weights1[:, None], [bias1], [scale1]),
                "group_0": layer(weight2, [bias2], [scale2]),
            },
            "decoder": {
                "group_1": layer(self.a, [self.c], [self.s1]),
                "pixels": {"Dense_0": {"kernel": self.b[None], "bias": self.d}},
            },
        }
        _, variables = abstract(self.model)
        assert jax.tree.map(np.shape, params) == jax.tree.map(np.shape, variables["params"])
        batch = {"image": np.broadcast_to(self.x, (number, 2)).reshape(number, 1, 2, 1)}
        noise = latent_noise(self.model, number)
        self.output = applied(self.model, {"params": params}, batch, noise=noise)

    def log_px(self):
        covariance = self.v1 * np.outer(self.b, self.b) + self.s**2 * np.eye(2)
        mean = self.d + self.b * self.c
        return scipy.stats.multivariate_normal.logpdf(self.x, mean, covariance)

    def bound(self):
        """E_q [log p(x, z) - log q(z | x)], term by term: z1 is m + t e, z2 is k z1 + h + u e'."""
        weights, bias, t = self.q1
        m, (k, h, u) = weights @ self.x + bias, self.q2
        pixels = scipy.stats.norm.logpdf(self.x, self.b * m + self.d, self.s).sum()
        pixels -= t**2 * self.b @ self.b / (2 * self.s**2)
        top = 0.5 * (u**2 + (k * m + h) ** 2 + (k * t) ** 2 - 1) - np.log(u)
        residual = (m - self.a * (k * m + h) - self.c) ** 2
        residual += ((1 - self.a * k) * t) ** 2 + (self.a * u) ** 2
        log_p1 = -0.5 * np.log(2 * np.pi * self.s1**2) - residual / (2 * self.s1**2)
        log_q1 = -0.5 * np.log(2 * np.pi * np.e * t**2)
        return pixels - top + log_p1 - log_q1


def test_with_the_exact_posterior_every_weight_is_the_evidence():
    linear = Linear(Linear.exact, 20_000)
    np.testing.assert_allclose(linear.output.log_weight, linear.log_px(), rtol=1e-5)
    np.testing.assert_allclose(linear.bound(), linear.log_px(), rtol=1e-9)


def test_the_bound_of_another_posterior_is_its_closed_form():
    """By the weights, and by log p(x | z) less the KLs, that of the top group in closed form."""
    linear = Linear(Linear.other, 20_000)
    assert linear.bound() < linear.log_px() - 0.1
    by_kls = linear.output.log_px - sum(latent.kl for latent in linear.output.latents)
    for draws in (linear.output.log_weight, by_kls):
        error = np.std(draws) / np.sqrt(len(draws))
        assert abs(np.mean(draws) - linear.bound()) < 4 * error < 0.1
    top, lower = linear.output.latents
    k, h, u = linear.q2
    expected = 0.5 * (u**2 + (k * np.asarray(lower.z) + h) ** 2 - 1) - np.log(u)
    np.testing.assert_allclose(top.kl_dims, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(lower.kl, lower.log_q - lower.log_p, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("num_layers", [1, 2])
def test_the_papers_networks(num_layers):
    model = burda((28, 28, 1), num_layers=num_layers)
    output, variables = abstract(model)

    def dense(*widths):
        return sum((i + 1) * o for i, o in itertools.pairwise(widths))

    def gaussian_layer(*widths):
        return dense(*widths) + dense(*widths[-2:])  # two heads

    one = gaussian_layer(784, 200, 200, 50) + dense(50, 200, 200, 784)
    two = gaussian_layer(784, 200, 200, 100) + gaussian_layer(100, 100, 100, 50)
    two += gaussian_layer(50, 100, 100, 100) + dense(100, 200, 200, 784)
    assert count_parameters(variables["params"]) == {1: one, 2: two}[num_layers]
    sizes = [latent.z.shape for latent in output.latents]
    assert sizes == {1: [(2, 50)], 2: [(2, 50), (2, 100)]}[num_layers]


def outputs_of(**settings):
    """The first parameters of the last layer, of a network that hardly has another."""
    model = DenseHierarchy((8, 8, 1), latent_sizes=(1,), hidden=((50,),), **settings)
    params = jax.jit(init, static_argnums=0)(model, jax.random.key(0))["params"]
    return params["decoder"]["pixels"]["Dense_1"]


def test_images_are_the_mean_pixels_at_first():
    means = np.linspace(0.0, 1.0, 64)
    last = outputs_of(pixel_means=tuple(means))
    expected = scipy.special.logit(np.clip(means, 0.001, 0.999))
    np.testing.assert_allclose(last["bias"], expected, rtol=1e-4, atol=1e-6)
    bound = np.sqrt(6 / (50 + 64))  # Glorot's
    assert 0.99 * bound < np.abs(last["kernel"]).max() <= bound
    for others in ({}, {"likelihood": gaussian(), "pixel_means": (0.5,) * 64}):
        assert not np.any(outputs_of(**others)["bias"])


@pytest.fixture(scope="module")
def model():
    return THREE()


@pytest.fixture(scope="module")
def variables(model):
    return random_variables(model, 0.5)


@pytest.fixture(scope="module")
def drawn(model, variables, tiny_batch):
    return applied(model, variables, tiny_batch, noise=latent_noise(model, 16))


def test_groups_are_numbered_from_the_top(model, drawn):
    assert model.latent_shapes == ((2,), (3,), (4,))
    assert [latent.z.shape for latent in drawn.latents] == [(16, 2), (16, 3), (16, 4)]
    assert [latent.kl_dims.shape for latent in drawn.latents] == [(16, 2), (16, 3), (16, 4)]


def test_given_codes_have_the_densities_of_the_drawn(model, variables, drawn, tiny_batch):
    codes = [latent.z for latent in drawn.latents]
    given = applied(model, variables, tiny_batch, codes=codes)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), given, drawn)


def prior_of(variables, group, above):
    """Mean and scale of p(z_g | z_g-1), in NumPy."""
    layers = jax.tree.map(np.asarray, variables["params"]["decoder"][f"group_{group}"])
    x = np.asarray(above)
    for name in sorted(name for name in layers if name.startswith("Dense")):
        x = np.tanh(x @ layers[name]["kernel"] + layers[name]["bias"])
    mean, log_scale = (
        x @ layers[head]["kernel"] + layers[head]["bias"] for head in ("mean", "log_scale")
    )
    return mean, np.exp(log_scale)


def test_densities_at_given_codes_are_scipys(model, variables, tiny_batch):
    """log q and log p of every group are those of its posterior and of its prior at the codes."""
    rng = np.random.default_rng(0)
    codes = [rng.normal(size=(16, *shape)).astype(np.float32) for shape in model.latent_shapes]
    output = applied(model, variables, tiny_batch, codes=codes)
    for g, (latent, z) in enumerate(zip(output.latents, codes, strict=True)):
        q = scipy.stats.norm(latent.posterior.loc, latent.posterior.scale)
        np.testing.assert_allclose(latent.log_q, q.logpdf(z).sum(1), rtol=1e-4)
        mean, scale = (0.0, 1.0) if g == 0 else prior_of(variables, g, codes[g - 1])
        p = scipy.stats.norm.logpdf(z, mean, scale)
        np.testing.assert_allclose(latent.log_p, p.sum(1), rtol=1e-4)
        if g:
            np.testing.assert_allclose(latent.kl_dims, q.logpdf(z) - p, rtol=1e-3, atol=1e-4)


def test_groups_that_are_missing_are_drawn_given_those_above(model, variables, drawn):
    top, middle, bottom = [latent.z for latent in drawn.latents]
    decode = jax.jit(partial(model.apply, variables, method="decode"))
    keys = jax.random.split(jax.random.key(7), 16)
    whole = decode((top, middle, bottom), KEYS)
    np.testing.assert_allclose(decode((None, None, bottom), keys), whole, rtol=1e-5)
    noise = jax.tree.map(np.asarray, model.noise(keys)["latent"])
    for codes in ((top,), (top, None, None), (None, middle), (top, middle)):
        images, zs = decode(codes, keys, 0.5), [*codes, *[None] * (3 - len(codes))]
        for g, z in enumerate(zs):
            if z is None:
                mean, scale = prior_of(variables, g, zs[g - 1]) if g else (0.0, 1.0)
                zs[g] = mean + 0.5 * scale * noise[g]
        np.testing.assert_allclose(images, decode(zs, KEYS), rtol=1e-3, atol=1e-5)
        assert not np.allclose(images, whole, atol=1e-3)


@pytest.mark.parametrize("model", [TWO, ConvVAE((8, 8, 1), 3, "toy")], ids=["hierarchy", "conv"])
def test_the_parts_of_the_posterior_are_all_and_only_its(model, tiny_batch):
    params = random_variables(model, 0.5)["params"]
    rng = np.random.default_rng(0)
    codes = [rng.normal(size=(16, *shape)).astype(np.float32) for shape in model.latent_shapes]

    @jax.jit
    @jax.jacrev
    def gradients(params):  # of log q(z | x) and log p(x, z) at fixed codes
        output = model.apply({"params": params}, tiny_batch, codes=codes)
        log_p = sum(latent.log_p for latent in output.latents) + output.log_px
        return {"q": sum(latent.log_q.sum() for latent in output.latents), "p": log_p.sum()}

    found = gradients(params)
    assert set(model.posterior_parts) < set(params)
    for name in params:
        mine = "q" if name in model.posterior_parts else "p"
        other = "p" if mine == "q" else "q"
        assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(found[mine][name]))
        assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(found[other][name]))


@pytest.fixture(scope="module")
def training(tiny_batch):
    """A step, compiled once for one device, and the state before it."""
    objective, optimizer = elbo(TWO), make_optimizer("sgd", learning_rate=1e-2)
    step, state = (
        make_train_step(objective, optimizer),
        random_state(objective, optimizer, tiny_batch, 0.5),
    )
    return step, jit_step(step, donate=False), state


@pytest.mark.parametrize("devices", ["sharded", "pmap"])
def test_a_step_is_the_same_on_any_devices(training, tiny_batch, devices):
    step, on_one, state = training
    mesh = data_mesh()
    on_all = pmap_step(step) if devices == "pmap" else sharded_step(step, mesh, donate=False)
    results = []
    for wrapped, after in ((on_one, state), (on_all, jax.device_put(state, replicated(mesh)))):
        for _ in range(2):
            after, metrics = wrapped(after, tiny_batch, jax.random.key(1))
        results.append((after.params, metrics["grad_norm"]))
    assert {"kl/0", "kl/1", "kl_dims/1"} < set(metrics)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-5), *results)


def test_it_learns(training, tiny_batch):
    _, step, state = training
    losses = []
    for _ in range(300):
        state, metrics = step(state, tiny_batch, jax.random.key(1))
        losses.append(float(metrics["loss"]))
    assert np.all(np.isfinite(losses))
    assert np.mean(losses[-10:]) < 0.75 * losses[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: burda((28, 28, 1), num_layers=3), "num_layers: expected 1 or 2, got 3"),
        (lambda: DenseHierarchy((28, 28)), r"image_shape: expected positive \(H, W, C\)"),
        (lambda: THREE(latent_sizes=()), "latent_sizes: expected one or more numbers >= 1"),
        (lambda: THREE(latent_sizes=(2, 0, 1)), "latent_sizes: expected .* got"),
        (lambda: THREE(hidden=((5,), (6,))), "hidden: expected the widths of 3 groups"),
        (lambda: THREE(hidden=((5,), (0,), ())), "hidden: expected widths >= 1"),
        (lambda: THREE(pixel_means=(0.5,)), "pixel_means: expected 64 numbers, got 1"),
        (lambda: DenseHierarchy((8, 8, 2), likelihood=logistic_mixture()), "channels: expected 1"),
    ],
)
def test_impossible_settings_are_refused_at_construction(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_equal_settings_are_equal_models():
    assert burda((8, 8, 1)) == DenseHierarchy((8, 8, 1), likelihood=bernoulli())
    assert hash(burda((8, 8, 1), pixel_means=(0.5,) * 64)) != hash(burda((8, 8, 1)))
