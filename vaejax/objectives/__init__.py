"""Objectives: pairs of pure functions `(init, loss)`; see `vaejax.types.Objective`."""

from vaejax.objectives.bound import variational as variational
from vaejax.objectives.dip_vae import dip_vae as dip_vae
from vaejax.objectives.elbo import capacity as capacity
from vaejax.objectives.elbo import denormalise_beta as denormalise_beta
from vaejax.objectives.elbo import elbo as elbo
from vaejax.objectives.elbo import normalise_beta as normalise_beta
from vaejax.objectives.factor_vae import factor_vae as factor_vae
from vaejax.objectives.gradient_variance import gradient_moments as gradient_moments
from vaejax.objectives.gradient_variance import gradient_variance as gradient_variance
from vaejax.objectives.iwae import iwae as iwae
from vaejax.objectives.nvae import nvae as nvae
from vaejax.objectives.penalties import add_penalties as add_penalties
from vaejax.objectives.penalties import bn_scale as bn_scale
from vaejax.objectives.penalties import spectral as spectral
from vaejax.objectives.total_correlation import beta_tcvae as beta_tcvae
