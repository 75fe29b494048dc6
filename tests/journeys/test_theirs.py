"""Somebody who comes from disentanglement_lib: codes and factors of their own, a sweep."""

import csv
import json

import numpy as np

from tests.journeys.walking import walk

SCRIPT = """
python -m vaejax.metrics theirs.npz
python -m vaejax.metrics theirs.npz --scores=mig,sap --format=json
python -m vaejax.main --config=own:smoke --data=bars.npz --workdir=runs/bars
python -m vaejax.main --workdir=runs/bars --mode=evaluate --config.eval.disentanglement.scores=mig,sap
python experiments/sweep.py --config=own:smoke --data=bars.npz --workdir=runs/sweep --sweep=objective.beta=1,4 --seeds=2 --config.eval.disentanglement.scores=mig,sap
python experiments/sweep.py --config=own:smoke --data=bars.npz --workdir=runs/sweep --sweep=objective.beta=1,4 --seeds=2 --config.eval.disentanglement.scores=mig,sap
"""  # noqa: E501


def test_own_codes_own_factors_and_a_sweep(tmp_path):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 4, (400, 2))
    codes = factors + 0.1 * rng.normal(size=factors.shape)
    np.savez(tmp_path / "theirs.npz", codes=codes, factors=factors)
    images = np.zeros((256, 16, 16), np.uint8)
    rows, columns = np.arange(256) % 16, np.arange(256) // 16
    images[np.arange(256), rows] = 255
    images[np.arange(256), :, columns] = 255
    names = np.array(["row", "column"])
    np.savez(
        tmp_path / "bars.npz",
        images=images, factors=np.stack([rows, columns], 1), factor_names=names,
    )  # fmt: skip

    table, numbers, trained, scored, swept, read = walk(SCRIPT, tmp_path)
    assert "mig" in table.out and "[" in table.out
    assert {"mig", "sap"} <= json.loads(numbers.out).keys() | json.loads(numbers.out)[
        "scores"
    ].keys()
    assert "row" in trained.out + scored.out or list((tmp_path / "runs/bars/figures").iterdir())
    lines = [json.loads(x) for x in (tmp_path / "runs/bars/metrics.jsonl").read_text().splitlines()]
    assert any("disentanglement" in str(line) for line in lines)
    assert "beta 4.0" in swept.out and swept.out.splitlines()[-1] == read.out.splitlines()[-1]
    with open(tmp_path / "runs/sweep/results.csv") as file:
        assert len(list(csv.DictReader(file))) > 2
