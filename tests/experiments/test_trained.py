"""What is read off finished runs."""

import json

import numpy as np

from experiments.trained import history


def test_history_is_one_value_per_evaluation(tmp_path):
    lines = [
        {"step": 2, "split": "train", "loss": 9.0},
        {"step": 2, "split": "test/bound", "loss": 3.0, "kl_dims/0": [1.0, 2.0]},
        {"step": 4, "split": "test/bound", "loss": None, "kl_dims/0": [3.0, 4.0]},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    logged = history(tmp_path, "test/bound")
    np.testing.assert_array_equal(logged["step"], [2, 4])
    np.testing.assert_array_equal(logged["loss"], [3.0, np.nan])
    np.testing.assert_array_equal(logged["kl_dims/0"], [[1, 2], [3, 4]])
