"""The split in words: every sentence is true of the split that was made."""

from __future__ import annotations

import pandas as pd
import pytest

from bioseq_lstm.data.records import Reading
from bioseq_lstm.data.splitting import SplitSettings
from bioseq_lstm.learning.preparation import described, draws_validation


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
