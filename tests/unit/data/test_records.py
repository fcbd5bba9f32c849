from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bioseq_lstm.data.records import (
    Record,
    Refusal,
    check_any_left,
    check_refused_share,
    resolve_duplicates,
    set_name,
    without_formulas,
    write_rejected,
)
from bioseq_lstm.errors import UserError


def test_the_first_of_identical_records_stays() -> None:
    first, second = Record("a", "MK", "x.fa", 1), Record("a", "MK", "x.fa", 5)
    other = Record("b", "MK", "x.fa", 3)
    assert resolve_duplicates([first, other, second]) == ([first, other], 1)


def test_one_id_with_two_contents_is_the_users_to_resolve() -> None:
    records = [Record("a", "MK", "x.fa", 1), Record("a", "MR", "y.fa", 4)]
    with pytest.raises(UserError) as error:
        resolve_duplicates(records)
    assert str(error.value) == (
        "y.fa, line 4: record 'a' differs from the one of the same id in x.fa, line 1: "
        "rename or remove one of them"
    )


def refusals(*reasons: str) -> list[Refusal]:
    return [Refusal("x.fa", n, f"r{n}", reason) for n, reason in enumerate(reasons, start=1)]


def test_a_share_up_to_the_limit_passes() -> None:
    check_refused_share(refusals("bad"), 20, 0.05)
    check_refused_share([], 0, 0.0)


def test_a_larger_share_stops_with_the_commonest_reasons_first() -> None:
    found = refusals("stop at position 3", "short", "short", "stop at position 9", "stop at 1")
    with pytest.raises(UserError) as error:
        check_refused_share(found, 20, 0.05, "out/rejected.tsv")
    assert str(error.value) == (
        "5 of 20 records were refused (25.0%, allowed are 5.0%): "
        "2 x 'stop at position 3' (x.fa, line 1); 2 x 'short' (x.fa, line 2); "
        "1 x 'stop at 1' (x.fa, line 5); "
        "mend the records listed in out/rejected.tsv or raise max_refused"
    )


def test_refusing_every_record_stops_whatever_the_limit() -> None:
    with pytest.raises(UserError, match=r"2 of 2 records were refused"):
        check_refused_share(refusals("bad", "bad"), 2, 1.0)


def test_rejected_records_stand_on_one_line_each_whatever_their_text_holds(tmp_path: Path) -> None:
    hostile = Refusal("x.fa", 7, "a\tb\x1b[2J\u2028c", "first\nsecond \udce9")
    write_rejected(tmp_path / "rejected.tsv", [hostile])
    lines = (tmp_path / "rejected.tsv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "file\tline\trecord\treason",
        "x.fa\t7\ta\\tb\\x1b[2J\\u2028c\tfirst\\nsecond \\udce9",
    ]


@pytest.mark.parametrize("first", ["=", "+", "-", "@"])
def test_a_rejected_text_is_no_formula_to_a_spreadsheet(tmp_path: Path, first: str) -> None:
    text = first + "1+cmd|' /C calc'!A0"
    write_rejected(tmp_path / "rejected.tsv", [Refusal(text, 1, text, text)])
    cells = (tmp_path / "rejected.tsv").read_text().splitlines()[1].split("\t")
    assert cells == ["'" + text, "1", "'" + text, "'" + text]


@pytest.mark.parametrize(("first", "shown"), [("\t", "\\t"), ("\r", "\\r")])
def test_a_control_before_a_formula_is_escaped_and_guarded(
    tmp_path: Path, first: str, shown: str
) -> None:
    write_rejected(tmp_path / "rejected.tsv", [Refusal("x.fa", 1, first + "=1", "r")])
    assert (tmp_path / "rejected.tsv").read_text().splitlines()[1] == f"x.fa\t1\t'{shown}=1\tr"


def test_a_table_keeps_all_but_formulas() -> None:
    table = pd.DataFrame(
        {"id": ["=1+1", "-5", "@x", "a=b", None], "=cmd": [-1.5, 2.0, 3.0, 4.0, 5.0]}
    )
    safe = without_formulas(table)
    assert list(safe) == ["id", "'=cmd"]
    assert safe["id"].tolist()[:4] == ["'=1+1", "'-5", "'@x", "a=b"]
    assert safe["id"].isna().tolist() == [False] * 4 + [True]
    assert safe["'=cmd"].tolist() == table["=cmd"].tolist()


def test_no_refusal_still_gives_the_header(tmp_path: Path) -> None:
    write_rejected(tmp_path / "rejected.tsv", [])
    assert (tmp_path / "rejected.tsv").read_text() == "file\tline\trecord\treason\n"


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("Train", "train"),
        ("val", "validation"),
        ("DEV", "validation"),
        (" test ", "test"),
        ("", None),
    ],
)
def test_parts_of_a_split_have_one_spelling(word: str, name: str | None) -> None:
    assert set_name(word) == name


def test_a_file_of_which_every_record_was_refused_is_told_with_the_first_reason() -> None:
    refusals = [Refusal("t.fasta", 3, "a", "looks like DNA"), Refusal("t.fasta", 5, "b", "short")]
    with pytest.raises(UserError) as error:
        check_any_left(0, refusals, "t.fasta")
    assert str(error.value) == (
        "t.fasta, line 3: all 2 records were refused, the first: looks like DNA"
    )
    check_any_left(1, refusals, "t.fasta")
    check_any_left(0, [], "t.fasta")
