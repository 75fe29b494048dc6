"""Evaluations as data: `config.eval = {name: kwargs}`, each a function of this package.

An evaluator is made once per run, `name(context, **kwargs)`, and then called with a state as often
as one likes; it yields `(name, value)`, so what it compiled is reused. What it needs of a model are
the views of the objective; which of them is missing it says when it is made.
"""

from vaejax.evaluators.active_units import active_units as active_units
from vaejax.evaluators.bound import bound as bound
from vaejax.evaluators.context import Context as Context
from vaejax.evaluators.context import Evaluator as Evaluator
from vaejax.evaluators.context import pick_split as pick_split
from vaejax.evaluators.context import some_examples as some_examples
from vaejax.evaluators.context import units_of as units_of
from vaejax.evaluators.correlation_ratio import correlation_ratio as correlation_ratio
from vaejax.evaluators.disentanglement import disentanglement as disentanglement
from vaejax.evaluators.importance_weighted import importance_weighted as importance_weighted
