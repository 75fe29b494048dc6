"""Scores of representations: functions of codes [N, D] and ground-truth factors [N, F].

Each returns `Scores`, a dict of numbers (and of the arrays behind them), whose `record` says by
which conventions they were computed and what they leave out; those that sample take a key `rng`.
None is ever NaN: input for which a score is not defined is refused, with the column and the reason.
Arrays at hand are scored by NumPy and a few compiled loops. The codes of many models at once, of
equal shape, may be traced:

    jax.vmap(lambda codes: mig(codes, factors))(codes_of_models)  # [M, N, D] -> {"mig": [M], ...}

and for `beta_vae_score` and `factor_vae_score` the keys too. The factors' values must be at hand.
Not to be traced are `infomec`, whose neighbours are found on the host, and `dci` with trees; `udr`
takes several models as it is.
And of models: `importance_weighted`, the log-likelihood from weights of posterior samples, and
`elbo_surgery`, where the KL goes, from `Draws` of the posteriors.
`METRICS` holds, for evaluations, what each metric of a table of codes is to be given, as `Metric`s.
How sure one can be of a mean, a score or a median: `mean_interval`, `halves_interval`,
`median_interval`.
"""

from vaejax.metrics.active_units import active_units as active_units
from vaejax.metrics.beta_vae_score import beta_vae_score as beta_vae_score
from vaejax.metrics.collapse import Collapse as Collapse
from vaejax.metrics.collapse import collapse as collapse
from vaejax.metrics.collapse import collapse_sentence as collapse_sentence
from vaejax.metrics.correlation_ratio import correlation_ratio as correlation_ratio
from vaejax.metrics.dci import dci as dci
from vaejax.metrics.density_mig import density_mig as density_mig
from vaejax.metrics.discrete import discretise as discretise
from vaejax.metrics.downstream_accuracy import downstream_accuracy as downstream_accuracy
from vaejax.metrics.elbo_surgery import Draws as Draws
from vaejax.metrics.elbo_surgery import drawn_mean as drawn_mean
from vaejax.metrics.elbo_surgery import elbo_surgery as elbo_surgery
from vaejax.metrics.elbo_surgery import standard_draws as standard_draws
from vaejax.metrics.factor_vae_score import factor_vae_score as factor_vae_score
from vaejax.metrics.frobenius_distance import frobenius_distance as frobenius_distance
from vaejax.metrics.importance_weighted import importance_weighted as importance_weighted
from vaejax.metrics.infomec import infomec as infomec
from vaejax.metrics.intervals import Estimate as Estimate
from vaejax.metrics.intervals import halves_interval as halves_interval
from vaejax.metrics.intervals import mean_interval as mean_interval
from vaejax.metrics.intervals import median_interval as median_interval
from vaejax.metrics.irs import irs as irs
from vaejax.metrics.mig import mig as mig
from vaejax.metrics.modularity_explicitness import (
    modularity_explicitness as modularity_explicitness,
)
from vaejax.metrics.records import METRICS as METRICS
from vaejax.metrics.records import Metric as Metric
from vaejax.metrics.sap import sap as sap
from vaejax.metrics.scores import Scores as Scores
from vaejax.metrics.udr import udr as udr
from vaejax.metrics.unsupervised_scores import unsupervised_scores as unsupervised_scores
