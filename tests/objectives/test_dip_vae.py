"""DIP-VAE: covariances and penalty against reference arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.precision import enable_x64
from vaejax.distributions import Normal, normal_latent
from vaejax.models import ConvVAE
from vaejax.objectives import dip_vae
from vaejax.objectives.dip_vae import code_covariance, identity_penalty

MODEL = ConvVAE((8, 8, 1), 3, "burda")


def test_covariances_and_penalty_equal_the_reference(vectors):
    arrays = np.load(vectors("disentanglement.npz"))
    with enable_x64(True):
        z, mu, log_var = (jnp.asarray(arrays[f"obj/{k}"]) for k in ("z", "mu", "logvar"))
        latent = normal_latent(z, Normal.from_log_var(mu, log_var), Normal.standard(z))
        means = code_covariance(latent, "i")
        np.testing.assert_allclose(means, arrays["obj/dip_cov_mu"], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(
            code_covariance(latent, "ii"), arrays["obj/dip_cov_z"], rtol=1e-9, atol=1e-12
        )
        penalty = identity_penalty(means, 10.0, 100.0)
        np.testing.assert_allclose(penalty, arrays["obj/dip_i_od10_d100"], rtol=1e-9)


def test_padding_does_not_count():
    mean = jax.random.normal(jax.random.key(0), (6, 3))
    latent = normal_latent(mean, Normal(mean, 1.0 + mean**2), Normal.standard(mean))
    four = normal_latent(mean[:4], Normal(mean[:4], 1.0 + mean[:4] ** 2), Normal.standard(mean[:4]))
    padded = code_covariance(latent, "ii", jnp.array([1.0, 1, 1, 1, 0, 0]))
    np.testing.assert_allclose(padded, code_covariance(four, "ii"), rtol=1e-5)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_the_penalty_joins_the_bound(kind, tiny_batch):
    objective = dip_vae(MODEL, kind=kind, off_diagonal=2.0)
    explicit = dip_vae(MODEL, kind=kind, off_diagonal=2.0, diagonal={"i": 20.0, "ii": 2.0}[kind])
    params, state = jax.jit(objective.init)(jax.random.key(0), tiny_batch)
    args = (params, state, tiny_batch, jax.random.key(1), jnp.asarray(0), True)
    loss, (metrics, _) = jax.jit(objective.loss, static_argnums=5)(*args)
    assert float(loss) == pytest.approx(
        float(metrics["covariance_loss"] - metrics["elbo"]), rel=1e-5
    )
    assert float(loss) == float(jax.jit(explicit.loss, static_argnums=5)(*args)[0])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"kind": "iii"}, "kind: expected 'i' or 'ii'"),
        ({"off_diagonal": -1.0}, "off_diagonal: expected"),
        ({"diagonal": -1.0}, "diagonal: expected"),
    ],
)
def test_impossible_settings_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        dip_vae(MODEL, **kwargs)
