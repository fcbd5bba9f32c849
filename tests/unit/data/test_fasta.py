from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from Bio import SeqIO
from Bio.Seq import Seq
from Bio.SeqRecord import SeqRecord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bioseq_lstm.data.alphabets import DNA, PROTEIN, Alphabet
from bioseq_lstm.data.fasta import fasta_chunks, read_fasta
from bioseq_lstm.errors import UserError

ids = st.text("abcXYZ019_.|-", min_size=1, max_size=8)
proteins = st.text("ACDEFGHIKLMNPQRSTVWY", min_size=1, max_size=200).filter(
    lambda text: len(text) < 20 or not set(text) <= set("ACGTN")
)


@pytest.fixture
def fasta(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "in.fa"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    return write


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@given(records=st.dictionaries(ids, proteins, min_size=1, max_size=5))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_biopython_wrote_is_read_back(
    records: dict[str, str], line_end: str, packed: bool, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.fa"
    written = [SeqRecord(Seq(text), name, description="x y") for name, text in records.items()]
    SeqIO.write(written, plain, "fasta")
    content = plain.read_text().replace("\n", line_end).encode()
    path = tmp_path / "in.fa"
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_fasta(path, PROTEIN)
    assert {record.id: record.sequence for record in found.records} == records
    assert (found.refusals, found.notes) == ([], {})


def test_every_record_knows_its_line_its_id_and_the_rest_of_its_header(
    fasta: Callable[[str], Path],
) -> None:
    path = fasta("\n\n>a  first one \nMK\nVL\n\n>b\tsecond\nMMK\n\n\n>c\nW\n")
    found = [(r.id, r.description, r.line, r.sequence) for r in read_fasta(path, PROTEIN).records]
    assert found == [("a", "first one", 3, "MKVL"), ("b", "second", 7, "MMK"), ("c", "", 11, "W")]


@pytest.mark.parametrize(
    ("alphabet", "text", "sequence", "notes"),
    [
        (
            PROTEIN,
            "mkVL",
            "MKVL",
            {"sequences with lower-case letters, read as upper case": 1},
        ),
        (PROTEIN, "MKVL*", "MKVL", {"closing stop codons (*) removed": 1}),
        (PROTEIN, "MKXUB", "MKXUB", {"ambiguous protein letters, kept as unknown": 3}),
        (DNA, "ACGNR", "ACGNR", {"ambiguous DNA letters, kept as unknown": 2}),
        (DNA, "ACGU", "ACGT", {"RNA: sequences with U, read as T": 1}),
        (
            PROTEIN,
            "MKV LAA\nMKV",
            "MKVLAAMKV",
            {"lines with spaces inside the sequence, read without them": 1},
        ),
        (DNA, "GATTACA" * 20, "GATTACA" * 20, {}),
        (PROTEIN, "GATTACA", "GATTACA", {}),
    ],
)
def test_what_can_be_mended_is_mended_and_noted(
    fasta: Callable[[str], Path],
    alphabet: Alphabet,
    text: str,
    sequence: str,
    notes: dict[str, int],
) -> None:
    found = read_fasta(fasta(f">a\n{text}\n"), alphabet)
    assert [record.sequence for record in found.records] == [sequence]
    assert found.notes == notes


@pytest.mark.parametrize(
    ("alphabet", "record", "reason"),
    [
        (PROTEIN, ">r\nMK*VL", "stop codon '*' at position 3, inside the sequence"),
        (PROTEIN, ">r\nMK-VL", "alignment gap '-' at position 3: give unaligned sequences"),
        (PROTEIN, ">r\nMKV.L", "alignment gap '.' at position 4: give unaligned sequences"),
        (PROTEIN, ">r\n1MKVL", "digit '1' at position 1 is no protein letter"),
        (PROTEIN, ">r\nMKé", "character 'é' at position 3 is no protein letter"),
        (PROTEIN, ">r\nMK\x07V", "character '\\x07' at position 3 is no protein letter"),
        (PROTEIN, ">r\nXXBX", "every letter is ambiguous ('X' and the like)"),
        (PROTEIN, ">r\n*", "no sequence follows the header"),
        (PROTEIN, ">r", "no sequence follows the header"),
        (
            PROTEIN,
            ">r\nACGTACGTACNNACGTACGU",
            "looks like DNA or RNA: 20 letters, all of them in ACGTUN",
        ),
        (DNA, ">r\nACGTEF", "looks like a protein: 'E' at position 5 is no nucleotide"),
        (DNA, ">r\nACGTX", "character 'X' at position 5 is no DNA letter"),
        (DNA, ">r\nNNNNN", "every letter is ambiguous ('N' and the like)"),
        (
            DNA,
            ">r\nMKVARSDWHKMKVARSDWHK",
            "looks like a protein: only 10% of the letters are in ACGTUN",
        ),
        (DNA, ">r\n" + "ACGT" * 13, "52 letters are more than max_length 50"),
        (PROTEIN, "> r\nMKV", "the header has no id directly after '>'"),
        (PROTEIN, ">r\x1b[2J\nMKV", "the id holds a character that cannot be printed"),
    ],
)
def test_a_bad_record_is_refused_with_line_and_reason_and_the_good_one_stays(
    fasta: Callable[[str], Path], alphabet: Alphabet, record: str, reason: str
) -> None:
    path = fasta(f">good\nATGC\n{record}\n")
    found = read_fasta(path, alphabet, max_length=50)
    assert [r.id for r in found.records] == ["good"]
    assert [(r.file, r.line, r.reason) for r in found.refusals] == [(str(path), 3, reason)]
    assert found.n_read == 2
    assert not found.notes


@pytest.mark.parametrize("letter", "EFILPQ")
def test_each_letter_that_only_proteins_have_gives_a_protein_away(
    fasta: Callable[[str], Path], letter: str
) -> None:
    (refusal,) = read_fasta(fasta(f">a\nAC\n>r\nACGT{letter}"), DNA).refusals
    assert refusal.reason == f"looks like a protein: '{letter}' at position 5 is no nucleotide"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "{}: the file is empty"),
        (" \n\n", "{}: the file is empty"),
        (">a\n>b\n\n", "{}: holds headers but no sequence"),
        (
            "\nMKVL\n>a\nMKV\n",
            "{}, line 2: 'MKVL' stands before the first header: "
            "every sequence needs a header line that begins with '>'",
        ),
        (
            "@read1\nACGT\n+\nIIII\n",
            "{}, line 1: '@read1' stands before the first header: "
            "this looks like FASTQ: convert it to FASTA",
        ),
        (
            "; old\n>a\nMK\n",
            "{}, line 1: '; old' stands before the first header: remove the comments",
        ),
        (
            ">a\nMK\n>a\nMR\n",
            "{0}, line 3: record 'a' differs from the one of the same id in {0}, line 1: "
            "rename or remove one of them",
        ),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_stops_with_one_line(
    fasta: Callable[[str], Path], text: str, message: str
) -> None:
    path = fasta(text)
    with pytest.raises(UserError) as error:
        read_fasta(path, PROTEIN)
    assert str(error.value) == message.format(path)


def test_a_record_that_comes_twice_is_taken_once_and_noted(fasta: Callable[[str], Path]) -> None:
    found = read_fasta(fasta(">a\nMK\n>a again\nmk\n"), PROTEIN)
    assert [record.line for record in found.records] == [1]
    assert found.notes["records that repeat an earlier one word for word, left out"] == 1
    assert found.n_read == 2


def test_the_letters_of_many_records_are_counted_together(fasta: Callable[[str], Path]) -> None:
    found = read_fasta(fasta(">a\nmkx\n>b\nmkxx\n>c\nMK-X\n"), PROTEIN)
    assert found.notes == {
        "sequences with lower-case letters, read as upper case": 2,
        "ambiguous protein letters, kept as unknown": 3,
    }


def test_a_file_in_parts_is_the_whole_file(tmp_path: Path) -> None:
    records = [("a", "MKVL"), ("b", "M1"), ("a", "mkvl"), ("c", "MKX"), ("d", "M" * 9), ("e", "")]
    path = tmp_path / "x.fasta"
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in records))
    whole = read_fasta(path, PROTEIN)
    parts = list(fasta_chunks(path, PROTEIN, letters=5))
    assert [[r.id for r in part.records] for part in parts] == [["a", "c"], ["d"], []]
    assert [r for part in parts for r in part.records] == whole.records
    assert [r for part in parts for r in part.refusals] == whole.refusals
    assert sum((part.notes for part in parts), Counter[str]()) == whole.notes
    assert sum(part.n_read for part in parts) == whole.n_read == len(records)


def test_an_id_that_returns_with_another_sequence_is_found_in_a_later_part(tmp_path: Path) -> None:
    path = tmp_path / "x.fasta"
    path.write_text(">a\nMKVL\n>b\nMKVLL\n>a\nMKVV\n")
    with pytest.raises(UserError, match=r"line 5: record 'a' differs from .* line 1: rename"):
        list(fasta_chunks(path, PROTEIN, letters=1))


def test_a_file_of_refused_records_alone_has_one_part(tmp_path: Path) -> None:
    (tmp_path / "x.fasta").write_text(">a\nM1\n")
    (part,) = fasta_chunks(tmp_path / "x.fasta", PROTEIN, letters=1)
    assert (part.records, len(part.refusals)) == ([], 1)
