from __future__ import annotations

from pathlib import Path

import pytest

from bioseq_lstm.errors import UserError, nearest


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ({}, "no sequence"),
        ({"file": Path("a/b.fasta")}, "a/b.fasta: no sequence"),
        ({"file": "b.fasta", "line": 3}, "b.fasta, line 3: no sequence"),
    ],
)
def test_an_error_says_where_it_stands(place: dict, said: str) -> None:
    assert str(UserError("no sequence", **place)) == said


def test_an_error_is_one_line_whatever_a_file_holds() -> None:
    error = UserError("the id 'a\nb' \r\n is\tdouble", file="x\ny.fasta")
    assert str(error) == "x y.fasta: the id 'a b' is double"


def test_the_nearest_word_is_named_and_a_far_one_is_not() -> None:
    words = ["hidden_size", "num_layers"]
    assert nearest("hiden_size", words) == " (did you mean 'hidden_size'?)"
    assert nearest("colour", words) == ""
    assert nearest("HIDDEN SIZE", words) == " (did you mean 'hidden_size'?)"
