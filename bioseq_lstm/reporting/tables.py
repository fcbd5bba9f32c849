"""Tables as the page needs them: raw values for sorting and download, and the text that is shown.

The page's script writes later pages of a long table with the same rules (templates/tables.js), so
a change here is a change there; a browser test holds the two together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
from pandas.api import types

from bioseq_lstm.reporting.panels import Table

WHOLE_ROWS = 50  # a table up to this long is shown whole
PAGE_ROWS = 25  # rows on a page of a longer one
MOST_ROWS = 10_000  # rows that are carried in the page at all
LONG_TEXT = 20  # characters
NARROW = 3  # columns
DIGITS = 7  # significant digits carried: single precision

_FORM = re.compile(r"(?P<group>,?)(?:\.(?P<digits>\d+))?(?P<kind>[dfeg%])")

Cell = str | int | float | None


@dataclass(frozen=True)
class Column:
    name: str
    numeric: bool
    form: str
    long: bool = False  # holds sentences, and wants room on a narrow screen

    @property
    def kind(self) -> str:
        """The class of its cells."""
        return "number" if self.numeric else "long" if self.long else "short"


@dataclass(frozen=True)
class TableView:
    """``rows`` are raw; ``shown`` is the text of the first rows, which stand in the HTML."""

    columns: list[Column]
    rows: list[list[Cell]]
    shown: list[list[str]]
    total: int

    @property
    def paged(self) -> bool:
        return len(self.rows) > len(self.shown)

    @property
    def narrow(self) -> bool:
        """Whether something else has room beside it."""
        return len(self.columns) <= NARROW and not any(column.long for column in self.columns)

    def payload(self) -> dict[str, Any]:
        """What the page's script reads."""
        return {
            "columns": [
                [column.name, column.numeric, column.form, column.kind] for column in self.columns
            ],
            "rows": self.rows,
            "page": PAGE_ROWS if self.paged else 0,
        }


def view(table: Table) -> TableView:
    """Prepare a table; ValueError for a format that neither side knows or a column that is not."""
    unknown = [name for name in table.formats if name not in table.frame.columns]
    if unknown:
        raise ValueError(f"table {table.title!r}: formats for columns that it lacks: {unknown}")
    frame = table.frame.head(MOST_ROWS)
    columns = [
        _column(str(name), frame.iloc[:, place], table.formats)
        for place, name in enumerate(frame.columns)
    ]
    series = [
        [_raw(value, column.numeric) for value in frame.iloc[:, place]]
        for place, column in enumerate(columns)
    ]
    rows = [list(row) for row in zip(*series, strict=True)]
    first = rows if len(rows) <= WHOLE_ROWS else rows[:PAGE_ROWS]
    shown = [
        [shown_text(cell, column.form) for cell, column in zip(row, columns, strict=True)]
        for row in first
    ]
    return TableView(columns, rows, shown, max(table.total, len(table.frame)))


def _column(name: str, series: pd.Series, formats: Mapping[str, str]) -> Column:
    numeric = types.is_numeric_dtype(series.dtype) and not types.is_bool_dtype(series.dtype)
    if not numeric:
        return Column(name, False, "", bool((series.astype(str).str.len() > LONG_TEXT).any()))
    default = ",d" if types.is_integer_dtype(series.dtype) else _aligned(series)
    form = formats.get(name, default)
    if not _FORM.fullmatch(form):
        raise ValueError(f"column {name!r}: the format {form!r} is not one of ,d .3f .2e .4g .1%")
    return Column(name, True, form)


def _aligned(series: pd.Series) -> str:
    """Whole numbers, or four digits of the largest and as many places of the others, or ``.4g``.

    Points stand below each other then, unless that would show something as nothing.
    """
    sizes = series.dropna().abs().astype(float)
    sizes = sizes[(sizes > 0) & (sizes < math.inf)]
    if sizes.empty:
        return ".4g"
    if (sizes == sizes.round()).all():
        return ",d"
    largest = math.floor(math.log10(sizes.max()))
    places = min(3, max(0, 3 - largest))
    return f".{places}f" if largest < 6 and sizes.min() >= 10.0**-places else ".4g"


def _raw(value: Any, numeric: bool) -> Cell:
    if isinstance(value, list | tuple):
        return ", ".join(str(part) for part in value)
    if value is None or pd.isna(value):
        return None
    if numeric:
        return significant(value)
    if types.is_bool(value):
        return "yes" if value else "no"
    return str(value)


def significant(value: Any) -> Cell:
    """A number as JSON carries it: whole numbers as they are, others to seven digits."""
    if types.is_integer(value):
        return int(value)
    number = float(value)
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return float(f"{number:.{DIGITS}g}")


def shown_text(cell: Cell, form: str) -> str:
    """The text of a cell; a missing value is a dash, halves are rounded away from zero."""
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    match = _FORM.fullmatch(form)
    if match is None:
        raise ValueError(f"unknown format {form!r}")
    digits = None if match["digits"] is None else int(match["digits"])
    if match["kind"] == "e":
        return _exponential(cell, 6 if digits is None else digits)
    if match["kind"] == "g":
        return _general(cell, 6 if digits is None else max(digits, 1))
    if match["kind"] == "d":
        digits = 0
    scaled = cell * 100 if match["kind"] == "%" else cell
    places = Decimal(1).scaleb(-(6 if digits is None else digits))
    number = Decimal(scaled).quantize(places, rounding=ROUND_HALF_UP)
    text = format(number if number else abs(number), f"{match['group']}f")
    return text + "%" if match["kind"] == "%" else text


def _general(cell: float, digits: int) -> str:
    if cell == 0 or 1e-4 <= abs(cell) < 1e15:
        text = format(Decimal(f"{cell:.{digits}g}"), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return _exponential(cell, digits - 1)


def _exponential(cell: float, digits: int) -> str:
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", f"{cell:.{digits}e}")
