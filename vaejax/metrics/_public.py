"""The public names of `vaejax.metrics`, which imports them when it is first asked for one."""

from vaejax.metrics._active_units import active_units as active_units
from vaejax.metrics._beta_vae_score import beta_vae_score as beta_vae_score
from vaejax.metrics._collapse import Collapse as Collapse
from vaejax.metrics._collapse import collapse as collapse
from vaejax.metrics._collapse import collapse_sentence as collapse_sentence
from vaejax.metrics._correlation_ratio import correlation_ratio as correlation_ratio
from vaejax.metrics._dci import dci as dci
from vaejax.metrics._dci_lasso import dci_lasso as dci_lasso
from vaejax.metrics._density_mig import density_mig as density_mig
from vaejax.metrics._downstream_accuracy import downstream_accuracy as downstream_accuracy
from vaejax.metrics._elbo_surgery import Draws as Draws
from vaejax.metrics._elbo_surgery import drawn_mean as drawn_mean
from vaejax.metrics._elbo_surgery import elbo_surgery as elbo_surgery
from vaejax.metrics._elbo_surgery import standard_draws as standard_draws
from vaejax.metrics._evaluate import Evaluation as Evaluation
from vaejax.metrics._evaluate import evaluate as evaluate
from vaejax.metrics._factor_vae_score import factor_vae_score as factor_vae_score
from vaejax.metrics._frobenius_distance import frobenius_distance as frobenius_distance
from vaejax.metrics._importance_weighted import importance_weighted as importance_weighted
from vaejax.metrics._infomec import infomec as infomec
from vaejax.metrics._irs import irs as irs
from vaejax.metrics._mig import mig as mig
from vaejax.metrics._modularity_explicitness import (
    modularity_explicitness as modularity_explicitness,
)
from vaejax.metrics._sap import sap as sap
from vaejax.metrics._udr import udr as udr
from vaejax.metrics._unsupervised_scores import unsupervised_scores as unsupervised_scores
from vaejax.metrics.discrete import discretise as discretise
from vaejax.metrics.intervals import Estimate as Estimate
from vaejax.metrics.intervals import halves_interval as halves_interval
from vaejax.metrics.intervals import mean_interval as mean_interval
from vaejax.metrics.intervals import median_interval as median_interval
from vaejax.metrics.records import METRICS as METRICS
from vaejax.metrics.records import Metric as Metric
from vaejax.metrics.scores import Scores as Scores
