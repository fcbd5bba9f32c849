"""Who trains, who validates, who tests: whole groups at a time, the same for the same seed.

Strategies, as data:

======== ======================================================= ===========================
strategy what stays on one side                                  for
======== ======================================================= ===========================
homology clusters by MMseqs2                                     proteins, any sequences
group    a column, or blocks along a chromosome                  genes, anything with a group
random   exact copies only (of a record, or of a pair)           anything; optimistic
given    a column says it: parts, or folds                       fixed benchmarks
cold     clusters of drugs, of targets, or both                  pairs
======== ======================================================= ===========================

Exact copies (of DNA on either strand) share a part whatever the strategy, ``given`` apart: there
the leakage check finds them. A pair is a copy of another when both its drugs and its targets are.

The groups that the tables name are the units of resampling, and relatives are no independent
observations, however the parts were drawn: so ``random`` and ``given`` name natural groups too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    checked,
    folds_of,
    without_test,
)
from bioseq_lstm.data.clustering import (
    chromosome_blocks,
    clusters,
    identical_groups,
    merged,
    numbered,
    relatives,
)
from bioseq_lstm.data.given import named_parts, rotated
from bioseq_lstm.data.similarity import Entries
from bioseq_lstm.errors import UserError, nearest

Strategy = Literal["homology", "group", "cold", "given", "random"]
Cold = Literal["drugs", "targets", "both"]


@dataclass(frozen=True)
class SplitSettings:
    """How to split, and what the units of resampling are; what is not used is ignored.

    ``fractions`` of training, validation and test; with ``folds`` above 1 every group is tested
    once and the first two fractions give the validation share of the rest. ``identity`` and
    ``coverage`` (of the shorter sequence) link sequences, ``tanimoto`` links drugs. ``column`` is
    read by group and given, ``block_length`` (bases) by group without a column. ``parts`` are the
    words of the column that make up each part of a given split; without it the names of the parts,
    or, with ``folds`` above 1, each word is a fold.
    """

    strategy: Strategy
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15)
    folds: int = 1
    seed: int = 0
    identity: float = 0.25
    coverage: float = 0.5
    tanimoto: float = 0.7
    column: str | None = None
    parts: Mapping[str, Sequence[str]] | None = None
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
    or start and, where known, end, strand and chromosome. ``group`` is the unit of resampling:
    with ``group`` what the split keeps together, else chromosome blocks of DNA whose positions are
    known, else homology clusters; exact copies always share it.
    """
    if settings.strategy == "cold":
        raise UserError("split strategy 'cold' is for pairs of drug and target: use 'homology'")
    table = pd.DataFrame({"id": list(entries.ids)}, dtype=str)
    together = _kept_together(settings, entries, annotations, threads)
    if settings.strategy == "given":
        words = _column(settings, annotations, entries.ids)
        folds = iter(_given(settings, words, entries.ids, together))
    else:
        folds = _folds(settings, together)
    table["group"] = _units(settings, entries, annotations, together, threads)
    for name, parts in zip(settings.fold_names, folds, strict=True):
        table[name] = parts
    return table


def split_around_test(
    settings: SplitSettings,
    entries: Entries,
    annotations: pd.DataFrame,
    tested: np.ndarray,
    threads: int = 1,
) -> pd.DataFrame:
    """Split records of which ``tested`` (records,) are an external test set: that is the test part.

    Records with ``identity`` over ``coverage`` of the shorter sequence to one that is tested, and
    copies, become ``unused``, each a group of its own. The rest is shared between training and
    validation by the strategy. Units of the test part are clusters of similar sequences.
    """
    test, others = np.flatnonzero(tested), np.flatnonzero(~tested)
    test_entries = entries.take(test)
    similar = (settings.identity, settings.coverage, threads)
    kept = others[~relatives(entries.take(others), test_entries, *similar)]
    if not len(kept):
        raise UserError(
            f"all {len(others):,} records to learn from are similar to a record of files.test (at "
            f"least {settings.identity:.0%} identity over {settings.coverage:.0%}): raise "
            "split.identity, or give other records"
        )
    own, notes = entries.take(kept), annotations.iloc[kept].reset_index(drop=True)
    together = _kept_together(settings, own, notes, threads)
    parts = np.full(len(entries), UNUSED, dtype=object)
    parts[test] = TEST
    if settings.strategy == "given":
        words = _column(settings, notes, own.ids)
        (parts[kept],) = _given(settings, words, own.ids, together, (TRAIN, VALIDATION))
    else:
        generator = np.random.default_rng(settings.seed)
        parts[kept] = without_test(together, settings.fractions, generator)
    groups = np.arange(len(entries))  # no group of those below has so low a number
    groups[kept] = len(entries) + _units(settings, own, notes, together, threads)
    groups[test] = 2 * len(entries) + clusters(test_entries, *similar)
    table = pd.DataFrame({"id": list(entries.ids)}, dtype=str)
    return table.assign(group=numbered(groups.tolist()), fold0=checked(parts, groups))


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
    parts (a test drug with a training target) is ``unused``. The groups are always clusters: they
    are the units of resampling. ``random`` keeps pairs of equal drug and equal target together.
    """
    table = pairs[["drug", "target"]].reset_index(drop=True).copy()
    drug_rows = _rows(table["drug"], drugs, "drug")
    target_rows = _rows(table["target"], targets, "target")
    table["drug_group"] = clusters(drugs, settings.tanimoto, settings.coverage)[drug_rows]
    target_groups = clusters(targets, settings.identity, settings.coverage, threads)
    table["target_group"] = target_groups[target_rows]
    same_drug, same_target = identical_groups(drugs), identical_groups(targets)
    copies = numbered(list(zip(same_drug[drug_rows], same_target[target_rows], strict=True)))
    names = (table["drug"] + " and " + table["target"]).tolist()
    if settings.strategy == "given":
        folds = iter(_given(settings, _column(settings, pairs, names), names, copies))
    elif settings.strategy == "random":
        folds = _folds(settings, copies)
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


def _kept_together(
    settings: SplitSettings, entries: Entries, annotations: pd.DataFrame | None, threads: int
) -> np.ndarray:
    """Which records the strategy keeps on one side."""
    copies = identical_groups(entries)
    if settings.strategy == "group":
        return merged(_named_groups(settings, annotations, entries.ids), copies)
    if settings.strategy == "homology":
        return clusters(entries, settings.identity, settings.coverage, threads)
    return copies


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
    return _blocks(settings, annotations)


def _units(
    settings: SplitSettings,
    entries: Entries,
    annotations: pd.DataFrame | None,
    together: np.ndarray,
    threads: int,
) -> np.ndarray:
    """Which records count as one observation; ``together``: what the split keeps on one side."""
    if settings.strategy == "group":
        return together
    starts = None if annotations is None else annotations.get("start")
    if entries.kind == "dna" and starts is not None and starts.notna().all():
        return merged(_blocks(settings, annotations), identical_groups(entries))
    if settings.strategy == "homology":
        return together
    return clusters(entries, settings.identity, settings.coverage, threads)


def _blocks(settings: SplitSettings, annotations: pd.DataFrame) -> np.ndarray:
    start = annotations["start"].to_numpy(float)
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
    settings: SplitSettings,
    words: Sequence[str],
    ids: Sequence[str],
    copies: np.ndarray,
    wanted: Sequence[str] = PARTS,
) -> list[np.ndarray]:
    """The parts that a column names; without a word for validation it is drawn from training."""
    if settings.folds > 1:
        return rotated(settings.column, words, settings.folds, settings.parts)
    parts = named_parts(settings.column, words, ids, settings.parts, wanted)
    rows = np.flatnonzero(parts == TRAIN)
    if len(rows) and not (parts == VALIDATION).any():
        generator = np.random.default_rng(settings.seed)
        parts[rows] = without_test(copies[rows], settings.fractions, generator)
    for name in wanted:
        if not (parts == name).any():
            raise UserError(f"column {settings.column!r} leaves the {name} part empty")
    return [parts]
