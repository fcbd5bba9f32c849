"""Does the training part give the test part away? The nearest training record of each test record.

The table holds what lies nearest in the *training* part, since that is what a model can copy from.
Exact copies are also looked for in the validation part, which chose the model. Where the split does
not promise that an entity is new in the test part (targets, when drugs are cold), the table is made
all the same, with a record that also trains as its own nearest, and the entity is not judged. Where
neither side of the pairs is promised new (``random``, ``given``), the pair is: a test pair whose
drug and target equal those of one training or validation pair is an exact copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bioseq_lstm.data.similarity import Entries, nearest
from bioseq_lstm.errors import UserError

COLUMNS = ("entity", "fold", "id", "nearest", "identity", "coverage")
EXAMPLES = 3


@dataclass(frozen=True)
class LeakageSettings:
    """When to stop.

    A near-duplicate has at least ``near_duplicate`` identity (molecules: Tanimoto coefficient)
    over at least ``near_coverage`` of the test record; more than the share ``max_near_duplicates``
    of a fold's test records stops, unless ``gate`` is open.
    """

    near_duplicate: float = 0.9
    max_near_duplicates: float = 0.05
    gate: Literal["closed", "open"] = "closed"
    near_coverage: float = 0.8


@dataclass(frozen=True)
class Side:
    """The records of one entity ("chain"; "drug") and the column of the splits with their ids.

    ``promised_new``: whether the split promises test records that no training record equals.
    """

    entity: str
    column: str
    entries: Entries
    promised_new: bool = True


@dataclass(frozen=True)
class Leakage:
    """``table``: COLUMNS, one row per entity, fold and test record; ``shares``: entity, fold,
    judged (records), near_duplicates, share; ``warnings``: what an open gate let pass."""

    table: pd.DataFrame
    shares: pd.DataFrame
    warnings: list[str]


def check_leakage(
    settings: LeakageSettings, splits: pd.DataFrame, sides: Sequence[Side], threads: int = 1
) -> Leakage:
    """Find the nearest training record of every test record, in every fold, for every entity.

    Raises UserError, while the gate is closed, for an exact copy (of DNA on either strand; of a
    pair where no side is promised new) across the line and for too many near-duplicates; with an
    open gate these become warnings.
    """
    tables, shares = [], []
    warnings: list[str] = []

    def judge(fold: int, complaints: Sequence[str | None]) -> None:
        for complaint in filter(None, complaints):
            if settings.gate == "closed":
                raise UserError(complaint + MEND)
            warnings.append(f"Fold {fold}: {complaint}; the gate of the leakage check is open.")

    for fold, name in enumerate(splits.filter(regex=r"^fold\d+$").columns):
        if len(sides) > 1 and not any(side.promised_new for side in sides):
            judge(fold, [_pair_copies(sides, splits, splits[name])])
        for side in sides:
            parts = _Parts.of(side, splits[side.column], splits[name])
            table = _nearest(side, parts, threads).assign(entity=side.entity, fold=fold)
            judged = table if side.promised_new else table.head(0)
            near = _near(settings, judged)
            share = len(near) / max(len(judged), 1)
            copies = _copies(side, parts) if side.promised_new else None
            judge(fold, [copies, _too_many(settings, side, judged, near)])
            tables.append(table[list(COLUMNS)])
            shares.append((side.entity, fold, len(judged), len(near), share))
    columns = ["entity", "fold", "judged", "near_duplicates", "share"]
    return Leakage(
        pd.concat(tables, ignore_index=True), pd.DataFrame(shares, columns=columns), warnings
    )


MEND = "; choose a split that keeps similar records together, or set leakage.gate to open"


@dataclass(frozen=True)
class _Parts:
    """Rows of the entity's records in the parts of one fold; a record may be in several."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, side: Side, ids: pd.Series, parts: pd.Series) -> _Parts:
        names = np.array(list(side.entries.ids), dtype=object)
        inside = {part: pd.Index(ids[parts == part].unique()) for part in parts.unique()}
        rows = [
            np.flatnonzero(np.isin(names, inside.get(part, pd.Index([])).to_numpy(object)))
            for part in ("train", "validation", "test")
        ]
        return cls(*rows)


def _nearest(side: Side, parts: _Parts, threads: int) -> pd.DataFrame:
    """id, nearest, identity, coverage of each test record; one that also trains is its own."""
    known = np.isin(parts.test, parts.train)
    ids = np.array(list(side.entries.ids), dtype=object)
    table = pd.DataFrame({"id": ids[parts.test]}, dtype=str)
    unseen = parts.test[~known]
    found = nearest(side.entries.take(unseen), side.entries.take(parts.train), threads)
    table["nearest"] = table["id"].where(known, None)
    table["identity"] = np.where(known, 1.0, np.nan)
    table["coverage"] = np.where(known, 1.0, np.nan)
    table.loc[~known, "nearest"] = found["reference"].to_numpy()
    for name in ("identity", "coverage"):
        table.loc[~known, name] = found[name].to_numpy()
    return table


def _near(settings: LeakageSettings, judged: pd.DataFrame) -> pd.DataFrame:
    """Near-duplicates; molecules have no coverage, so a missing one does not exclude."""
    alike = judged["identity"] >= settings.near_duplicate
    covered = judged["coverage"].isna() | (judged["coverage"] >= settings.near_coverage)
    return judged[alike & covered]


def _copies(side: Side, parts: _Parts) -> str | None:
    """What is wrong when a test record is word for word, or read backwards, on the other side."""
    canonical = side.entries.canonical()
    others = {canonical[row]: row for row in [*parts.validation[::-1], *parts.train[::-1]]}
    ids = side.entries.ids
    pairs = [(row, others[canonical[row]]) for row in parts.test if canonical[row] in others]
    if not pairs:
        return None
    test, other = pairs[0]
    part = "training" if other in set(parts.train) else "validation"
    same = side.entries.sequences[test] == side.entries.sequences[other]
    how = "identical to" if same else "the reverse complement of"
    more = f" (and {len(pairs) - 1} more such {side.entity}s)" if len(pairs) > 1 else ""
    return f"test {side.entity} {ids[test]!r} is {how} {part} {side.entity} {ids[other]!r}{more}"


def _pair_copies(sides: Sequence[Side], splits: pd.DataFrame, parts: pd.Series) -> str | None:
    """What is wrong when a test pair equals, in all its sides, one across the line."""
    columns = []
    for side in sides:
        canonical = dict(zip(side.entries.ids, side.entries.canonical(), strict=True))
        columns.append([canonical[name] for name in splits[side.column]])
    keys = list(zip(*columns, strict=True))
    rows = {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")}
    others = {keys[row]: row for row in [*rows["validation"][::-1], *rows["train"][::-1]]}
    found = [(row, others[keys[row]]) for row in rows["test"] if keys[row] in others]
    if not found:
        return None
    test, other = (
        " and ".join(f"{side.entity} {splits[side.column].iloc[row]!r}" for side in sides)
        for row in found[0]
    )
    part = "training" if parts.iloc[found[0][1]] == "train" else "validation"
    more = f" (and {len(found) - 1} more such pairs)" if len(found) > 1 else ""
    return f"the test pair of {test} is identical to the {part} pair of {other}{more}"


def _too_many(
    settings: LeakageSettings, side: Side, judged: pd.DataFrame, near: pd.DataFrame
) -> str | None:
    if len(near) <= settings.max_near_duplicates * len(judged):
        return None
    examples = ", ".join(
        f"{row.id} ~ {row.nearest} ({row.identity:.0%})"
        for row in near.sort_values("identity", ascending=False, kind="stable")
        .head(EXAMPLES)
        .itertuples()
    )
    return (
        f"{len(near)} of {len(judged)} test {side.entity}s ({len(near) / len(judged):.1%}) have a "
        f"near-duplicate in training (at least {settings.near_duplicate:.0%} alike; allowed are "
        f"{settings.max_near_duplicates:.1%}): {examples}"
    )
