"""What reading gives: records, measurements, refusals with file, line and reason, and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import pandas as pd

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import write_tsv

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet runs, or pads a formula with
EXTERNAL_TEST = "external_test"  # column of the records: whether one comes from files.test
DUPLICATES = "records that repeat an earlier one word for word, left out"


@dataclass(frozen=True)
class Refusal:
    """A record that is not used, and why. ``line`` counts from 1; 0 stands for the whole file."""

    file: str
    line: int
    record: str
    reason: str


class RecordError(Exception):
    """Raised where a record turns out to be unusable; the text is the reason for the user."""


@dataclass(frozen=True)
class Record:
    """One named sequence of a file; ``line`` is where it begins, counted from 1."""

    id: str
    sequence: str
    file: str
    line: int
    description: str = ""

    @property
    def content(self) -> tuple[str, ...]:
        """What makes two records of one id the same."""
        return (self.sequence,)


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Parsed(Generic[R]):
    """What one file gave: good records, refused ones, and what was done to records, counted."""

    records: list[R]
    refusals: list[Refusal] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def n_read(self) -> int:
        """Number of records in the file, refused and repeated ones included."""
        return len(self.records) + len(self.refusals) + self.notes[DUPLICATES]


@dataclass
class Reading:
    """All that a task read of one dataset.

    ``records``: one row per sequence: entity ("chain"; "gene"; "drug", "target"), id, sequence,
    file, line, and the annotation columns of the task. ``measurements``: one row per sample to
    learn from. ``notes``: things that were done and not refused, counted. ``annotations``: columns
    of ``measurements`` that say something of a sample and are not learned.
    """

    records: pd.DataFrame
    measurements: pd.DataFrame
    refusals: list[Refusal] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    annotations: tuple[str, ...] = ()


def resolve_duplicates(records: Sequence[R]) -> tuple[list[R], int]:
    """Keep the first of records that agree in id and content; also return how many were left out.

    Raises UserError when one id comes with different contents: only the user knows which holds.
    """
    first: dict[str, R] = {}
    for record in records:
        known = first.setdefault(record.id, record)
        if known.content != record.content:
            raise other_content(record, known.file, known.line)
    return list(first.values()), len(records) - len(first)


def other_content(record: Record, file: str, line: int) -> UserError:
    """What is said of a record whose id stands with another content in ``file``, ``line``."""
    return UserError(
        f"record {record.id!r} differs from the one of the same id in {file}, line {line}: "
        "rename or remove one of them",
        file=record.file,
        line=record.line,
    )


def check_refused_share(
    refusals: Sequence[Refusal],
    n_read: int,
    limit: float,
    rejected: str | Path = "rejected.tsv",
) -> None:
    """Raise UserError when more than the share ``limit`` (0 to 1) of ``n_read`` was refused.

    Also raises when nothing is left, whatever the limit. The line tells the commonest reasons.
    """
    refused = len(refusals)
    if not refused or (refused < n_read and refused <= limit * n_read):
        return
    kinds = Counter(reason_kind(refusal.reason) for refusal in refusals)
    first = {reason_kind(refusal.reason): refusal for refusal in reversed(refusals)}
    examples = "; ".join(
        f"{count} x {first[kind].reason!r} ({first[kind].file}, line {first[kind].line})"
        for kind, count in kinds.most_common(3)
    )
    raise UserError(
        f"{refused} of {n_read} records were refused ({refused / max(n_read, 1):.1%}, allowed are "
        f"{limit:.1%}): {examples}; mend the records listed in {rejected} or raise max_refused"
    )


def check_any_left(left: int, refusals: Sequence[Refusal], file: str | Path) -> None:
    """Raise UserError when every record of a file was refused, with the first reason.

    To be called before ids are compared: with nothing left, none would match, and the fault
    would seem to be the ids'.
    """
    if left == 0 and refusals:
        raise UserError(
            f"all {len(refusals)} records were refused, the first: {refusals[0].reason}",
            file=file,
            line=refusals[0].line,
        )


def reason_kind(reason: str) -> str:
    """A reason without the letters, positions and names in it, to count reasons of one kind."""
    words = [word for word in reason.split() if not any(c.isdigit() or c in "'\"" for c in word)]
    return " ".join(words)


def write_rejected(path: str | Path, refusals: Sequence[Refusal]) -> None:
    """Write ``refusal_table`` as TSV, one line each."""
    write_tsv(path, refusal_table(refusals))


def refusal_table(refusals: Sequence[Refusal]) -> pd.DataFrame:
    """File, line, record and reason of every refusal.

    Characters that cannot be printed (tabs, line ends, terminal controls) are written escaped, and
    a text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    rows = [(_cell(r.file), r.line, _cell(r.record), _cell(r.reason)) for r in refusals]
    return pd.DataFrame(rows, columns=["file", "line", "record", "reason"])


def _cell(text: str) -> str:
    """Text that is safe in a terminal, in one line of a table and in a spreadsheet."""
    return ("'" if text.startswith(FORMULA) else "") + printable(text)


def without_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a leading apostrophe before each text that a spreadsheet would run.

    Names of columns too: a condition may be called ``=1+1``. Numbers stay as they are.
    """
    named = table.rename(columns=lambda name: f"'{name}" if name.startswith(FORMULA) else name)
    for place, kind in enumerate(named.dtypes):
        if pd.api.types.is_numeric_dtype(kind):
            continue
        column = named.iloc[:, place].astype("str")
        run = column.str.startswith(FORMULA, na=False)
        if run.any():
            named.isetitem(place, column.where(~run, "'" + column))
    return named


def set_name(word: str) -> str | None:
    """The part of a split that a file's word names: lower case, ``val`` is validation; or None."""
    word = word.strip().casefold()
    return ("validation" if word in ("val", "valid", "dev") else word) or None


def printable(text: str) -> str:
    """The text with every character that cannot be printed as an escape such as ``\\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
