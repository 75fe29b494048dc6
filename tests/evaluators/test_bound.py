"""Evaluations of objectives that look at a whole batch: no batch of them is nearly empty."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from vaejax import create_train_state, make_optimizer
from vaejax.core.mesh import data_mesh
from vaejax.data import ArraySource
from vaejax.evaluators import Context, bound
from vaejax.metrics import mean_interval
from vaejax.models import ConvVAE
from vaejax.objectives import beta_tcvae, elbo, factor_vae
from vaejax.types import PER_EXAMPLE, Objective

MODEL = ConvVAE((8, 8, 1), 2, "burda")
OBJECTIVES = {
    "beta_tcvae": lambda: beta_tcvae(MODEL, num_examples=50_000),
    "factor_vae": lambda: factor_vae(MODEL, hidden=(4,)),
    "elbo": lambda: elbo(MODEL),
}


def context_of(name, num_images):
    images = np.random.default_rng(0).integers(0, 256, (num_images, 8, 8), np.uint8)
    splits = {"test": ArraySource(images)}
    return Context(OBJECTIVES[name](), splits, data_mesh(jax.devices()[:1]), seed=0)


def evaluated(context, **kwargs):
    images = {"image": jnp.zeros((2, 8, 8, 1))}
    create = jax.jit(create_train_state, static_argnums=(0, 1))
    optimizer = make_optimizer("sgd", learning_rate=1.0)
    state = create(context.objective, optimizer, jax.random.key(0), images)
    return dict(bound(context, **kwargs)(state))


def test_the_last_batch_says_as_much_as_the_others():
    """33 images in batches of 32: 16 and 17 of them, not 32 and one, whose information is log N."""
    found = evaluated(context_of("beta_tcvae", 33), batch_size=32)
    halves = evaluated(context_of("beta_tcvae", 32), batch_size=16)
    for name in ("mutual_information", "total_correlation", "dimension_wise_kl"):
        assert found[name] == pytest.approx(halves[name], abs=0.3)
    assert found["num_examples"] == 33


def test_gaussian_total_correlation_of_few_images_is_unknown():
    found = evaluated(context_of("factor_vae", 9), batch_size=8)  # 4 and 5 images, of 2 latents
    assert np.isfinite(found["gaussian_total_correlation"])
    found = evaluated(context_of("factor_vae", 3), batch_size=2)
    assert np.isnan(found["gaussian_total_correlation"]) and np.isfinite(found["elbo"])


@pytest.mark.parametrize(("num_images", "batch_size"), [(1, 8), (3, 2), (9, 1)])
def test_an_image_alone_is_refused_where_others_are_needed(num_images, batch_size):
    message = (
        rf"^num_examples: expected at least 2 images in every batch, got {num_images} for batches "
        rf"of up to {batch_size} \(batch_size: expected at least 2 images at once"
    )
    with pytest.raises(ValueError, match=message):
        bound(context_of("beta_tcvae", num_images), batch_size=batch_size)
    bound(context_of("elbo", num_images), batch_size=batch_size)  # looks at each alone


def test_a_number_of_examples_counts():
    with pytest.raises(ValueError, match="^num_examples: expected at least 2 .* got 1 for"):
        bound(context_of("beta_tcvae", 20), batch_size=8, num_examples=1)
    bound(context_of("beta_tcvae", 20), batch_size=8, num_examples=9)


def test_an_objective_of_ones_own_is_given_the_batch_of_an_evaluation():
    """Position and mask are there when it is asked about one image, and padding does not count."""

    def init(rng, batch):
        return {"model": jnp.zeros(batch["position"].shape[-1:])}, {}

    def loss(params, model_state, batch, rng, step, train):
        index = batch["index"].astype(jnp.float32)
        mean = (batch["mask"] * index).sum() / batch["mask"].sum()
        metrics = {"loss": mean, "place": mean, PER_EXAMPLE: {"place": index}}
        return mean + batch["position"].sum(), (metrics, model_state)

    context = context_of("elbo", 3)._replace(objective=Objective(init, loss))
    found = evaluated(context, batch_size=2)
    expected = mean_interval(np.arange(3.0))
    assert found["place"] == pytest.approx(1.0) and found["num_examples"] == 3
    assert [found["place_low"], found["place_high"]] == pytest.approx(expected[2:])
