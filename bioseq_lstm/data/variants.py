"""Variants in: a table of id, position, ref, alt, or a VCF; every ref is checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bioseq_lstm.data.alphabets import Alphabet
from bioseq_lstm.data.delimited import read_delimited
from bioseq_lstm.data.records import printable
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError, nearest

ID_ALIASES = ("id", "record", "gene", "chain", "target", "protein", "chrom")
POSITION_ALIASES = ("position", "pos")
VCF_COLUMNS = ("#CHROM", "POS", "ID", "REF", "ALT")


@dataclass(frozen=True)
class Variant:
    """Letters ``ref`` that stand from ``position`` on (counted from 1) replaced by ``alt``."""

    id: str
    position: int
    ref: str
    alt: str
    line: int

    def applied(self, sequence: str) -> str:
        start = self.position - 1
        return sequence[:start] + self.alt + sequence[start + len(self.ref) :]


def read_variants(
    path: str | Path, alphabet: Alphabet, sequences: Mapping[str, str]
) -> list[Variant]:
    """Variants of ``sequences`` by id; one for each alternative that a row names.

    A file whose first line begins with ``##fileformat=VCF`` or ``#CHROM`` is a VCF, where CHROM is
    the id of a sequence. Raises UserError, with the line, for a row whose sequence does not exist,
    whose ``ref`` is not what stands there, and whose ``alt`` holds other than letters.
    """
    path = Path(path)
    first = next((line for line in text_lines(path) if line.strip()), "")
    vcf = first.startswith(("##fileformat=VCF", "#CHROM"))
    found = []
    for line, name, position, ref, alts in _vcf_rows(path) if vcf else _table_rows(path):
        start = _position(position, path, line)
        if name not in sequences:
            raise UserError(
                f"there is no sequence {printable(name)!r}{nearest(name, sequences)}: name the "
                "FASTA that has it",
                file=path,
                line=line,
            )
        checked = _letters(ref, alphabet, "ref", path, line)
        _check_ref(name, sequences[name], start, checked, path, line)
        for alt in alts.split(","):
            variant = Variant(
                name, start, checked, _letters(alt, alphabet, "alt", path, line), line
            )
            if not variant.applied(sequences[name]):
                raise UserError(f"nothing is left of {printable(name)!r}", file=path, line=line)
            found.append(variant)
    if not found:
        raise UserError("holds no variant", file=path)
    return found


def _table_rows(path: Path) -> Iterator[tuple[int, str, str, str, str]]:
    table = read_delimited(path)
    columns = (
        table.column("id", ID_ALIASES),
        table.column("position", POSITION_ALIASES),
        table.column("ref", ("ref", "reference", "wild")),
        table.column("alt", ("alt", "alternative", "mutant")),
    )
    for line, cells in table.rows:
        name, position, ref, alt = (cells[column] for column in columns)
        yield line, name, position, ref, alt


def _vcf_rows(path: Path) -> Iterator[tuple[int, str, str, str, str]]:
    headed = False
    for number, line in enumerate(text_lines(path), start=1):
        cells = line.rstrip("\r\n").split("\t")
        if line.startswith("##") or not line.strip():
            continue
        if line.startswith("#"):
            if tuple(cells[: len(VCF_COLUMNS)]) != VCF_COLUMNS:
                raise UserError(
                    f"the header of a VCF begins with {' '.join(VCF_COLUMNS)}, parted by tabs",
                    file=path,
                    line=number,
                )
            headed = True
            continue
        if not headed or len(cells) < len(VCF_COLUMNS):
            wrong = "has too few columns" if headed else "stands before the line #CHROM"
            raise UserError(f"this row of a VCF {wrong}", file=path, line=number)
        name, position, _, ref, alts = cells[: len(VCF_COLUMNS)]
        yield number, name, position, ref, alts


def _position(text: str, path: Path, line: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12 or int(text) < 1:
        raise UserError(
            f"position {text[:30]!r} is no whole number: the first letter has position 1",
            file=path,
            line=line,
        )
    return int(text)


def _letters(text: str, alphabet: Alphabet, column: str, path: Path, line: int) -> str:
    """Upper case and in the alphabet's own spelling; ``alt`` may be ``-``, a deletion."""
    if column == "alt" and text in ("-", ""):
        return ""
    letters = text.upper()
    for other, own in alphabet.spellings:
        letters = letters.replace(other, own)
    if not letters or not set(letters) <= set(alphabet.legal):
        raise UserError(
            f"{column} {text[:30]!r} is not made of letters of {alphabet.name}: write the letters "
            "themselves (a deletion: '-' in alt), or take the row out",
            file=path,
            line=line,
        )
    return letters


def _check_ref(name: str, sequence: str, position: int, ref: str, path: Path, line: int) -> None:
    """Raise UserError unless ``ref`` stands there; a shift by one that would do is told."""
    start = position - 1
    there = sequence[start : start + len(ref)]
    if there == ref:
        return
    if start + len(ref) > len(sequence):
        problem = f"{printable(name)!r} ends at position {len(sequence)}"
    else:
        problem = f"ref is {ref[:30]}, but {printable(name)!r} has {there[:30]} at {position}"
    shifts = {1: "positions seem to count from 0: add 1", -1: "positions seem to be 1 too high"}
    hints = [
        text
        for shift, text in shifts.items()
        if start + shift >= 0 and sequence[start + shift : start + shift + len(ref)] == ref
    ]
    mend = hints[0] if hints else "name the FASTA that the variants were called on, or mend the row"
    raise UserError(f"{problem}; {mend}", file=path, line=line)
