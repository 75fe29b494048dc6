"""Distributions over codes and images, their divergences, and likelihoods for decoders; nats."""

from vaejax.distributions.aggregate import Parts as Parts
from vaejax.distributions.aggregate import log_aggregate as log_aggregate
from vaejax.distributions.aggregate import log_densities as log_densities
from vaejax.distributions.aggregate import log_marginals as log_marginals
from vaejax.distributions.bernoulli import Bernoulli as Bernoulli
from vaejax.distributions.categorical import Categorical as Categorical
from vaejax.distributions.likelihood import Likelihood as Likelihood
from vaejax.distributions.likelihood import bernoulli as bernoulli
from vaejax.distributions.likelihood import categorical as categorical
from vaejax.distributions.likelihood import full_gaussian as full_gaussian
from vaejax.distributions.likelihood import gaussian as gaussian
from vaejax.distributions.likelihood import logistic_mixture as logistic_mixture
from vaejax.distributions.logistic_mixture import LogisticMixture as LogisticMixture
from vaejax.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from vaejax.distributions.multivariate_normal import (
    multivariate_normal_entropy as multivariate_normal_entropy,
)
from vaejax.distributions.multivariate_normal import wyner_information as wyner_information
from vaejax.distributions.nats import bits_per_dim as bits_per_dim
from vaejax.distributions.nats import sum_events as sum_events
from vaejax.distributions.nats import sum_positions as sum_positions
from vaejax.distributions.normal import Normal as Normal
from vaejax.distributions.normal import drawn_latent as drawn_latent
from vaejax.distributions.normal import estimated_latent as estimated_latent
from vaejax.distributions.normal import gaussian_total_correlation as gaussian_total_correlation
from vaejax.distributions.normal import kl_multivariate_normal as kl_multivariate_normal
from vaejax.distributions.normal import kl_normal as kl_normal
from vaejax.distributions.normal import normal_entropy as normal_entropy
from vaejax.distributions.normal import normal_latent as normal_latent
from vaejax.distributions.normal import soft_clamp as soft_clamp
from vaejax.distributions.samples import over_samples as over_samples
from vaejax.distributions.symmetric import Symmetric as Symmetric
