"""What evaluations and objectives say of models with flows: a number, or why there is none."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from tests.models.variables import random_variables
from vaejax import evaluators
from vaejax.core.mesh import data_mesh
from vaejax.data.source import holdout
from vaejax.evaluators import Context
from vaejax.models import ConvVAE, DenseHierarchy
from vaejax.models.posteriors import iaf
from vaejax.models.priors import autoregressive_flow
from vaejax.objectives import beta_tcvae, dip_vae, elbo

MODEL = ConvVAE((8, 8, 1), 3, "toy", posterior=iaf(num_flows=1, hidden=(4,)))
PRIOR = ConvVAE((8, 8, 1), 3, "toy", prior=autoregressive_flow(num_flows=1, hidden=(4,)))
TWO = DenseHierarchy((8, 8, 1), (2, 3), ((4,), (5,)), posterior=iaf(1, (4,)))


@pytest.fixture
def context_of(bars):
    return lambda model: Context(elbo(model), holdout(bars), data_mesh(jax.devices()[:2]), 0)


def found(evaluator, model):
    params = random_variables(model, 0.4)["params"]
    return dict(evaluator(SimpleNamespace(ema_params={"model": params}, model_state={})))


def test_codes_are_scored_as_the_flow_of_the_means(context_of):
    evaluate = evaluators.disentanglement(
        context_of(MODEL), scores=["mig"], num_images=60, num_repeats=1
    )
    with pytest.warns(UserWarning, match="codes"):
        assert 0 <= found(evaluate, MODEL)["disentanglement/mig"] <= 1


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (
            lambda c: evaluators.disentanglement(c, scores=["density_mig"]),
            "scores.density_mig: expected a model with a Gaussian posterior, got another",
        ),
        (evaluators.active_units, "active_units: expected a model with Gaussian posteriors, got"),
        (evaluators.elbo_surgery, "elbo_surgery: expected a model with a Gaussian posterior, got"),
    ],
)
def test_what_needs_a_gaussian_says_so_before_anything_is_trained(context_of, of, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        of(context_of(MODEL))


@pytest.mark.parametrize(("objective", "who"), [(beta_tcvae, "beta_tcvae"), (dip_vae, "dip_vae")])
def test_objectives_that_need_a_gaussian_say_so(objective, who, tiny_batch):
    with pytest.raises(ValueError, match="expected a model with a Gaussian posterior, got another"):
        settings = {"num_examples": 100} if who == "beta_tcvae" else {}
        made = objective(MODEL, **settings)
        batch = {**tiny_batch, "position": np.arange(16)}
        jax.eval_shape(
            lambda rng: made.loss(*made.init(rng, batch), batch, rng, np.int32(0), True),
            jax.random.key(0),
        )


def test_collapse_tells_the_kl_of_a_group(context_of):
    scores = found(
        evaluators.collapse(context_of(MODEL), split="train", num_examples=20, batch_size=10), MODEL
    )
    assert np.isfinite(scores["kl/0"]) and "mutual_information" not in scores


def test_a_hierarchy_whose_top_is_drawn_through_a_flow_is_taken_apart_nowhere(context_of):
    """Its other group looks at the image alone, and its top at that group, but is no Gaussian."""
    evaluate = evaluators.elbo_surgery(
        context_of(TWO), split="train", num_examples=20, batch_size=10, importance_samples=None
    )
    with pytest.raises(ValueError, match="elbo_surgery: expected a group of latents that looks at"):
        found(evaluate, TWO)


def test_under_a_flow_prior_the_kl_is_taken_apart(context_of):
    scores = found(
        evaluators.elbo_surgery(
            context_of(PRIOR),
            split="train",
            num_examples=20,
            batch_size=10,
            importance_samples=None,
        ),
        PRIOR,
    )
    parts = scores["mutual_information"] + scores["marginal_kl"] + scores["gap"]
    assert parts == pytest.approx(scores["kl"], rel=1e-4)
    assert "total_correlation" not in scores
