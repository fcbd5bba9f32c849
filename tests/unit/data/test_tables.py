from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.data.tables import read_affinities, read_annotations, read_expression_table
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
    "text",
    [
        "gene\tglc\tace\nNA\t1.5\t-2\n007\t3e-1\tNA\n",
        "gene,glc,ace\nNA,1.5,-2\n007,0.3,\n",
        "gene;glc;ace\r\nNA;1.5;-2\r\n007;.3;nan\r\n",
        ",glc,ace\nNA,1.5,-2\n007,0.3,NaN\n",
    ],
    ids=["TSV", "CSV", "semicolons", "no name of the first column"],
)
def test_expression_is_read_with_ids_as_text_and_gaps_as_nan(write: Write, text: str) -> None:
    found = read_expression_table(write(text))
    wanted = pd.DataFrame({"id": ["NA", "007"], "glc": [1.5, 0.3], "ace": [-2.0, np.nan]})
    pd.testing.assert_frame_equal(found.frame, wanted, check_dtype=True)
    assert (found.lines, found.refusals, found.notes) == ([2, 3], [], {"missing values": 1})


def test_a_gzipped_table_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "plain.tsv"
    path.write_bytes(gzip.compress(b"id\ta\nx\t1\n"))
    assert read_expression_table(path).frame["a"].tolist() == [1.0]


def test_rows_that_repeat_are_taken_once_and_genes_without_values_refused(write: Write) -> None:
    path = write("id\ta\tb\nx\t1\tNA\nempty\tNA\t\nx\t1.0\tnan\ny\t2\t3\n")
    found = read_expression_table(path)
    assert found.frame["id"].tolist() == ["x", "y"]
    assert found.lines == [2, 5]
    assert [(r.line, r.record, r.reason) for r in found.refusals] == [
        (3, "empty", "the gene has no value at all")
    ]
    assert found.notes == {"rows that repeat an earlier one, left out": 1, "missing values": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "id\tglc\nx\t1\ny\t1,5\n",
            "{}, line 3: column 'glc': '1,5' has a decimal comma: write a point",
        ),
        ("id\tglc\tace\nx\t1\thigh\n", "{}, line 2: column 'ace': 'high' is not a number"),
        ("id\tglc\nx\tinf\n", "{}, line 2: column 'glc': 'inf' is infinite"),
        ("id\tglc\nx\t1\n\t2\n", "{}, line 3: the id is empty"),
        (
            "id\tglc\nx\t1\nx\t2\n",
            "{}, line 3: 'x' stands here with other values than on line 2: "
            "rename or remove one of them",
        ),
        ("id\tglc\n", "{}: holds a header but no rows"),
        ("id\tglc\tace\nx\t1\t\n", "{}: column 'ace' has no value at all: remove it"),
        ("gene\tid\nx\t1\n", "{}, line 1: a condition is called 'id': rename it"),
    ],
)
def test_a_wrong_expression_table_stops_naming_line_and_column(
    write: Write, text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(UserError) as error:
        read_expression_table(path)
    assert str(error.value) == message.format(path)


def test_annotations_take_common_names_and_spellings(write: Write) -> None:
    path = write(
        "locus_tag\tchr\tStart\tstop\tstrand\tname\n"
        "NA\tchr1\t0\t90\t-1\tNA\n007\tchr1\t120\tNA\t+\t\n007\tchr1\t120\tNA\t+\t\n"
    )
    found = read_annotations(path)
    wanted = pd.DataFrame(
        {
            "id": ["NA", "007"],
            "start": pd.array([0, 120], "Int64"),
            "end": pd.array([90, None], "Int64"),
            "strand": ["-", "+"],
            "chromosome": ["chr1", "chr1"],
            "name": ["NA", ""],
        }
    )
    pd.testing.assert_frame_equal(found.frame, wanted)
    assert found.lines == [2, 3]
    assert found.notes == {"rows that repeat an earlier one, left out": 1}


def test_annotations_need_nothing_but_the_id(write: Write) -> None:
    frame = read_annotations(write("id,operon\nx,1\n")).frame
    assert frame.to_dict("list") == {"id": ["x"], "operon": ["1"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name\tstart\nx\t1\n",
            "{}, line 1: no column for the gene's id (id, gene_id, gene, locus_tag); "
            "it has: name, start",
        ),
        ("id\tstart\nx\t1.5\n", "{}, line 2: column 'start': '1.5' is not a whole number of bases"),
        ("id\tend\nx\t-3\n", "{}, line 2: column 'end': '-3' is not a whole number of bases"),
        ("id\tstrand\nx\tup\n", "{}, line 2: strand 'up' is none of + - ."),
        (
            "id\tstart\tend\nx\t30\t3\n",
            "{}, line 2: end 3 lies before start 30: positions count along the chromosome, "
            "the strand has its own column",
        ),
        (
            "id\tstart\nx\t1\nx\t2\n",
            "{}, line 3: 'x' stands here with other values than on line 2: "
            "rename or remove one of them",
        ),
        ("id\tstart\n", "{}: holds a header but no rows"),
    ],
)
def test_wrong_annotations_stop_with_one_line(write: Write, text: str, message: str) -> None:
    path = write(text)
    with pytest.raises(UserError) as error:
        read_annotations(path)
    assert str(error.value) == message.format(path)


def test_affinities_are_read_under_common_or_chosen_names(write: Write) -> None:
    path = write("ligand_id,prot_id,affinity_score,pKi,split\nNA,007,1.5,9,Train\nd,t,2,8,val\n")
    frame = read_affinities(path, {"value": "affinity_score"}).frame
    assert frame.to_dict("list") == {
        "drug": ["NA", "d"],
        "target": ["007", "t"],
        "value": [1.5, 2.0],
        "set": ["train", "validation"],
        "pKi": ["9", "8"],
    }
    assert read_affinities(path, {"value": "pki"}).frame["value"].tolist() == [9.0, 8.0]


def test_further_columns_of_affinities_stay_text_under_their_names(write: Write) -> None:
    found = read_affinities(
        write("drug,target,y,fold,kd\nd,t,1,train0,9.0\ne,t,2,test,8\nd,t,3,train0,7\ne,u,NA,x,1\n")
    )
    assert found.frame.to_dict("list") == {
        "drug": ["d", "e"],
        "target": ["t", "t"],
        "value": [2.0, 2.0],
        "fold": ["train0", "test"],
        "kd": ["9.0 | 7", "8"],
    }
    once = read_affinities(write("drug,target,y,fold\nd,t,1,train0\ne,t,2,test\n"))
    assert once.frame["fold"].tolist() == ["train0", "test"]


def test_affinities_without_a_set_have_no_such_column(write: Write) -> None:
    frame = read_affinities(write("drug\ttarget\tkiba_score\nd\tt\t2\n")).frame
    assert list(frame.columns) == ["drug", "target", "value"]


@pytest.mark.parametrize(
    ("row", "record", "reason"),
    [
        ("d\tt\t", "d t", "the value is missing"),
        ("d\tt\tNA", "d t", "the value is missing"),
        ("d\tt\tinf", "d t", "value 'inf' is infinite"),
        ("d\tt\t>10000", "d t", "value '>10000' is a bound, not a measured value"),
        ("d\tt\t7,5", "d t", "value '7,5' has a decimal comma: write a point"),
        ("\tt\t7", " t", "the drug has no id"),
        ("d\t\t7", "d ", "the target has no id"),
        ("d\tt\x1b\t7", "d t\x1b", "the target's id is unprintable"),
    ],
)
def test_a_bad_affinity_is_refused_with_line_and_reason(
    write: Write, row: str, record: str, reason: str
) -> None:
    path = write(f"drug\ttarget\tvalue\nd1\tt1\t5\n{row}\n")
    found = read_affinities(path)
    assert found.frame["drug"].tolist() == ["d1"]
    assert [(r.file, r.line, r.record, r.reason) for r in found.refusals] == [
        (str(path), 3, record, reason)
    ]


def test_repeated_pairs_become_one_row_with_the_mean_and_are_noted(write: Write) -> None:
    path = write(
        "drug\ttarget\tvalue\nb\tt\t0.1\na\tt\t1\nb\tt\t0.1\na\tt\t2\na\tu\t9\nb\tt\t0.1\na\tt\t6\n"
    )
    found = read_affinities(path)
    assert found.frame.to_dict("list") == {
        "drug": ["b", "a", "a"],
        "target": ["t", "t", "u"],
        "value": [0.1, 3.0, 9.0],
    }
    assert found.lines == [2, 3, 6]
    assert found.notes == {
        "pairs measured several times with one result": 1,
        "pairs measured several times, their mean taken": 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "drug\ttarget\tvalue\tset\nd\tt\t1\ttrain\nd\tt\t1\ttest\n",
            "{}, line 2: drug 'd' with target 't' stands in several sets: give each pair one",
        ),
        ("drug\ttarget\tvalue\n", "{}: holds a header but no rows"),
        (
            "drug\tsequence\tvalue\nd\tMK\t1\n",
            "{}, line 1: no column for the target "
            "(target, target_id, prot_id, protein, protein_id, kinase); "
            "it has: drug, sequence, value",
        ),
    ],
)
def test_a_wrong_table_of_affinities_stops_with_one_line(
    write: Write, text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(UserError) as error:
        read_affinities(path)
    assert str(error.value) == message.format(path)


def test_a_table_with_refused_rows_only_is_still_a_reading(write: Write) -> None:
    found = read_affinities(write("drug\ttarget\tvalue\nd\tt\tNA\n"))
    assert (len(found.frame), found.lines, len(found.refusals)) == (0, [], 1)
