"""Tables in: expression of genes, their annotation, and affinities of drugs and targets.

Ids are text as they stand in the file (a gene may be called ``NA`` or ``007``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm.data.delimited import (
    Delimited,
    first_of_each,
    is_missing,
    number,
    numbers,
    read_delimited,
)
from bioseq_lstm.data.matching import MatchedIds, match_ids
from bioseq_lstm.data.records import Refusal, set_name
from bioseq_lstm.data.units import no_concentration, wrong_affinity, wrong_expression
from bioseq_lstm.errors import UserError

__all__ = [
    "MatchedIds",
    "TableReading",
    "match_ids",
    "read_affinities",
    "read_annotations",
    "read_expression_table",
]

GENE_ALIASES = ("id", "gene_id", "gene", "locus_tag")
CHROMOSOME_ALIASES = ("chromosome", "chrom", "chr", "seqid", "contig", "replicon")
END_ALIASES = ("end", "stop")
DRUG_ALIASES = ("drug", "drug_id", "ligand", "ligand_id", "compound", "compound_id", "molecule")
TARGET_ALIASES = ("target", "target_id", "prot_id", "protein", "protein_id", "kinase")
VALUE_ALIASES = (
    *("value", "affinity", "affinity_score", "score", "label", "y"),
    *("kiba_score", "pkd", "pki", "pic50", "p_affinity"),
)
SET_ALIASES = ("set", "split")
_STRANDS = {"+": "+", "1": "+", "+1": "+", "-": "-", "-1": "-", ".": ".", "": "."}
REPEATED_ROWS = "rows that repeat an earlier one, left out"


@dataclass(frozen=True)
class TableReading:
    """A table; ``lines`` holds the line of every row of the frame, counted from 1."""

    frame: pd.DataFrame
    lines: list[int]
    refusals: list[Refusal] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)


def read_expression_table(path: str | Path, unit: str = "") -> TableReading:
    """Read genes x conditions: column ``id`` (text) and one float column per condition.

    Missing values (empty, NA, NaN) stay NaN and are counted; genes without any value are refused.
    Raises UserError, naming line and column, for anything else that is not a finite number, for a
    value that ``unit`` cannot have, for a condition without values, and for one id with different
    values.
    """
    table = read_delimited(path)
    conditions = table.header[1:]
    if "id" in conditions:
        raise UserError("a condition is called 'id': rename it", file=path, line=table.header_line)
    if table.header[0].casefold() not in GENE_ALIASES and all(map(_is_number, conditions)):
        raise UserError(
            f"the header holds numbers ({conditions[0]}, …): put one above them, or, if these are "
            "names of conditions, call the first column 'id'",
            file=path,
            line=table.header_line,
        )
    ids: list[str] = []
    lines: list[int] = []
    values: list[np.ndarray] = []
    for line, (name, *cells) in table.rows:
        try:
            row = numbers(cells)
        except ValueError as error:
            index, reason = error.args
            raise UserError(
                f"column {conditions[index]!r}: {reason}", file=path, line=line
            ) from None
        ids.append(_checked_id(name, path, line))
        lines.append(line)
        values.append(np.array(row))
    if not ids:
        raise UserError("holds a header but no rows", file=path)
    if wrong := wrong_expression(np.stack(values), unit):
        raise UserError(wrong.reason, file=path, line=lines[wrong.row])
    rows = first_of_each(ids, [row.tobytes() for row in values], lines, table.file)
    notes = Counter({REPEATED_ROWS: len(ids) - len(rows)})
    matrix = np.stack(values)[rows]
    missing = np.isnan(matrix)
    if missing.all(axis=0).any():
        empty = conditions[int(missing.all(axis=0).argmax())]
        raise UserError(f"column {empty!r} has no value at all: remove it", file=path)
    full = np.flatnonzero(~missing.all(axis=1))
    refusals = [
        Refusal(str(path), lines[rows[row]], ids[rows[row]], "the gene has no value at all")
        for row in np.flatnonzero(missing.all(axis=1))
    ]
    notes["missing values"] += int(missing[full].sum())
    frame = pd.DataFrame(matrix[full], columns=conditions)
    kept = [rows[row] for row in full]
    frame.insert(0, "id", pd.Series([ids[row] for row in kept], dtype="str"))
    return TableReading(frame, [lines[row] for row in kept], refusals, +notes)


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def read_annotations(path: str | Path) -> TableReading:
    """Read a gene table: ``id`` and, where the file has them, start, end, strand, chromosome.

    start and end become integers (missing allowed), strand one of ``+ - .``; further columns stay
    text under their own names. Raises UserError for a wrong position or strand, and for one id with
    different rows.
    """
    table = read_delimited(path)
    places = {"id": table.column("gene's id", GENE_ALIASES)}
    for name, aliases in (
        ("start", ("start",)),
        ("end", END_ALIASES),
        ("strand", ("strand",)),
        ("chromosome", CHROMOSOME_ALIASES),
    ):
        if (place := table.column(name, aliases, required=False)) >= 0:
            places[name] = place
    taken = set(places.values())
    columns = places | {
        name: i for i, name in enumerate(table.header) if i not in taken and name not in places
    }
    rows: list[tuple[str | int | None, ...]] = []
    lines: list[int] = []
    for line, cells in table.rows:
        rows.append(tuple(_annotation(name, cells[i], path, line) for name, i in columns.items()))
        _check_positions(dict(zip(columns, rows[-1], strict=True)), path, line)
        lines.append(line)
    if not rows:
        raise UserError("holds a header but no rows", file=path)
    keep = first_of_each([str(row[0]) for row in rows], rows, lines, table.file)
    frame = pd.DataFrame([rows[row] for row in keep], columns=list(columns))
    types = {name: "Int64" if name in ("start", "end") else "str" for name in columns}
    notes = Counter({REPEATED_ROWS: len(rows) - len(keep)})
    return TableReading(frame.astype(types), [lines[row] for row in keep], [], +notes)


def _annotation(name: str, cell: str, path: str | Path, line: int) -> str | int | None:
    """One cell of a gene table in the type of its column."""
    if name == "id":
        return _checked_id(cell, path, line)
    if name in ("start", "end"):
        if is_missing(cell):
            return None
        if not (cell.isascii() and cell.isdigit()):
            raise UserError(
                f"column {name!r}: {cell[:30]!r} is not a whole number of bases",
                file=path,
                line=line,
            )
        return int(cell)
    if name == "strand":
        if cell not in _STRANDS:
            raise UserError(f"strand {cell[:30]!r} is none of + - .", file=path, line=line)
        return _STRANDS[cell]
    return cell


def _check_positions(row: Mapping[str, str | int | None], path: str | Path, line: int) -> None:
    start, end = row.get("start"), row.get("end")
    if isinstance(start, int) and isinstance(end, int) and end < start:
        raise UserError(
            f"end {end} lies before start {start}: positions count along the chromosome, "
            "the strand has its own column",
            file=path,
            line=line,
        )


def read_affinities(
    path: str | Path, columns: Mapping[str, str] | None = None, unit: str = ""
) -> TableReading:
    """Read a long table: drug, target, value, and set where the file assigns parts.

    ``columns`` names the file's columns for drug, target, value and set; without it common names
    are recognised. Further columns stay text under their own names. Rows without id or finite
    number, and a concentration (``unit``) of 0 or less, are refused. Rows of one pair are one
    measurement: their mean, and for further columns what stands there, parted by `` | `` where the
    rows differ. Raises UserError for values that ``unit`` cannot have.
    """
    table = read_delimited(path)
    chosen = columns or {}
    drug = table.column("drug", DRUG_ALIASES, chosen.get("drug"))
    target = table.column("target", TARGET_ALIASES, chosen.get("target"))
    value = table.column("value", VALUE_ALIASES, chosen.get("value"))
    part = table.column("set", SET_ALIASES, chosen.get("set"), required=False)
    ours = (drug, target, value, part)
    more = {name: i for i, name in enumerate(table.header) if i not in ours}
    for name in ("drug", "target", "value", "set", "line"):
        more.pop(name, None)
    rows: list[tuple[str | float | int | None, ...]] = []
    lines: list[int] = []
    values: list[float] = []
    refusals: list[Refusal] = []
    for line, cells in table.rows:
        pair = f"{cells[drug]} {cells[target]}"
        measured, reason = _measurement(cells[drug], cells[target], cells[value], unit)
        if reason:
            refusals.append(Refusal(str(path), line, pair, reason))
        else:
            word = set_name(cells[part]) if part >= 0 else None
            own = (cells[drug], cells[target], measured, word, line)
            rows.append((*own, *(cells[i] for i in more.values())))
            lines.append(line)
            values.append(measured)
    if not rows and not refusals:
        raise UserError("holds a header but no rows", file=path)
    if wrong := wrong_affinity(np.array(values), unit):
        raise UserError(wrong.reason, file=path, line=lines[wrong.row])
    frame, notes = _one_row_a_pair(rows, list(more), table)
    firsts = frame.pop("line").tolist()
    return TableReading(frame if part >= 0 else frame.drop(columns="set"), firsts, refusals, notes)


def _measurement(drug: str, target: str, value: str, unit: str) -> tuple[float, str]:
    """The value and, where the row cannot be used, why."""
    for name, role in ((drug, "drug"), (target, "target")):
        if not name or not name.isprintable():
            return (
                np.nan,
                f"the {role} has no id" if not name else f"the {role}'s id is unprintable",
            )
    try:
        measured = number(value)
    except ValueError as error:
        return np.nan, f"value {error}"
    if np.isnan(measured):
        return measured, "the value is missing"
    return measured, no_concentration(measured, unit)


def _one_row_a_pair(
    rows: list[tuple[str | float | int | None, ...]], more: list[str], table: Delimited
) -> tuple[pd.DataFrame, Counter[str]]:
    """Join rows of the same drug and target, in the order in which the pairs first appear."""
    frame = pd.DataFrame(rows, columns=["drug", "target", "value", "set", "line", *more])
    texts = dict.fromkeys(["drug", "target", "set", *more], "str")
    frame = frame.astype({**texts, "value": float})
    pairs = frame.groupby(["drug", "target"], sort=False)
    joined = pairs.agg(
        low=("value", "min"), high=("value", "max"), mean=("value", "mean"),
        n=("value", "size"), sets=("set", "nunique"), set=("set", "first"), line=("line", "first"),
    ).reset_index()  # fmt: skip
    if (wrong := joined[joined["sets"] > 1]).size:
        first = wrong.iloc[0]
        raise UserError(
            f"drug {first['drug']!r} with target {first['target']!r} stands in several sets: "
            "give each pair one",
            file=table.file,
            line=int(first["line"]),
        )
    same = joined["low"] == joined["high"]
    # A mean of equal numbers may differ from them in the last digit.
    joined["value"] = joined["low"].where(same, joined["mean"])
    repeated = joined["n"] > 1
    if repeated.any():
        further = pairs[more].agg(lambda cells: " | ".join(dict.fromkeys(cells)))
    else:  # the same, at once
        further = frame.set_index(["drug", "target"])[more]
    joined = joined.join(further, on=["drug", "target"]) if more else joined
    notes = Counter(
        {
            "pairs measured several times with one result": int((repeated & same).sum()),
            "pairs measured several times, their mean taken": int((repeated & ~same).sum()),
        }
    )
    return joined[["drug", "target", "value", "set", "line", *more]], +notes


def _checked_id(name: str, path: str | Path, line: int) -> str:
    if not name or not name.isprintable():
        wrong = "holds a character that cannot be printed" if name else "is empty"
        raise UserError(f"the id {wrong}", file=path, line=line)
    return name
