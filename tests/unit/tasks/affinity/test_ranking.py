"""Compounds ranked for their targets, on values reckoned by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.reporting.panels import Gallery, Grid
from bioseq_lstm.tasks.affinity import ranking
from bioseq_lstm.tasks.affinity.ranking import (
    drawings,
    near,
    new_gallery,
    pair_grid,
    ranked_pairs,
    ranking_section,
)


def results(higher: bool = True) -> Any:
    pairs = [("a", "t"), ("b", "t"), ("c", "t"), ("a", "u")]
    return SimpleNamespace(
        records=pd.DataFrame(
            {"entity": "drug", "id": list("abc"), "sequence": ["CCO", "CCN", "C"]}
        ),
        leakage=pd.DataFrame(
            [
                ("drug", 0, "a", "old", 0.5, np.nan),
                ("drug", 1, "a", "other", 0.9, np.nan),
                ("target", 0, "t", "kin", 0.8, 0.5),
            ],
            columns=["entity", "fold", "id", "nearest", "identity", "coverage"],
        ),
        splits=pd.DataFrame(pairs, columns=["drug", "target"]).assign(
            fold0=["test", "test", "test", "train"], fold1=["train", "train", "train", "test"]
        ),
        chosen="m",
        settings=SimpleNamespace(unit="pKd", higher_binds_stronger=higher),
        predicted_in="models/m",
    )


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "sample": [0, 1, 2, 3],
            "drug": list("abca"),
            "target": list("tttu"),
            "truth": [5.0, 9.0, 7.0, 4.0],
            "predicted": np.float32([6.0, 7.0, 8.0, 4.0]),
            "half_width": 1.0,
        }
    )


@pytest.mark.parametrize(("higher", "drugs"), [(True, ["c", "b", "a"]), (False, ["a", "b", "c"])])
def test_the_strongest_predicted_binder_of_a_target_is_first(
    higher: bool, drugs: list[str]
) -> None:
    pairs = ranked_pairs(results(higher), table())
    own = pairs[pairs["target"] == "t"]
    assert own["drug"].tolist() == drugs
    assert own["rank"].tolist() == [1, 2, 3]
    assert own.set_index("drug").loc["b", "measured_rank"] == (1 if higher else 3)


def test_a_pair_has_the_neighbours_of_the_fold_that_tested_it() -> None:
    pairs = ranked_pairs(results(), table()).set_index(["target", "drug"])
    assert pairs.loc[("t", "a"), "nearest_training_drug"] == "old"
    assert pairs.loc[("u", "a"), "nearest_training_drug"] == "other"
    assert pairs.loc[("t", "a"), "target_similarity"] == pytest.approx(0.4)
    assert pd.isna(pairs.loc[("u", "a"), "nearest_training_target"])


def test_cards_say_what_was_predicted_measured_and_trained_on() -> None:
    per_target = pd.DataFrame({"target": ["t"], "pairs": [3], "concordance": [2 / 3]})
    gallery = ranking_section(results(), table(), per_target).items[0]
    assert isinstance(gallery, Gallery)
    assert list(gallery.groups) == ["t", "u"]  # most compounds first
    first = gallery.groups["t"][0]
    assert (first.name, first.drawing) == ("1. c", "c")
    assert dict(first.facts) == {
        "predicted": "8.00 (7.00–9.00)",
        "measured": "7.00, rank 2 of 3",
        "nearest": "none found",
    }
    assert gallery.notes["t"] == (
        "n = 3 test compounds, concordance 0.67; nearest training target kin (0.40)"
    )
    assert "too few for a concordance" in gallery.notes["u"]


def test_the_grid_has_a_cell_for_each_pair_and_blanks_for_the_others() -> None:
    grid = ranking_section(results(), table(), pd.DataFrame(columns=["target", "concordance"]))
    grid = grid.items[-1]
    assert isinstance(grid, Grid)
    assert grid.rows == ["c", "b", "a"]  # mean predictions 8, 7, 5
    assert grid.columns == ["t", "u"]
    np.testing.assert_array_equal(grid.layers["measured"], [[7, np.nan], [9, np.nan], [5, 4]])
    np.testing.assert_array_equal(grid.layers["predicted"], [[8, np.nan], [7, np.nan], [6, 4]])


def test_too_many_drugs_are_cut_to_those_with_most_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "MOST_CELLS", 2)
    pairs = ranked_pairs(results(), table())
    grid = pair_grid(pairs, {"predicted": "predicted"}, "pKd", "n = 4.")
    assert grid.rows == ["a"]
    assert "Of 3 drugs those with most pairs." in grid.caption


def test_molecules_that_are_shown_most_often_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "MOST_DRAWN", 1)
    drawn = drawings({"a": "CCO", "b": "c1ccccc1"}, ["a", "b", "b"])
    assert list(drawn) == ["b"]
    assert all(shape.kind == "path" for shape in drawn["b"])


def test_new_compounds_stand_in_the_order_of_the_file_for_each_target() -> None:
    pairs = pd.DataFrame(
        {
            "target": ["t", "t", "u"],
            "drug": ["b", "a", "a"],
            "rank_for_target": [1, 2, 1],
            "predicted_pKd": [7.0, 6.0, 5.0],
            "interval_low_pKd": [6.0, 5.0, 4.0],
            "interval_high_pKd": [8.0, 7.0, 6.0],
            "drug_smiles": ["CCN", "CCO", "CCO"],
        }
    )
    gallery = new_gallery(pairs, 9)
    assert [card.name for card in gallery.groups["t"]] == ["1. b", "2. a"]
    assert gallery.groups["t"][0].facts == [("predicted", "7.00 (6.00–8.00)")]
    assert set(gallery.drawings) == {"a", "b"}
    assert "n = 3 of 9 pairs" in gallery.caption
    near_one = pairs.assign(nearest_training_drug_and_target="o k", similarity_fraction=0.25)
    assert new_gallery(near_one, 3).groups["u"][0].facts[1] == (
        "nearest",
        "o k, similarity 0.25",
    )


def test_what_is_near_is_named_with_its_similarity() -> None:
    assert near("CHEMBL25", 0.431) == "CHEMBL25 (0.43)"
    assert near(np.nan, np.nan) == "none found"
