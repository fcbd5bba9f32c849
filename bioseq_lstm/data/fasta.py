"""FASTA in: sequences checked letter by letter, every refusal with its line and reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from math import inf
from pathlib import Path

from Bio.SeqIO.FastaIO import SimpleFastaParser

from bioseq_lstm.data.alphabets import DNA, PROTEIN, Alphabet
from bioseq_lstm.data.records import (
    DUPLICATES,
    Parsed,
    Record,
    RecordError,
    Refusal,
    other_content,
)
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError

MAX_LENGTH = 100_000
NO_SEQUENCE = "no sequence follows the header"
LOWER_CASE = "sequences with lower-case letters, read as upper case"
_ENOUGH_TO_JUDGE = 20
_NUCLEOTIDES = frozenset("ACGTUN")


def read_fasta(
    path: str | Path, alphabet: Alphabet, *, max_length: int = MAX_LENGTH
) -> Parsed[Record]:
    """Read sequences of ``alphabet`` (PROTEIN or DNA) from a FASTA file, plain or gzipped.

    The id is the first word of the header. Lower case, RNA, closing stop codons and ambiguity
    letters are taken and noted. Records with other letters, without id or sequence, longer than
    ``max_length`` letters or of the other kind of molecule are refused. Raises UserError for a file
    without header or with headers only, for text before the first header, and for one id with
    different sequences.
    """
    (whole,) = fasta_chunks(path, alphabet, max_length=max_length)
    return whole


def fasta_chunks(
    path: str | Path, alphabet: Alphabet, *, max_length: int = MAX_LENGTH, letters: float = inf
) -> Iterator[Parsed[Record]]:
    """The same in parts, so that a file need not fit into memory; together they are the whole.

    A part ends with the record that brings it to ``letters``; there is always one. Only the ids
    and a digest of each sequence are kept from part to part.
    """
    seen: dict[str, tuple[int, bytes]] = {}
    records: list[Record] = []
    refusals: list[Refusal] = []
    notes: Counter[str] = Counter()
    held, given, only_headers = 0, False, True
    for line, title, text in fasta_entries(path, notes):
        name, description = split_title(title)
        try:
            check_id(name)
            sequence = clean_sequence(text, alphabet, notes, max_length=max_length)
        except RecordError as reason:
            refusals.append(Refusal(str(path), line, name, str(reason)))
            only_headers &= str(reason) == NO_SEQUENCE
            continue
        only_headers = False
        record = Record(name, sequence, str(path), line, description)
        if _repeats(record, seen):
            notes[DUPLICATES] += 1
            continue
        records.append(record)
        held += len(sequence)
        if held >= letters:
            yield Parsed(records, refusals, +notes)
            records, refusals, held, given = [], [], 0, True
            notes.clear()
    if only_headers:
        raise UserError("holds headers but no sequence", file=path)
    if records or refusals or +notes or not given:
        yield Parsed(records, refusals, +notes)


def _repeats(record: Record, seen: dict[str, tuple[int, bytes]]) -> bool:
    """Whether an earlier record had this id; UserError if it had another sequence."""
    digest = blake2b(record.sequence.encode(), digest_size=16).digest()
    line, known = seen.setdefault(record.id, (record.line, digest))
    if known != digest:
        raise other_content(record, record.file, line)
    return line != record.line


def fasta_entries(
    path: str | Path, notes: Counter[str], space: str = ""
) -> Iterator[tuple[int, str, str]]:
    """Yield line of the header, header without ``>``, and the joined lines that follow it.

    Spaces within sequence lines are replaced by ``space``; where that drops them it is noted.
    """
    header_lines: list[int] = []
    lines = _fasta_lines(path, header_lines, notes, space)
    for number, (title, text) in enumerate(SimpleFastaParser(lines)):
        yield header_lines[number], title, text


def _fasta_lines(
    path: str | Path, header_lines: list[int], notes: Counter[str], space: str
) -> Iterator[str]:
    """The lines for the parser, which itself would skip text before the first header."""
    for number, line in enumerate(text_lines(path), start=1):
        if line.startswith(">"):
            header_lines.append(number)
        elif not header_lines:
            if line.strip():
                check_first_line(line, path, number)
            continue
        elif " " in (line := line.rstrip("\n") if space else line.strip()):
            notes["lines with spaces inside the sequence, read without them"] += not space
            line = line.replace(" ", space)
        yield line if line.endswith("\n") else line + "\n"
    if not header_lines:
        raise UserError("the file is empty", file=path)


def check_first_line(line: str, path: str | Path, number: int) -> None:
    """Raise UserError unless the first line that is not blank is a FASTA header."""
    if line.startswith(">"):
        return
    shown = line.strip()[:30]
    mend = {
        "@": "this looks like FASTQ: convert it to FASTA",
        ";": "remove the comments",
    }.get(line[0], "every sequence needs a header line that begins with '>'")
    raise UserError(f"{shown!r} stands before the first header: {mend}", file=path, line=number)


def split_title(title: str) -> tuple[str, str]:
    """Id (first word; empty when the header begins with a space) and the rest of a header."""
    name, _, description = title.replace("\t", " ").partition(" ")
    return name, description.strip()


def check_id(name: str) -> None:
    """Raise RecordError for an id that is empty or cannot be printed."""
    if not name:
        raise RecordError("the header has no id directly after '>'")
    if not name.isprintable():
        raise RecordError("the id holds a character that cannot be printed")


def clean_sequence(
    text: str, alphabet: Alphabet, notes: Counter[str], *, max_length: int = MAX_LENGTH
) -> str:
    """The sequence in upper-case letters of the alphabet; adds to ``notes`` what was changed.

    Raises RecordError with the reason when it cannot be read as ``alphabet`` (PROTEIN or DNA).
    """
    done: Counter[str] = Counter()
    sequence = text.strip()
    if sequence.isascii() and sequence != (upper := sequence.upper()):
        sequence = upper
        done[LOWER_CASE] += 1
    if alphabet is PROTEIN and sequence.endswith("*"):
        sequence = sequence.rstrip("*")
        done["closing stop codons (*) removed"] += 1
    if not sequence:
        raise RecordError(NO_SEQUENCE)
    if len(sequence) > max_length:
        raise RecordError(f"{len(sequence):,} letters are more than max_length {max_length:,}")
    check_letters(sequence, alphabet)
    _check_molecule(sequence, alphabet)
    for other, letter in alphabet.spellings:
        if other in sequence:
            sequence = sequence.replace(other, letter)
            done[f"RNA: sequences with {other}, read as {letter}"] += 1
    ambiguous = sum(sequence.count(letter) for letter in alphabet.ambiguous)
    if ambiguous == len(sequence):
        raise RecordError(f"every letter is ambiguous ({alphabet.unknown!r} and the like)")
    done[f"ambiguous {alphabet.name} letters, kept as unknown"] += ambiguous
    notes.update(done)
    return sequence


def check_letters(sequence: str, alphabet: Alphabet) -> None:
    """Raise RecordError naming the first character that is no legal letter, and its place."""
    wrong = re.search(f"[^{re.escape(alphabet.legal)}]", sequence)
    if wrong is None:
        return
    letter, place = wrong.group(), f"at position {wrong.start() + 1:,}"
    if alphabet is DNA and (protein := re.search("[EFILPQ]", sequence)):
        raise RecordError(
            f"looks like a protein: {protein.group()!r} at position {protein.start() + 1:,} "
            "is no nucleotide"
        )
    if letter in "-.":
        raise RecordError(f"alignment gap {letter!r} {place}: give unaligned sequences")
    if letter == "*":
        raise RecordError(f"stop codon '*' {place}, inside the sequence")
    kind = "digit" if letter.isdigit() else "character"
    raise RecordError(f"{kind} {letter!r} {place} is no {alphabet.name} letter")


def _check_molecule(sequence: str, alphabet: Alphabet) -> None:
    """Raise RecordError when letters that would pass belong to the other kind of molecule."""
    if len(sequence) < _ENOUGH_TO_JUDGE:
        return
    share = sum(sequence.count(letter) for letter in _NUCLEOTIDES) / len(sequence)
    if alphabet is PROTEIN and share == 1:
        raise RecordError(
            f"looks like DNA or RNA: {len(sequence):,} letters, all of them in ACGTUN"
        )
    if alphabet is DNA and share < 0.5:
        raise RecordError(f"looks like a protein: only {share:.0%} of the letters are in ACGTUN")
