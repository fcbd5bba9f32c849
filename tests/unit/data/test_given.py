"""Splits that a column says: parts by their names or other words, and folds."""

from __future__ import annotations

import pytest
from small_entries import all_pairs, drugs, genes, given_words, targets

from bioseq_lstm.data.splitting import SplitSettings, split_pairs, split_records
from bioseq_lstm.errors import UserError

FOLDS = {"train": ["train1", "Train2"], "validation": ["train0"], "test": ["test"]}


def test_given_words_are_taken_as_they_are_and_validation_is_drawn_where_none_is_named() -> None:
    words = ["Train", "TEST", "dev", "unused", "training"]
    table = split_records(SplitSettings("given", column="set"), genes(5), given_words(*words))
    assert table["fold0"].tolist() == ["train", "test", "validation", "unused", "train"]
    words = ["train"] * 34 + ["test"] * 6
    table = split_records(SplitSettings("given", column="set"), genes(40), given_words(*words))
    assert table["fold0"].value_counts()["test"] == 6
    assert table["fold0"].value_counts()["validation"] == pytest.approx(34 * 0.15 / 0.85, abs=1)


def test_words_of_a_column_make_up_the_parts_that_the_settings_name() -> None:
    words = ["train1", "TRAIN2", "train0", "test", "drop"]
    how = SplitSettings("given", column="set", parts={**FOLDS, "unused": ["drop"]})
    table = split_records(how, genes(5), given_words(*words))
    assert table["fold0"].tolist() == ["train", "train", "validation", "test", "unused"]


def test_pairs_too_are_parted_by_words_of_any_column() -> None:
    pairs = all_pairs(drugs(4), targets(1)).assign(fold=["train1", "train0", "test", "train2"])
    how = SplitSettings("given", column="fold", parts=FOLDS)
    table = split_pairs(how, pairs, drugs(4), targets(1))
    assert table["fold0"].tolist() == ["train", "validation", "test", "train"]


def test_validation_is_drawn_where_the_parts_name_none() -> None:
    words = ["a"] * 34 + ["b"] * 6
    how = SplitSettings("given", column="set", parts={"train": ["a"], "test": ["b"]})
    parts = split_records(how, genes(40), given_words(*words))["fold0"]
    assert parts[34:].tolist() == ["test"] * 6
    assert (parts[:34] == "validation").sum() == pytest.approx(34 * 0.15 / 0.85, abs=1)


def test_each_word_of_a_column_of_folds_is_tested_once_and_the_next_one_validates() -> None:
    words = ["fold10", "fold2", "Fold1", "unused", "fold2"]
    how = SplitSettings("given", column="set", folds=3)
    table = split_records(how, genes(5), given_words(*words))
    assert table[["fold0", "fold1", "fold2"]].T.to_numpy().tolist() == [
        ["train", "validation", "test", "unused", "validation"],
        ["validation", "test", "train", "unused", "test"],
        ["test", "train", "validation", "unused", "train"],
    ]


def test_words_of_folds_that_hardly_differ_have_one_order_and_others_may_be_set_aside() -> None:
    words = ["01", "drop", "1", "001", "2"]
    how = SplitSettings("given", column="set", folds=4, parts={"unused": ["Drop"]})
    table = split_records(how, genes(5), given_words(*words))
    tested = [table["id"][table[f"fold{fold}"] == "test"].item() for fold in range(4)]
    assert tested == ["g3", "g0", "g2", "g4"]
    assert set(table.loc[1, ["fold0", "fold1", "fold2", "fold3"]]) == {"unused"}


def test_pairs_too_are_tested_fold_by_fold() -> None:
    pairs = all_pairs(drugs(4), targets(1)).assign(fold=[0, 1, 2, 3])
    how = SplitSettings("given", column="fold", folds=4)
    table = split_pairs(how, pairs, drugs(4), targets(1))
    assert table["fold3"].tolist() == ["validation", "train", "train", "test"]
    tested = table[[f"fold{fold}" for fold in range(4)]].eq("test")
    assert tested.sum(axis=1).tolist() == [1] * 4


FAULTS = {
    "word that no part has": (
        SplitSettings("given", column="set", parts=FOLDS),
        given_words("train1", "tests", "test"),
        "record 'g1' has 'tests' in column 'set' (did you mean 'test'?); split.parts has test, "
        "train0, train1, train2: put the word there too",
    ),
    "unknown word": (
        SplitSettings("given", column="set"),
        given_words("train", "tets", "test"),
        "record 'g1' has 'tets' in column 'set' (did you mean 'test'?); known: train, validation, "
        "test, unused",
    ),
    "empty word": (
        SplitSettings("given", column="set"),
        given_words("train", None, "test"),
        "column 'set' is empty for 1 records, first for 'g1'",
    ),
    "no test part": (
        SplitSettings("given", column="set"),
        given_words("train", "validation", "train"),
        "column 'set' leaves the test part empty",
    ),
    "no such column": (
        SplitSettings("given", column="sets"),
        given_words("train", "validation", "test"),
        "needs the column 'sets', which the data lack (did you mean 'set'?)",
    ),
    "other number of folds": (
        SplitSettings("given", column="set", folds=5),
        given_words("a", "b", "c"),
        "column 'set' has 3 words ('a', 'b', 'c'), and split.folds is 5: each word is a fold",
    ),
    "nothing but unused": (
        SplitSettings("given", column="set", folds=3),
        given_words("unused", "unused", "unused"),
        "column 'set' has 0 words (), and split.folds is 3",
    ),
    "parts as folds": (
        SplitSettings("given", column="set", folds=3),
        given_words("train", "val", "test"),
        "column 'set' names parts (test, train, validation), not folds: set split.folds to 1",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_column_that_does_not_say_it_is_told(name: str) -> None:
    asked, words, message = FAULTS[name]
    with pytest.raises(UserError) as caught:
        split_records(asked, genes(3), words)
    assert message in str(caught.value)
