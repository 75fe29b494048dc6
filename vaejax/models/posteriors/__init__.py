"""Posteriors of latents, as parts of a model: `posterior = {name: "gaussian"}`."""

from vaejax.models.posteriors._gaussian import gaussian as gaussian
from vaejax.models.posteriors._iaf import iaf as iaf
from vaejax.models.posteriors.posterior import Drawn as Drawn
from vaejax.models.posteriors.posterior import Inferred as Inferred
from vaejax.models.posteriors.posterior import Posterior as Posterior
from vaejax.models.posteriors.posterior import gaussian_of as gaussian_of
from vaejax.models.posteriors.posterior import inferred_codes as inferred_codes
