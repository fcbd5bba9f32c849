"""Delimited text cell by cell: every row's width checked, every cell's line known."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bioseq_lstm.data.records import printable
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError, nearest

MISSING = frozenset({"", "na", "n/a", "nan", "null"})
DELIMITERS = "\t,;"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Delimited:
    """A table's columns, and its rows with the line on which each begins; read row by row."""

    file: Path
    header_line: int
    header: list[str]
    rows: Iterator[tuple[int, list[str]]]

    def column(
        self, role: str, aliases: Sequence[str], chosen: str | None = None, required: bool = True
    ) -> int:
        """Index of the column called ``chosen`` or one of ``aliases``, whatever the letter case.

        -1 when there is none and it is not ``required``. Raises UserError when it is missing, and
        when several columns would do.
        """
        wanted = {chosen.casefold()} if chosen else set(aliases)
        found = [i for i, name in enumerate(self.header) if name.casefold() in wanted]
        if len(found) == 1 or not (found or required or chosen):
            return found[0] if found else -1
        columns = ", ".join(printable(name) for name in self.header)
        if found:
            names = " and ".join(repr(self.header[i]) for i in found)
            raise UserError(
                f"both {names} could be the {role}: name one", file=self.file, line=self.header_line
            )
        name = repr(chosen) if chosen else f"for the {role} ({', '.join(aliases)})"
        hint = nearest(chosen or role, self.header)
        raise UserError(
            f"no column {name}{hint}; it has: {columns}", file=self.file, line=self.header_line
        )


def read_delimited(path: str | Path) -> Delimited:
    """Open a table with a header: tabs if the header has one, else commas, else semicolons.

    Cells are stripped of surrounding spaces. Raises UserError for fewer than two columns, columns
    without a name or with equal names, rows of another width than the header (when the row is
    read), and quotes that do not close.
    """
    path = Path(path)
    lines = text_lines(path)
    first, before = next(((line, n) for n, line in enumerate(lines) if not line.isspace()), ("", 0))
    delimiter = next((mark for mark in DELIMITERS if mark in first), "\t")
    rows = _rows(csv.reader(chain([first], lines), delimiter=delimiter, strict=True), path, before)
    line, header = next(rows, (0, []))
    if not header:
        raise UserError("the file is empty", file=path)
    header[0] = header[0].lstrip("#").strip()
    _check_header(header, path, line)
    return Delimited(path, line, header, _of_width(rows, len(header), path, delimiter))


def _rows(reader: Iterator[list[str]], path: Path, before: int) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, with the line on which they begin."""
    while True:
        line = before + reader.line_num + 1  # type: ignore[attr-defined]
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(
                f"the row cannot be read ({error}): check its quotes", file=path, line=line
            ) from None
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield line, cells


def _of_width(
    rows: Iterator[tuple[int, list[str]]], width: int, path: Path, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    for number, (line, cells) in enumerate(rows):
        if len(cells) != width:
            if number == 0 and len(cells) == width + 1:
                mend = "name the first column (R: write.table(..., col.names = NA))"
            else:
                mend = _mend(cells, width, delimiter)
            raise UserError(
                f"{len(cells)} cells under a header of {width}: {mend}", file=path, line=line
            )
        yield line, cells


def _mend(cells: list[str], width: int, delimiter: str) -> str:
    """What to do about a row of another width than the header."""
    if delimiter == "," and len(cells) == 2 * width - 1:
        return "write decimal points, or part the columns by semicolons"
    for other in DELIMITERS:
        if other != delimiter and delimiter.join(cells).count(other) == width - 1:
            names = {"\t": "tabs", ",": "commas", ";": "semicolons"}
            return f"part its columns by {names[delimiter]} as the header's, not {names[other]}"
    return "mend the row"


def _check_header(header: list[str], path: Path, line: int) -> None:
    if len(header) < 2:
        shown = header[0][:40]
        raise UserError(
            f"one column only ({shown!r}): columns are parted by tabs, commas or semicolons",
            file=path,
            line=line,
        )
    if "" in header[1:]:
        place = header.index("", 1) + 1
        raise UserError(f"column {place} of the header has no name", file=path, line=line)
    name, count = Counter(header).most_common(1)[0]
    if count > 1:
        raise UserError(
            f"{count} columns are called {name!r}: give each its own name", file=path, line=line
        )


def is_missing(cell: str) -> bool:
    """Whether the cell stands for a missing value."""
    return cell.casefold() in MISSING


def number(cell: str) -> float:
    """The cell as a finite number; NaN when missing. Raises ValueError with the user's reason."""
    if is_missing(cell):
        return math.nan
    shown = repr(cell[:30])
    if not _NUMBER.fullmatch(cell):
        if re.fullmatch(r"[+-]?[\d.]*,\d+", cell):
            raise ValueError(f"{shown} has a decimal comma: write a point")
        if re.fullmatch(r"[<>~≤≥]=?\s*[\d.,]+", cell):
            raise ValueError(f"{shown} is a bound, not a measured value")
        if re.fullmatch(r"[+-]?inf(inity)?", cell.casefold()):
            raise ValueError(f"{shown} is infinite")
        raise ValueError(f"{shown} is not a number")
    value = float(cell)
    if math.isinf(value):
        raise ValueError(f"{shown} is infinite")
    return value


def numbers(cells: Sequence[str]) -> list[float]:
    """Many cells at once; raises ValueError as ``number`` does, with the cell's index first."""
    try:
        values = [float(cell) for cell in cells]
        # float() also takes inf, 1_000 and digits of other scripts: leave those to number().
        joined = "".join(cells)
        if joined.isascii() and "_" not in joined and all(map(math.isfinite, values)):
            return values
    except ValueError:
        pass
    checked = []
    for index, cell in enumerate(cells):
        try:
            checked.append(number(cell))
        except ValueError as reason:
            raise ValueError(index, str(reason)) from None
    return checked


def first_of_each(
    ids: Sequence[str], contents: Sequence[object], lines: Sequence[int], path: Path
) -> list[int]:
    """Rows to keep where ids repeat with equal content; UserError where contents differ."""
    seen: dict[str, int] = {}
    for row, name in enumerate(ids):
        known = seen.setdefault(name, row)
        if known != row and contents[known] != contents[row]:
            raise UserError(
                f"{name!r} stands here with other values than on line {lines[known]}: "
                "rename or remove one of them",
                file=path,
                line=lines[row],
            )
    return list(seen.values())
