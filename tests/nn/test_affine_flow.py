"""The affine flow: its volume, its inverse, the mass under its density, the identity at first."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from tests.precision import enable_x64
from vaejax.nn.affine_flow import MAX_LOG_SCALE, AffineFlow, check_flow

# By name: the flow, the shapes of codes and of their context.
CASES = {
    "vector": (AffineFlow(3, (9, 6)), (4,), (2,)),
    "no context": (AffineFlow(2, (6,)), (4,), None),
    "grid": (AffineFlow(2, (4,)), (2, 3, 2), (2, 3, 3)),
}


def random(tree, reach=0.5):
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0, reach, x.shape), tree)


@pytest.fixture(scope="module", params=CASES)
def case(request):
    """Codes, noise, log-scales, codes again and the Jacobian of an example, in float64."""
    flow, shape, context = CASES[request.param]
    with enable_x64(True):
        rng = np.random.default_rng(1)
        z = rng.normal(size=(3, *shape))
        given = None if context is None else rng.normal(size=(3, *context))
        variables = random(jax.eval_shape(flow.init, jax.random.key(0), z, given))

        @jax.jit
        def found(variables, z, given):
            noise, log_scale = flow.apply(variables, z, given)

            def first(z):
                one = None if given is None else given[:1]
                return flow.apply(variables, z.reshape(1, *shape), one)[0].ravel()

            again = flow.apply(variables, noise, given, method="inverse")
            return z, noise, log_scale, again, jax.jacrev(first)(z[0].ravel())

        return request.param, jax.device_get(found(variables, z, given))


def test_the_log_scales_are_those_of_the_volume(case):
    _, (_, _, log_scale, _, jacobian) = case
    sign, log_det = np.linalg.slogdet(jacobian)
    assert sign == 1 and log_det == pytest.approx(-log_scale[0].sum(), rel=1e-10)
    assert abs(log_det) > 0.1


def test_the_inverse_gives_the_codes_back(case):
    _, (z, noise, _, again, _) = case
    assert np.abs(z - noise).max() > 0.5
    np.testing.assert_allclose(again, z, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("shape", [(4,), (2, 2, 2)])
def test_a_step_is_triangular_in_its_order(shape, reverse):
    """Of two steps the first, or the second with the first left out of account."""
    flow, size = AffineFlow(2, (6,)), int(np.prod(shape))
    variables = random(jax.eval_shape(flow.init, jax.random.key(0), jnp.zeros((1, *shape))))
    idle = "step_0" if reverse else "step_1"
    variables["params"][idle] = jax.tree.map(np.zeros_like, variables["params"][idle])

    @jax.jit
    @jax.jacrev
    def jacobian_of(z):
        return flow.apply(variables, z.reshape(1, *shape))[0].ravel()

    jacobian = np.asarray(jacobian_of(np.linspace(-1, 1, size, dtype=np.float32)))
    jacobian = jacobian[::-1, ::-1] if reverse else jacobian
    assert (np.triu(jacobian, 1) == 0).all() and (np.diagonal(jacobian) > 0).all()
    assert (np.tril(jacobian, -1) != 0).any()


def test_its_density_has_mass_one():
    """Of two coordinates, on a grid."""
    flow = AffineFlow(2, (8,))
    points = np.linspace(-20.0, 20.0, 801, dtype=np.float32)
    z = np.stack(np.meshgrid(points, points, indexing="ij"), -1).reshape(-1, 2)
    variables = random(jax.eval_shape(flow.init, jax.random.key(0), z), 0.3)
    noise, log_scale = jax.jit(flow.apply)(variables, z)
    log_p = scipy.stats.norm.logpdf(noise).sum(1) - np.asarray(log_scale, np.float64).sum(1)
    assert np.ptp(log_scale) > 1.0
    assert np.exp(log_p).sum() * (points[1] - points[0]) ** 2 == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("name", ["vector", "grid"])
def test_it_is_the_identity_at_first_and_not_after_a_step(name):
    flow, shape, _ = CASES[name]
    z = jax.random.normal(jax.random.key(1), (3, *shape))

    @jax.jit
    def first(z):
        variables = flow.init(jax.random.key(0), z)
        gradient = jax.grad(lambda v: flow.apply(v, z)[1].sum())(variables)
        return flow.apply(variables, z), flow.apply(variables, z, method="inverse"), gradient

    (noise, log_scale), again, gradient = first(z)
    np.testing.assert_array_equal(noise, z)
    np.testing.assert_array_equal(again, z)
    np.testing.assert_array_equal(log_scale, 0.0)
    for step in gradient["params"].values():
        assert (step["network"]["last"]["kernel"] != 0).any()


def test_no_weights_overflow_a_scale():
    flow = AffineFlow(1, (5,))
    z = jnp.ones((2, 3))
    huge = random(jax.eval_shape(flow.init, jax.random.key(0), z), 1e6)
    _, log_scale = jax.jit(flow.apply)(huge, z)
    assert np.abs(log_scale).max() == pytest.approx(MAX_LOG_SCALE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [((0, (3,)), "num_flows: expected at least 1"), ((1, ()), "hidden: expected one or more")],
)
def test_impossible_flows_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        check_flow(*settings)
