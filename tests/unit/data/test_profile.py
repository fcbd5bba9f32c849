from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.data.profile import profile
from bioseq_lstm.data.records import Reading, Refusal


def records(entity: str, **sequences: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "entity": entity,
            "id": list(sequences),
            "sequence": list(sequences.values()),
            "file": "x.fa",
            "line": range(len(sequences)),
        }
    )


def written(reading: Reading) -> dict[str, Any]:
    """What a reader of profile.json finds: strict JSON, without NaN."""
    found: dict[str, Any] = json.loads(json.dumps(profile(reading), allow_nan=False))
    return found


CHAINS = Reading(
    records("chain", a="AAAC", b="AAAC", c="WY", d="WY", e="K"),
    pd.DataFrame(
        {
            "id": ["a", "b", "c", "d", "e"],
            "labels": ["HHHC", "HHCC", "EE", "EE", "."],
            "set": ["train", "test", "train", None, "train"],
        }
    ),
    [
        Refusal("x.fa", 9, "r", "label 'Z' at position 3 is none of H B"),
        Refusal("x.fa", 12, "s", "label 'Q' at position 14 is none of H B"),
        Refusal("x.fa", 15, "t", "no label is known"),
    ],
    {"labels 'L', read as C": 3},
)


def test_lengths_and_letters_are_counted_per_entity() -> None:
    (chain,) = written(CHAINS)["entities"]
    assert (chain["entity"], chain["records"], chain["letters_total"]) == ("chain", 5, 13)
    lengths = {name: chain["length"][name] for name in ("min", "median", "max", "mean")}
    assert lengths == {"min": 1, "median": 2, "max": 4, "mean": 2.6}
    assert [(b["from"], b["count"]) for b in chain["length"]["histogram"]] == [
        (1, 1),
        (2, 2),
        (3, 0),
        (4, 2),
    ]
    assert chain["letters"][0] == {"letter": "A", "count": 6, "share": 6 / 13}
    assert sum(letter["count"] for letter in chain["letters"]) == 13


def test_identical_sequences_are_named_and_those_with_other_labels_counted() -> None:
    found = written(CHAINS)
    assert found["entities"][0]["identical"] == {
        "groups": 2,
        "records": 4,
        "examples": [["a", "b"], ["c", "d"]],
    }
    assert found["measurements"]["identical"] == {
        "groups": 2,
        "samples": 4,
        "groups_measured_differently": 1,
        "examples": [["a", "b"]],
    }


def test_labels_parts_notes_and_refusals_are_counted_by_kind() -> None:
    found = written(CHAINS)
    labels = {label["letter"]: label["count"] for label in found["measurements"]["labels"]}
    assert labels == {"H": 5, "C": 3, "E": 4, ".": 1}
    parts = {part["set"]: part["count"] for part in found["measurements"]["sets"]}
    assert parts == {"train": 3, "test": 1, "(none)": 1}
    assert found["notes"] == [{"note": "labels 'L', read as C", "count": 3}]
    assert found["refused"] == 3
    assert [(kind["count"], kind["line"]) for kind in found["refusals"]] == [(2, 9), (1, 15)]


def test_parts_are_told_only_where_a_file_assigns_some() -> None:
    chains = Reading(
        records("chain", a="MK"), pd.DataFrame({"id": ["a"], "labels": ["HH"], "set": [None]})
    )
    assert "sets" not in written(chains)["measurements"]


def test_missing_values_are_counted_and_leave_no_mark_on_the_quantiles() -> None:
    genes = Reading(
        records("gene", a="ACGT", b="ACGT"),
        pd.DataFrame({"id": ["a", "b"], "glc": [1.0, 3.0], "ace": [np.nan, 8.0]}),
    )
    found = written(genes)["measurements"]
    values = found["values"]
    assert (values["missing"], values["missing_share"]) == (1, 0.25)
    assert values["columns_with_missing"] == ["ace"]
    assert (values["min"], values["median"], values["max"], values["mean"]) == (1, 3, 8, 4)
    assert sum(part["count"] for part in values["histogram"]) == 3
    assert found["columns"] == ["glc", "ace"]
    assert found["identical"]["groups_measured_differently"] == 1


def test_a_pair_is_identical_when_both_its_sequences_are() -> None:
    everything = pd.concat(
        [records("drug", d1="CCl", d2="CCl", d3="C"), records("target", t1="MK", t2="MK")]
    )
    pairs = pd.DataFrame(
        {
            "drug": ["d1", "d2", "d3", "d1"],
            "target": ["t1", "t2", "t1", "t2"],
            "value": [5.0, 6.0, 5.0, 5.0],
        }
    )
    found = written(Reading(everything, pairs))
    assert found["measurements"]["identical"] == {
        "groups": 1,
        "samples": 3,
        "groups_measured_differently": 1,
        "examples": [["d1 t1", "d2 t2", "d1 t2"]],
    }
    drug, target = found["entities"]
    # Cl is one atom, so the longest drug has two letters.
    assert (drug["length"]["max"], target["length"]["max"]) == (2, 2)
    assert {letter["letter"] for letter in drug["letters"]} == {"C", "Cl"}


@pytest.mark.parametrize("columns", [["id", "labels"], []])
def test_a_reading_without_samples_has_a_profile_too(columns: list[str]) -> None:
    found = written(Reading(records("chain", a="MK"), pd.DataFrame(columns=columns)))
    assert found["measurements"]["samples"] == 0
    nothing = written(Reading(records("chain"), pd.DataFrame(columns=columns)))
    assert nothing["entities"] == []


def test_long_sequences_share_thirty_bins_that_cover_every_length() -> None:
    sequences = {f"s{n}": "A" * n for n in range(5, 1000, 7)}
    (chain,) = written(Reading(records("chain", **sequences), pd.DataFrame()))["entities"]
    bins = chain["length"]["histogram"]
    assert len(bins) <= 30
    assert sum(part["count"] for part in bins) == len(sequences)
    assert all(a["to"] == b["from"] for a, b in pairwise(bins))
    assert bins[0]["from"] == 5 and bins[-1]["to"] > 999
