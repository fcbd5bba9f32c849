from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.learning.strata import strata_table
from bioseq_lstm.tasks import TASKS

TASK = TASKS["structure"]
# Lengths 4, 8, 12, 16; the quartiles of four are 7, 10 and 13.
TRUTH = ["HHHH", "EEEECCCC", "HHHHHHEEEEEE", "C" * 16]
PREDICTED = ["HHHH", "CCCCCCCC", "HHHHHHEEEEEE", "C" * 8 + "H" * 8]


@pytest.fixture
def table() -> pd.DataFrame:
    predictions = pd.DataFrame(
        {"sample": range(4), "truth": TRUTH, "predicted": PREDICTED, "predicted_3": PREDICTED}
    )
    splits = pd.DataFrame({"id": list("abcd"), "group": list("abcd")})
    records = pd.DataFrame(
        {"entity": "chain", "id": list("abcd"), "sequence": ["A" * len(t) for t in TRUTH]}
    )
    return strata_table(TASK, [predictions, predictions], splits, records, 100)


def test_every_test_record_lies_in_one_quarter_of_the_lengths(table: pd.DataFrame) -> None:
    own = table[table["by"] == "length of the chain"]
    assert list(own["stratum"]) == ["up to 7", "8 to 10", "11 to 13", "over 13"]
    assert list(own["records"]) == [1, 1, 1, 1]
    assert list(own["value"]) == pytest.approx([1.0, 0.5, 1.0, 0.5])
    assert own["low"].isna().all()  # one unit gives no interval


def test_chains_are_classed_by_what_is_observed_in_them(table: pd.DataFrame) -> None:
    own = table[table["by"] == "class"].set_index("stratum")["value"]
    assert own.to_dict() == pytest.approx(
        {"helix, little strand": 1, "strand, little helix": 0.5, "helix and strand": 1,
         "little of both": 0.5}
    )  # fmt: skip


def test_records_of_one_length_have_no_strata_of_it() -> None:
    task = TASKS["expression"]
    count = 12
    predictions = pd.DataFrame(
        {"sample": range(count), "id": [f"g{n}" for n in range(count)], "condition": "c",
         "truth": np.arange(count, dtype=float), "predicted": np.arange(count, dtype=float),
         "half_width": 1.0}
    )  # fmt: skip
    splits = pd.DataFrame({"id": predictions["id"], "group": predictions["id"]})
    records = pd.DataFrame({"entity": "gene", "id": predictions["id"], "sequence": "ACGT"})
    assert strata_table(task, [predictions], splits, records, 100).empty
