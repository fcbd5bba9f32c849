from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.data.delimited import number, numbers, read_delimited
from bioseq_lstm.errors import UserError

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(text: str) -> Path:
        path = tmp_path / "t.tsv"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return one


@pytest.mark.parametrize(
    ("text", "header", "rows"),
    [
        ("a\tb,c\n1\t2;3\n", ["a", "b,c"], [(2, ["1", "2;3"])]),
        ("a,b;c\n1,2\n", ["a", "b;c"], [(2, ["1", "2"])]),
        ("a;b\n1;2\n", ["a", "b"], [(2, ["1", "2"])]),
        ("#a\tb\r\n 1 \t\r\n", ["a", "b"], [(2, ["1", ""])]),
        ("\n\na,b\n\n1,2\n,\n3,4", ["a", "b"], [(5, ["1", "2"]), (7, ["3", "4"])]),
        ('a,b\n"x,\ny",2\n3,4\n', ["a", "b"], [(2, ["x,\ny", "2"]), (4, ["3", "4"])]),
        ("a,b\n5' end,2\"\n", ["a", "b"], [(2, ["5' end", '2"'])]),
    ],
    ids=["tab", "comma", "semicolon", "hash and CRLF", "blank lines", "quoted", "stray quotes"],
)
def test_rows_come_with_their_line(
    write: Write, text: str, header: list[str], rows: list[tuple[int, list[str]]]
) -> None:
    table = read_delimited(write(text))
    assert table.header == header
    assert list(table.rows) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{}: the file is empty"),
        ("\n \n", "{}: the file is empty"),
        (
            "gene\nb1\n",
            "{}, line 1: one column only ('gene'): "
            "columns are parted by tabs, commas or semicolons",
        ),
        ("\nid\ta\t\ta\n", "{}, line 2: column 3 of the header has no name"),
        ("id\ta\ta\n", "{}, line 1: 2 columns are called 'a': give each its own name"),
        ("id\ta\tb\nx\t1\n", "{}, line 2: 2 cells under a header of 3: mend the row"),
        ("id\ta\nx\t1\ny\t1\t2\n", "{}, line 3: 3 cells under a header of 2: mend the row"),
        (
            "a\tb\nx\t1\t2\n",
            "{}, line 2: 3 cells under a header of 2: "
            "name the first column (R: write.table(..., col.names = NA))",
        ),
        (
            'id,a\nx,1\n"y,2\nz,3\n',
            "{}, line 3: the row cannot be read (unexpected end of data): check its quotes",
        ),
    ],
)
def test_a_table_that_is_out_of_shape_stops_with_one_line(
    write: Write, text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(UserError) as error:
        list(read_delimited(path).rows)
    assert str(error.value) == message.format(path)


def test_columns_are_found_by_alias_in_any_letter_case_or_by_their_chosen_name(
    write: Write,
) -> None:
    table = read_delimited(write("Gene_ID\tx\tend\n1\t2\t3\n"))
    assert table.column("gene", ("id", "gene_id")) == 0
    assert table.column("gene", ("id", "gene_id"), chosen="X") == 1
    assert table.column("strand", ("strand",), required=False) == -1


@pytest.mark.parametrize(
    ("aliases", "chosen", "message"),
    [
        (
            ("drug", "ligand"),
            None,
            "{}, line 1: no column for the drug (drug, ligand)"
            " (did you mean 'drugs'?); it has: drugs, id, gene",
        ),
        (
            ("drug",),
            "drug_s",
            "{}, line 1: no column 'drug_s' (did you mean 'drugs'?); it has: drugs, id, gene",
        ),
        (("id", "gene"), None, "{}, line 1: both 'id' and 'gene' could be the drug: name one"),
    ],
)
def test_a_missing_or_ambiguous_column_is_said_with_what_there_is(
    write: Write, aliases: tuple[str, ...], chosen: str | None, message: str
) -> None:
    path = write("drugs\tid\tgene\n1\t2\t3\n")
    with pytest.raises(UserError) as error:
        read_delimited(path).column("drug", aliases, chosen)
    assert str(error.value) == message.format(path)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_what_python_wrote(value: float) -> None:
    assert number(repr(value)) == value
    assert numbers([repr(value), ""])[0] == value


@pytest.mark.parametrize("cell", ["", "NA", "nan", "NaN", "n/a", "NULL"])
def test_missing_values_are_nan(cell: str) -> None:
    assert math.isnan(number(cell))
    assert math.isnan(numbers(["1", cell])[1])


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1,5", "'1,5' has a decimal comma: write a point"),
        ("-0,25", "'-0,25' has a decimal comma: write a point"),
        (">10000", "'>10000' is a bound, not a measured value"),
        ("<=5.5", "'<=5.5' is a bound, not a measured value"),
        ("inf", "'inf' is infinite"),
        ("-Infinity", "'-Infinity' is infinite"),
        ("1e999", "'1e999' is infinite"),
        ("1_000", "'1_000' is not a number"),
        ("١٢", "'١٢' is not a number"),
        ("high", "'high' is not a number"),
        ("0x1F", "'0x1F' is not a number"),
    ],
)
def test_what_is_no_finite_number_is_said(cell: str, reason: str) -> None:
    with pytest.raises(ValueError) as error:
        number(cell)
    assert str(error.value) == reason
    with pytest.raises(ValueError) as error:
        numbers(["1.5", cell, "2"])
    assert error.value.args == (1, reason)
