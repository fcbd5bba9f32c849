from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.errors import UserError

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def one(text: str, name: str = "in.fa") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return one


THREE_LINES = ">a first SET=train\nMKVLA\nCHHEC\n\n>b\nWYR\nEEC\n"
SEQUENCES = ">a first\nMKV\nLA\n>b\nWYR\n"
LABELS = ">b\nEEC\n>a SET=train\nCHH\nEC\n"
HEADERS = ">a target=CHHEC Set=Train\nMKV\nLA\n>b TARGET=EEC\nWYR\n"


@pytest.mark.parametrize(
    ("sequences", "labels"),
    [
        (THREE_LINES, None),
        (THREE_LINES.replace("\n", "\r\n"), None),
        (SEQUENCES, LABELS),
        (HEADERS, None),
    ],
    ids=["3-line", "3-line with CRLF", "two FASTA files", "headers"],
)
def test_the_three_forms_give_the_same_chains(
    write: Write, sequences: str, labels: str | None
) -> None:
    path = write(sequences)
    found = read_labelled_chains(path, write(labels, "labels.fa") if labels else None)
    chains = [(c.id, c.sequence, c.labels, c.set) for c in found.records]
    assert chains == [("a", "MKVLA", "CHHEC", "train"), ("b", "WYR", "EEC", None)]
    assert not found.refusals
    assert found.notes == {"chains labelled with three states (H, E, C) only": 2}


def test_every_chain_knows_its_file_and_line(write: Write) -> None:
    path = write(THREE_LINES)
    assert [(c.file, c.line) for c in read_labelled_chains(path).records] == [
        (str(path), 1),
        (str(path), 5),
    ]


@pytest.mark.parametrize(
    ("labels", "states", "notes"),
    [
        ("HBEGITSC", "HBEGITSC", {}),
        (
            "hbegitsc",
            "HBEGITSC",
            {"labels in lower case, read as upper case (chains)": 1},
        ),
        (
            "HB-GIL~P",
            "HBCGICCC",
            {f"labels {letter!r}, read as C": 1 for letter in "-L~P"},
        ),
        ("  HGIT  ", "CCHGITCC", {"labels ' ', read as C": 4}),
        ("HBEGITSC ", "HBEGITSC", {}),
        (".?XGITSC", "...GITSC", {"residues without a known label, not learned from": 3}),
    ],
)
def test_spellings_of_labels_are_read_as_dssp_states_and_noted(
    write: Write, labels: str, states: str, notes: dict[str, int]
) -> None:
    found = read_labelled_chains(write(f">a\nMKVLAWYR\n{labels}\n"))
    assert [chain.labels for chain in found.records] == [states]
    assert found.notes == notes


def test_blanks_are_labels_in_a_second_fasta_too(write: Write) -> None:
    found = read_labelled_chains(write(">a\nMKVLAW\n"), write(">a\n GG\nG  \n", "l.fa"))
    # The blanks at the very end of a line are not there after many an editor.
    assert found.refusals == [] and found.records[0].labels == "CGGGCC"


GOOD = ">good\nMKV\nCGC\n>good2\nMKVA\nCGCC\n"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (">r\nMKVLA\nCHHE", "4 labels for 5 residues"),
        (">r\nMKVLA\nCHZEC", "label 'Z' at position 3 is none of H B E G I T S C"),
        (">r\nMKVLA\n.....", "no label is known"),
        (">r\nMK-LA\nCHHEC", "alignment gap '-' at position 3: give unaligned sequences"),
        (
            ">r\nMKVLA",
            "lines under the header: 1; the 3-line form has two (sequence, labels)",
        ),
        (
            ">r\nMKV\nLA\nCHHEC",
            "lines under the header: 3; the 3-line form has two (sequence, labels)",
        ),
        (">r VALIDATION=yes\nMKVLA\nCHHEC", "VALIDATION=yes is neither True nor False"),
    ],
)
def test_a_bad_record_of_three_lines_is_refused_with_line_and_reason(
    write: Write, record: str, reason: str
) -> None:
    path = write(GOOD + record + "\n")
    found = read_labelled_chains(path)
    assert [chain.id for chain in found.records] == ["good", "good2"]
    assert [(r.file, r.line, r.record, r.reason) for r in found.refusals] == [
        (str(path), 7, "r", reason)
    ]


def test_a_header_without_labels_among_others_is_refused(write: Write) -> None:
    found = read_labelled_chains(write(">a TARGET=GGG\nMKV\n>b\nMKV\n>c TARGET=GG\nMKV\n"))
    assert [chain.id for chain in found.records] == ["a"]
    assert [(r.record, r.reason) for r in found.refusals] == [
        ("b", "the header has no TARGET="),
        ("c", "2 labels for 3 residues"),
    ]


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ("SET=train VALIDATION=True", "validation"),
        ("SET=train VALIDATION=False", "train"),
        ("set=TEST", "test"),
        ("SET=val", "validation"),
        ("SET=", None),
        ("OFFSET=3", None),
    ],
)
def test_headers_assign_parts(write: Write, fields: str, part: str | None) -> None:
    found = read_labelled_chains(write(f">a TARGET=GGG {fields}\nMKV\n"))
    assert [chain.set for chain in found.records] == [part]


NO_LABELS = (
    "{}: no labels found: looked for a line of labels under each sequence (3-line form) and for "
    "TARGET= in the headers; labels are H B E G I T S C, and may also stand in a second FASTA "
    "(labels:)"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">a\nMKVLA\n>b\nWYR\n", NO_LABELS),
        # Wrapped sequences have two lines as well; the second may be made of label letters.
        (">a\nMKVLAWYRNDQ\nGSH\n>b\nMKVLAWYRNDQ\nRRKM\n", NO_LABELS),
        (">a\nMKVLAWYRNDQMKVLAWYRND\nGSHL\n", NO_LABELS),
        (">a\nMKVLAWYR\nGSHLPT\n>b\nMKVLAWYR\nGSRKMD\n", NO_LABELS),
        ("", "{}: the file is empty"),
        (
            "MKV\nCGC\n",
            "{}, line 1: 'MKV' stands before the first header: "
            "every sequence needs a header line that begins with '>'",
        ),
        (
            ">a\nMKV\nCGC\n>a\nMKV\nCCC\n",
            "{0}, line 4: record 'a' differs from the one of the same id in {0}, line 1: "
            "rename or remove one of them",
        ),
    ],
)
def test_a_file_without_usable_labels_stops_with_one_line(
    write: Write, text: str, message: str
) -> None:
    path = write(text)
    with pytest.raises(UserError) as error:
        read_labelled_chains(path)
    assert str(error.value) == message.format(path)


def test_labels_of_wrong_length_throughout_are_still_taken_for_the_three_line_form(
    write: Write,
) -> None:
    found = read_labelled_chains(write(">a\nMKVLAW\nCGGGG\n>b\nMKVLAW\nCGGGGGG\n"))
    assert [r.reason for r in found.refusals] == [
        "5 labels for 6 residues",
        "7 labels for 6 residues",
    ]


def test_ids_of_one_file_only_are_refused_where_they_stand(write: Write) -> None:
    sequences = write(">a\nMKV\n>lonely\nMKV\n>bad\nMK*V\n")
    labels = write(">bad\nGGGG\n>a\nGGG\n>other\nGGG\n", "labels.fa")
    found = read_labelled_chains(sequences, labels)
    assert [chain.id for chain in found.records] == ["a"]
    assert [(Path(r.file).name, r.line, r.record, r.reason) for r in found.refusals] == [
        ("in.fa", 5, "bad", "stop codon '*' at position 3, inside the sequence"),
        ("labels.fa", 5, "other", "no sequence of this id in in.fa"),
        ("in.fa", 3, "lonely", "no labels of this id in labels.fa"),
    ]


def test_two_files_without_a_common_id_stop(write: Write) -> None:
    sequences, labels = write(">1abc_A\nMKV\n"), write(">1ABC_a\nGGG\n", "labels.fa")
    with pytest.raises(UserError) as error:
        read_labelled_chains(sequences, labels)
    assert str(error.value) == (
        f"{labels}: none of its ids ('1ABC_a') is in {sequences} ('1abc_A'): "
        "they differ only in letter case"
    )


def test_two_files_the_wrong_way_round_are_recognised(write: Write) -> None:
    sequences, labels = write(">a\nMKVA\n>b\nMKRN\n"), write(">a\nHHHC\n>b\nEEEC\n", "labels.fa")
    with pytest.raises(UserError) as error:
        read_labelled_chains(labels, sequences)
    assert str(error.value) == f"{labels}: holds labels and in.fa sequences: exchange the two"
