"""Stand-ins for the packages of sinks, which remember what they were told."""

import importlib.machinery
import sys
import types


def fake_module(monkeypatch, name: str, **members) -> types.ModuleType:
    """A module that is found, and imported, in place of an installed one or of none."""
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.__path__ = []
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def remove(monkeypatch, name: str) -> None:
    """As if a package were not installed."""
    monkeypatch.setitem(sys.modules, name, None)


class FakeWandb:
    """Weights & Biases: `runs` by id, each with its settings and its lines."""

    def __init__(self):
        self.runs: dict[str, dict] = {}

    def init(self, **settings):
        run_id = settings["id"] or f"run{len(self.runs)}"
        kept = self.runs.setdefault(run_id, {"settings": [], "lines": [], "finished": 0})
        kept["settings"].append(settings)

        class Run:
            id = run_id

            def define_metric(self, name, step_metric=None):
                kept.setdefault("axes", {})[name] = step_metric

            def log(self, line):
                kept["lines"].append(line)

            def finish(self):
                kept["finished"] += 1

        return Run()


class FakeMLflow:
    """A server of MLflow and its client: `runs` by id with parameters, metrics and pictures."""

    def __init__(self):
        self.experiments: list[str] = []
        self.runs: dict[str, dict] = {}

    def get_experiment_by_name(self, name):
        if name in self.experiments:
            return types.SimpleNamespace(experiment_id=str(self.experiments.index(name)))
        return None

    def create_experiment(self, name):
        self.experiments.append(name)
        return str(len(self.experiments) - 1)

    def create_run(self, experiment_id, run_name):
        run_id = f"run{len(self.runs)}"
        self.runs[run_id] = {
            "experiment": self.experiments[int(experiment_id)],
            "name": run_name,
            "status": "RUNNING",
            "params": {},
            "metrics": [],
            "images": [],
        }
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id=run_id))

    def update_run(self, run_id, status):
        self.runs[run_id]["status"] = status

    def set_terminated(self, run_id):
        self.runs[run_id]["status"] = "FINISHED"

    def log_batch(self, run_id, metrics=(), params=()):
        assert len(metrics) <= 1_000 and len(params) <= 100  # a server refuses more
        self.runs[run_id]["metrics"] += metrics
        self.runs[run_id]["params"] |= dict(params)

    def log_image(self, run_id, image, key, step):
        self.runs[run_id]["images"].append((key, step, image.shape))
