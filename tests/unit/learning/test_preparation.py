"""The split in words: every sentence is true of the split that was made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from small_entries import genes

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.records import EXTERNAL_TEST, Reading, Refusal, write_rejected
from bioseq_lstm.data.splitting import SplitSettings
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_tsv, write_parquet
from bioseq_lstm.learning.preparation import Around, described, draws_validation, split_dataset
from bioseq_lstm.tasks import TASKS


def words(how: SplitSettings, drawn: bool = False) -> str:
    return " ".join(described(how, drawn))


def test_a_given_split_tells_neither_fractions_nor_seed() -> None:
    said = words(SplitSettings("given", column="set", seed=7))
    assert "'set'" in said
    assert "%" not in said
    assert "eed" not in said


def test_a_given_split_without_validation_tells_how_it_was_drawn() -> None:
    how = SplitSettings("given", column="set", fractions=(0.6, 0.2, 0.2), seed=7)
    said = words(how, drawn=True)
    assert "25% of what it gives to training was drawn" in said
    assert "seed 7" in said
    assert "60%" not in said


def test_an_external_test_set_is_told_with_what_was_put_aside() -> None:
    how = SplitSettings("homology", fractions=(0.76, 0.04, 0.2), identity=0.3, coverage=0.6)
    said = " ".join(described(how, around=Around(test=511, others=33_423, unused=12)))
    assert "The 511 test records come from files of their own" in said
    assert "Of the 33,423 others, 12 that are similar to one of them are put aside" in said
    assert "30% identity over 60% of the shorter sequence" in said
    assert "E-value at most 0.001" in said
    assert "training has 95% and validation 5%" in said
    assert "20%" not in said


def test_the_words_of_a_given_split_are_told() -> None:
    parts = {"train": ["train1", "train2"], "validation": ["train0"], "test": ["test"]}
    said = words(SplitSettings("given", column="random", parts=parts))
    assert "'random' says what is training and what is test (train: train1, train2; " in said
    column = pd.DataFrame({"random": ["train1", "train0", "test"]})
    how = SplitSettings("given", column="random", parts=parts)
    assert not draws_validation(Reading(pd.DataFrame(), column), how)


def test_folds_that_a_column_says_are_told() -> None:
    how = SplitSettings("given", column="fold", folds=6)
    assert words(how) == (
        "Each of 6 words of the column 'fold' is a fold. Each is tested once; the next one "
        "validates, and the others train."
    )
    assert not draws_validation(Reading(pd.DataFrame(), pd.DataFrame({"fold": [1, 2]})), how)


@pytest.mark.parametrize(("word", "drawn"), [("Dev", False), ("train", True)])
def test_whether_validation_was_drawn_is_read_from_the_column(word: str, drawn: bool) -> None:
    column = pd.DataFrame({"set": ["train", word, "test"]})
    how = SplitSettings("given", column="set")
    assert draws_validation(Reading(pd.DataFrame(), column), how) is drawn
    assert draws_validation(Reading(column, pd.DataFrame()), how) is drawn
    assert not draws_validation(Reading(column, column), SplitSettings("random", column="set"))


def test_pairs_cold_on_both_sides_are_not_said_to_be_all_tested() -> None:
    said = words(SplitSettings("cold", cold="both", folds=5))
    assert "tested once" not in said
    assert "most pairs are never tested" in said
    assert "tested once" in words(SplitSettings("cold", cold="drugs", folds=5))


def test_pairs_cold_on_both_sides_that_straddle_are_said_to_be_unused() -> None:
    said = words(SplitSettings("cold", cold="both"))
    assert "A pair whose drug and target lie in different parts is not used." in said
    assert "not used" not in words(SplitSettings("cold", cold="drugs"))


def test_operons_are_promised_only_where_strand_and_end_are_known() -> None:
    said = words(SplitSettings("group", block_length=60_000))
    assert "60,000 bases" in said
    assert "where strand and end of every gene are known, likely operons" in said
    assert "operons" not in words(SplitSettings("group", column="family"))


def split_by(
    folder: Path,
    words: list[str],
    split: dict[str, Any],
    refused: int = 0,
    tested: list[bool] | None = None,
) -> pd.DataFrame:
    """The table of a split of genes with the ``words`` in column ``rand``."""
    found = genes(len(words))
    records = pd.DataFrame(
        {"entity": "gene", "id": found.ids, "sequence": found.sequences, "rand": words}
    )
    if tested is not None:
        records[EXTERNAL_TEST] = tested
    write_parquet(folder / "records.parquet", records)
    write_parquet(folder / "measurements.parquet", records[["id"]].assign(x=1.0))
    refusals = [Refusal("genes.fasta", 1, f"r{row}", "no sequence") for row in range(refused)]
    write_rejected(folder / "rejected.tsv", refusals)
    _, settings = parse_settings(
        {
            "task": "expression",
            "files": {"sequences": "a", "expression": "b"},
            "split": {"strategy": "given", "column": "rand", **split},
            "models": {"m": {}},
        }
    )
    split_dataset(TASKS["expression"], settings, folder)
    return read_tsv(folder / "splits.tsv")


def test_a_word_of_parts_that_the_column_lacks_stops_before_it_becomes_a_fold(
    tmp_path: Path,
) -> None:
    split = {"folds": 4, "parts": {"unused": ["dropp"]}}
    for refused in (0, 1):
        with pytest.raises(UserError) as caught:
            split_by(tmp_path, ["part1", "part2", "part3", "Drop"], split, refused)
        assert str(caught.value) == (
            "split.parts names 'dropp', which column 'rand' does not have (did you mean 'drop'?)"
        )


def test_a_word_of_a_part_that_no_row_says_stops(tmp_path: Path) -> None:
    split = {"parts": {"train": ["a", "b", "e"], "validation": ["c"], "test": ["d"]}}
    with pytest.raises(UserError) as caught:
        split_by(tmp_path, ["a", "b", "c", "d"], split)
    assert str(caught.value) == "split.parts names 'e', which column 'rand' does not have"


def test_a_word_may_be_that_of_records_that_were_refused(tmp_path: Path) -> None:
    split = {"parts": {"train": ["a"], "validation": ["c"], "test": ["d"], "unused": ["drop"]}}
    table = split_by(tmp_path, ["a", "c", "d"], split, refused=1)
    assert table["fold0"].tolist() == ["train", "validation", "test"]


def test_of_what_an_external_test_set_tests_no_word_is_asked(tmp_path: Path) -> None:
    split = {"parts": {"train": ["a"], "validation": ["c"], "test": ["d"]}}
    table = split_by(tmp_path, ["a", "c", "x"], split, tested=[False, False, True])
    assert table["fold0"].tolist() == ["train", "validation", "test"]
    split["parts"]["train"] = ["a", "x"]
    with pytest.raises(UserError) as caught:
        split_by(tmp_path, ["a", "c", "x"], split, tested=[False, False, True])
    assert str(caught.value) == "split.parts names 'x', which column 'rand' does not have"
