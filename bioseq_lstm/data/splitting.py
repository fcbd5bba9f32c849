"""Who trains, who validates, who tests: whole groups at a time, the same for the same seed.

Strategies, as data:

======== ======================================================= ===========================
strategy groups (what stays on one side)                         for
======== ======================================================= ===========================
homology clusters by MMseqs2                                     proteins, any sequences
group    a column, or blocks along a chromosome                  genes, anything with a group
random   exact copies only                                       anything; optimistic
given    a column says it                                        fixed benchmarks
cold     clusters of drugs, of targets, or both                  pairs
======== ======================================================= ===========================

Exact copies (of DNA on either strand) share a group whatever the strategy, ``given`` apart: there
the leakage check finds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bioseq_lstm.data.assignment import (
    PARTS,
    TEST,
    TRAIN,
    UNUSED,
    VALIDATION,
    assign,
    checked,
    folds_of,
)
from bioseq_lstm.data.clustering import (
    chromosome_blocks,
    clusters,
    identical_groups,
    merged,
    numbered,
)
from bioseq_lstm.data.similarity import Entries
from bioseq_lstm.errors import UserError, nearest

Strategy = Literal["homology", "group", "cold", "given", "random"]
Cold = Literal["drugs", "targets", "both"]

SPELLINGS = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "unused": UNUSED,
}


@dataclass(frozen=True)
class SplitSettings:
    """How to split; what a strategy does not use is ignored.

    ``fractions`` of training, validation and test; with ``folds`` above 1 every group is tested
    once and the first two fractions give the validation share of the rest. ``identity`` and
    ``coverage`` (of the shorter sequence) link sequences, ``tanimoto`` links drugs. ``column`` is
    read by group and given, ``block_length`` (bases) by group without a column.
    """

    strategy: Strategy
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    folds: int = 1
    seed: int = 0
    identity: float = 0.25
    coverage: float = 0.5
    tanimoto: float = 0.7
    column: str | None = None
    block_length: int = 60_000
    cold: Cold = "drugs"

    @property
    def fold_names(self) -> list[str]:
        return [f"fold{fold}" for fold in range(self.folds)]


def split_records(
    settings: SplitSettings,
    entries: Entries,
    annotations: pd.DataFrame | None = None,
    threads: int = 1,
) -> pd.DataFrame:
    """Split single records: columns id, group, fold0, fold1, ...; rows as in ``entries``.

    ``annotations`` has a row per entry, with the columns that the strategy reads: the named one,
    or start and, where known, end, strand and chromosome.
    """
    table = pd.DataFrame({"id": list(entries.ids)}, dtype=str)
    copies = identical_groups(entries)
    if settings.strategy == "given":
        table["group"] = copies
        words = _column(settings, annotations, entries.ids)
        return table.assign(fold0=_given(settings, words, entries.ids, copies))
    if settings.strategy == "homology":
        groups = clusters(entries, settings.identity, settings.coverage, threads)
    elif settings.strategy == "group":
        groups = merged(_named_groups(settings, annotations, entries.ids), copies)
    elif settings.strategy == "random":
        groups = copies
    else:
        raise UserError("split strategy 'cold' is for pairs of drug and target: use 'homology'")
    table["group"] = groups
    for name, parts in zip(settings.fold_names, _folds(settings, groups), strict=True):
        table[name] = parts
    return table


def split_pairs(
    settings: SplitSettings,
    pairs: pd.DataFrame,
    drugs: Entries,
    targets: Entries,
    threads: int = 1,
) -> pd.DataFrame:
    """Split pairs: columns drug, target, drug_group, target_group, fold0, ...; rows as ``pairs``.

    ``pairs`` has the columns drug and target (ids), and the named column for ``given``. Cold on
    both sides splits drugs and targets by the same fractions; a pair whose sides lie in different
    parts (a test drug with a training target) is ``unused``. Groups are always clusters, as they
    are the units of resampling too.
    """
    table = pairs[["drug", "target"]].reset_index(drop=True).copy()
    drug_rows = _rows(table["drug"], drugs, "drug")
    target_rows = _rows(table["target"], targets, "target")
    table["drug_group"] = clusters(drugs, settings.tanimoto, settings.coverage)[drug_rows]
    target_groups = clusters(targets, settings.identity, settings.coverage, threads)
    table["target_group"] = target_groups[target_rows]
    names = (table["drug"] + " and " + table["target"]).tolist()
    if settings.strategy == "given":
        words = _column(settings, pairs, names)
        return table.assign(fold0=_given(settings, words, names, np.arange(len(table))))
    if settings.strategy == "random":
        folds = _folds(settings, np.arange(len(table)))
    elif settings.strategy == "cold":
        folds = _cold_folds(settings, table)
    else:
        raise UserError(
            f"split strategy {settings.strategy!r} is for single records: use 'cold' for pairs"
        )
    for name, parts in zip(settings.fold_names, folds, strict=True):
        table[name] = parts
    return table


def _rows(ids: pd.Series, entries: Entries, name: str) -> np.ndarray:
    rows = pd.Index(list(entries.ids)).get_indexer(ids)
    if (rows < 0).any():
        raise ValueError(f"{name} {ids[int(rows.argmin())]!r} of a pair is not among the records")
    return rows


# --- groups ----------------------------------------------------------------------------------


def _column(
    settings: SplitSettings, annotations: pd.DataFrame | None, ids: Sequence[str]
) -> list[str]:
    """The words of the settings' column, checked for being there and complete."""
    known = [] if annotations is None else list(annotations.columns)
    if annotations is None or settings.column not in known:
        raise UserError(
            f"split strategy {settings.strategy!r} needs the column {settings.column!r}, which "
            f"the data lack{nearest(str(settings.column), known)}"
        )
    values = annotations[settings.column]
    missing = (values.isna() | (values.astype(str).str.strip() == "")).to_numpy()
    if missing.any():
        raise UserError(
            f"column {settings.column!r} is empty for {missing.sum()} records, first for "
            f"{ids[int(missing.argmax())]!r}: fill it in or choose another split strategy"
        )
    return [str(value).strip() for value in values]


def _named_groups(
    settings: SplitSettings, annotations: pd.DataFrame | None, ids: Sequence[str]
) -> np.ndarray:
    if settings.column is not None:
        return numbered(_column(settings, annotations, ids))
    if annotations is None or "start" not in annotations:
        raise UserError(
            "split strategy 'group' needs a `column`, or a table of annotations with the positions "
            "(start) of the genes to make chromosome blocks of"
        )
    start = annotations["start"].to_numpy(float)
    if np.isnan(start).any():
        raise UserError(
            f"record {ids[int(np.isnan(start).argmax())]!r} has no position (start): add it to the "
            "annotations, remove the record, or name a `column` to group by"
        )
    optional = {
        name: annotations[name].to_numpy()
        for name in ("end", "strand")
        if name in annotations and annotations[name].notna().all()
    }
    chromosome = annotations.get("chromosome", pd.Series("", annotations.index)).fillna("")
    return chromosome_blocks(chromosome.tolist(), start, settings.block_length, **optional)


# --- parts ----------------------------------------------------------------------------------


def _folds(settings: SplitSettings, groups: np.ndarray) -> Iterator[np.ndarray]:
    return folds_of(groups, settings.fractions, settings.folds, settings.seed)


def _cold_folds(settings: SplitSettings, table: pd.DataFrame) -> Iterator[np.ndarray]:
    sides = {"drugs": ["drug"], "targets": ["target"], "both": ["drug", "target"]}[settings.cold]
    folds = [_folds(settings, table[f"{side}_group"].to_numpy()) for side in sides]
    for own in zip(*folds, strict=True):
        parts = own[0]
        if len(own) == 2:
            parts = np.where(own[0] == own[1], own[0], UNUSED)
        yield checked(parts, table[f"{sides[0]}_group"].to_numpy())


def _given(
    settings: SplitSettings, words: Sequence[str], ids: Sequence[str], copies: np.ndarray
) -> np.ndarray:
    """The parts that a column names; without a word for validation it is drawn from training."""
    if settings.folds > 1:
        raise UserError(
            f"split strategy 'given' has one fold, not {settings.folds}: set folds to 1"
        )
    for word, name in zip(words, ids, strict=True):
        if word.casefold() not in SPELLINGS:
            raise UserError(
                f"record {name!r} has {word!r} in column {settings.column!r}"
                f"{nearest(word.casefold(), SPELLINGS)}; known: {', '.join((*PARTS, UNUSED))}"
            )
    parts = np.array([SPELLINGS[word.casefold()] for word in words], dtype=object)
    if not (parts == VALIDATION).any():
        rows = np.flatnonzero(parts == TRAIN)
        if len(rows):
            generator = np.random.default_rng(settings.seed)
            part = assign(copies[rows], settings.fractions[:2], generator)
            parts[rows] = np.array([TRAIN, VALIDATION], dtype=object)[part]
    for name in PARTS:
        if not (parts == name).any():
            raise UserError(f"column {settings.column!r} leaves the {name} part empty")
    return parts
