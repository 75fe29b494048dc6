"""MLflow, by its own package.

`MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME` mean what they always mean.
"""

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from vaejax.runs.sinks.sink import About, finite

_LONGEST_PARAMETER = 500  # characters, of the oldest servers
_LARGEST_BATCH = 1_000  # metrics, and 100 parameters, in one request
_MOST_PARAMETERS = 100


class MLflow:
    """A run of MLflow; a resumed run goes on in the same one.

    Args:
        about: the run.
    """

    def __init__(self, about: About):
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        self._metric, self._client = Metric, MlflowClient()
        self._run_id = about.known or self._new_run(about.workdir.resolve().name)
        if about.known:
            self._client.update_run(self._run_id, status="RUNNING")
        else:
            parameters = [Param(*pair) for pair in _flat("", about.config)]
            for part in _parts(parameters, _MOST_PARAMETERS):
                self._client.log_batch(self._run_id, params=part)
        about.remember(self._run_id)

    def metrics(self, step: int, split: str, values: Mapping[str, Any], rate: float | None) -> None:
        """As `Sink.metrics`; of a vector each entry is a metric, `split/name/3`."""
        scalars = {} if rate is None else {"images_per_second": rate}
        for name, value in finite(values).items():
            if value.ndim:
                scalars |= {f"{name}/{place}": float(x) for place, x in enumerate(value.ravel())}
            else:
                scalars[name] = float(value)
        now = int(1000 * time.time())
        logged = [self._metric(f"{split}/{name}", x, now, step) for name, x in scalars.items()]
        for part in _parts(logged, _LARGEST_BATCH):
            self._client.log_batch(self._run_id, metrics=part)

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """As `Sink.image`."""
        self._client.log_image(self._run_id, picture, key=name, step=step)

    def close(self) -> None:
        """As `Sink.close`."""
        self._client.set_terminated(self._run_id)

    def _new_run(self, name: str) -> str:
        wanted = os.environ.get("MLFLOW_EXPERIMENT_NAME", "vaejax")
        found = self._client.get_experiment_by_name(wanted)
        experiment = found.experiment_id if found else self._client.create_experiment(wanted)
        return self._client.create_run(experiment, run_name=name).info.run_id


def _flat(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """A configuration as `train.num_steps` and the like with their values as text."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(f"{key}.{name}" if key else name, inner)
    else:
        yield key, str(value)[:_LONGEST_PARAMETER]


def _parts(entries: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(entries), size):
        yield entries[start : start + size]
