"""Numbers as functions of the step, for learning rates, beta, ...: optax's, by their own names."""

from optax import constant_schedule as constant_schedule
from optax import cosine_decay_schedule as cosine_decay_schedule
from optax import exponential_decay as exponential_decay
from optax import linear_schedule as linear_schedule
from optax import piecewise_constant_schedule as piecewise_constant_schedule
from optax import polynomial_schedule as polynomial_schedule
from optax import warmup_cosine_decay_schedule as warmup_cosine_decay_schedule
