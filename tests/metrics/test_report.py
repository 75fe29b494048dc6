"""An evaluation as text, Markdown and JSON."""

import json
import math

import pytest

from vaejax.metrics import Estimate, Evaluation
from vaejax.metrics.report import as_json, as_markdown, as_text
from vaejax.metrics.scores import Scores


def scores(interval, **numbers):
    record = {"codes": "means", "num_images": 5000, "interval": interval, "left_out": ()}
    return Scores(numbers, {**record, "num_bins": 20, "rows": None})


@pytest.fixture
def evaluation():
    sure, unsure = Estimate(0.5, 0.01, 0.25, 0.75), Estimate(2.0, math.nan, math.nan, math.nan)
    found = {
        "one": scores("5 halves", first=sure, second=unsure),
        "two": scores("5 halves", third=sure),
        "slow": scores("none", fourth=unsure),
    }
    about = (5000, 10, 2), ("shape", "x")
    return Evaluation(found, {"lost": "codes: no"}, ("a note",), *about, {"third": "nats"})


def test_text_is_one_table(evaluation):
    assert as_text(evaluation).splitlines() == [
        "5,000 images, 10 codes (means), 2 factors: shape, x",
        "each score of 5 halves of 5,000 images, where nothing else is said",
        "",
        "score  number       value  95 % interval   computed with",
        "one    first        0.500  [0.250, 0.750]  num_bins 20",
        "       second       2.000",
        "two    third, nats  0.500  [0.250, 0.750]  num_bins 20",
        "slow   fourth       2.000                  num_bins 20; 5,000 images",
        "",
        "no lost: codes: no",
        "a note",
    ]


def test_markdown_is_the_same(evaluation):
    lines = as_markdown(evaluation).splitlines()
    assert "| two | third, nats | 0.500 | [0.250, 0.750] | num_bins 20 |" in lines
    assert lines[-2:] == ["- no lost: codes: no", "- a note"]


def test_json_holds_all_of_it(evaluation):
    read = json.loads(as_json(evaluation))
    assert read["num_images"] == 5000 and read["factor_names"] == ["shape", "x"]
    third = {"value": 0.5, "std": 0.01, "low": 0.25, "high": 0.75, "unit": "nats"}
    assert read["scores"]["two"]["numbers"] == {"third": third}
    assert read["scores"]["one"]["numbers"]["second"]["low"] is None
    assert read["scores"]["slow"]["record"]["interval"] == "none"
    assert read["left_out"] == {"lost": "codes: no"} and read["notes"] == ["a note"]
