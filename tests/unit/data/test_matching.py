from __future__ import annotations

import pytest

from bioseq_lstm.data.matching import match_ids
from bioseq_lstm.errors import UserError


def test_ids_of_both_files_and_of_one_only_are_told_apart() -> None:
    found = match_ids(["NA", "007", "x", "x"], ["7", "NA", "007"], "t.tsv", "s.fa")
    assert found.matched == ["NA", "007"]
    assert found.only_table == ["x"]
    assert found.only_sequences == ["7"]


@pytest.mark.parametrize(
    ("table", "sequences", "message"),
    [
        (
            ["B0001", "B0002", "B0003"],
            ["b0003", "b0004"],
            "t.tsv: none of its ids ('B0001', 'B0002') is in s.fa ('b0003', 'b0004'): "
            "they differ only in letter case",
        ),
        (
            ["thrA"],
            ["b0002"],
            "t.tsv: none of its ids ('thrA') is in s.fa ('b0002'): "
            "the two files must name their records alike",
        ),
        (
            ["thrA"],
            [],
            "t.tsv: none of its ids ('thrA') is in s.fa (there is none): "
            "the two files must name their records alike",
        ),
    ],
)
def test_files_without_a_common_id_stop_with_examples_of_both(
    table: list[str], sequences: list[str], message: str
) -> None:
    with pytest.raises(UserError) as error:
        match_ids(table, sequences, "t.tsv", "s.fa")
    assert str(error.value) == message
