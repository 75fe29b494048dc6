"""Priors of the top group of latents, as parts of a model: `prior = {name: "standard"}`."""

from vaejax.models.priors._autoregressive_flow import autoregressive_flow as autoregressive_flow
from vaejax.models.priors._pixel_prior import pixel_prior as pixel_prior
from vaejax.models.priors._standard import standard as standard
from vaejax.models.priors.prior import Context as Context
from vaejax.models.priors.prior import Prior as Prior
from vaejax.models.priors.prior import latent_under as latent_under
from vaejax.models.priors.prior import latent_under_normal as latent_under_normal
from vaejax.models.priors.prior import parts_of_posterior as parts_of_posterior
