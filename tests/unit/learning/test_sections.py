from __future__ import annotations

import pandas as pd
import pytest

from bioseq_lstm.learning.sections import _groups


def test_groups_are_counted_with_their_sizes() -> None:
    table = _groups(pd.DataFrame({"id": list("abcde"), "group": [1, 1, 1, 2, 3]})).frame
    (row,) = table.to_dict("records")
    assert (row["groups"], row["of one alone"], row["largest"]) == (3, 2, 3)
    assert row["share in the largest"] == pytest.approx(0.6)


def test_a_drug_of_many_pairs_counts_once_in_its_group() -> None:
    pairs = pd.DataFrame(
        {"drug": ["x", "x", "y", "z"], "target": ["t", "u", "t", "t"],
         "drug_group": [1, 1, 1, 2], "target_group": [1, 2, 1, 1]}
    )  # fmt: skip
    drugs, targets = _groups(pairs).frame.to_dict("records")
    assert (drugs["groups of"], drugs["groups"], drugs["largest"]) == ("drugs", 2, 2)
    assert (targets["groups of"], targets["groups"], targets["largest"]) == ("targets", 2, 1)
