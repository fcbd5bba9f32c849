"""The verb ``variants``: a table of variants in, a table of what each changes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.molecules import read_molecules
from bioseq_lstm.data.records import Reading, Refusal
from bioseq_lstm.data.variants import Variant, read_variants
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import write_tsv
from bioseq_lstm.learning.explaining.mutants import Wild
from bioseq_lstm.learning.explaining.samples import Trained
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.stacking import Fitted, refitted, with_baselines
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, explained
from bioseq_lstm.tasks.reading import MAX_NEW_LENGTH, records_table


def predict_variants(
    task: Task,
    settings: DatasetSettings,
    folder: Path,
    table: Path,
    sequences: Path | None,
    drugs: Path | None,
    out: Path,
) -> str:
    """Write a row for each variant (of pairs, for each molecule); returns what is said of it.

    Args:
        sequences: FASTA of the wild types; without it they are the dataset's own records.
        drugs: molecules that pairs are made with; without it those of the dataset.

    Raises:
        UserError: for a variant that does not fit its sequence, with the line.
    """
    layout, own = Layout(folder), explained(task.name)
    if drugs is not None and "drug" not in own.sides:
        raise UserError(f"task {task.name} has no molecules: leave --drugs out")
    records = _records(layout, own, sequences, drugs)
    wild = dict(
        records.loc[records["entity"] == own.mutated, ["id", "sequence"]].itertuples(index=False)
    )
    variants = read_variants(table, own.sides[own.mutated], wild)
    predictor = _Predictor.of(task, own, settings, layout)
    rows: list[tuple[int, int, dict[str, Any]]] = []
    for name in dict.fromkeys(variant.id for variant in variants):
        places = [place for place, variant in enumerate(variants) if variant.id == name]
        mine = records[(records["entity"] != own.mutated) | (records["id"] == name)]
        told = predictor.effects(mine, [variants[place] for place in places])
        rows += [(places[which], sample, row) for which, sample, row in told]
    rows.sort(key=lambda row: row[:2])
    write_tsv(out, pd.DataFrame([row for _, _, row in rows]))
    return f"{len(variants):,} variants of {len({v.id for v in variants}):,} sequences: {out}"


def _records(
    layout: Layout, own: Explained, sequences: Path | None, drugs: Path | None
) -> pd.DataFrame:
    stored = pd.read_parquet(layout.records)
    tables = []
    for side in own.sides:
        given = sequences if side == own.mutated else drugs
        if given is None:
            tables.append(stored[stored["entity"] == side])
            continue
        parsed = (
            read_fasta(given, own.sides[side], max_length=MAX_NEW_LENGTH)
            if side == own.mutated
            else read_molecules(given, max_length=MAX_NEW_LENGTH)
        )
        _check_none_refused(parsed.refusals)
        tables.append(records_table(side, parsed.records))
    columns = ["entity", "id", "sequence", "file", "line"]
    return pd.concat([table[columns] for table in tables], ignore_index=True)


def _check_none_refused(refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        raise UserError(
            f"record {refusal.record!r}: {refusal.reason}; mend it or take it out",
            file=refusal.file,
            line=refusal.line,
        )


@dataclass(frozen=True)
class _Predictor:
    """All runs of the chosen model, averaged, with the baselines that they are stacked on."""

    task: Task
    explained: Explained
    settings: DatasetSettings
    trained: Trained
    under: Mapping[int, Fitted]

    @classmethod
    def of(
        cls, task: Task, own: Explained, settings: DatasetSettings, layout: Layout
    ) -> _Predictor:
        trained = Trained.chosen(task, settings, layout)
        return cls(task, own, settings, trained, refitted(task, layout, trained.cards))

    def effects(
        self, records: pd.DataFrame, variants: Sequence[Variant]
    ) -> list[tuple[int, int, dict[str, Any]]]:
        """Number of the variant, number of the sample, and the row; all of one sequence."""
        reading = Reading(records.reset_index(drop=True), pd.DataFrame())
        encoded = self.task.encode(reading, self.settings)
        encoded.about.update(self.trained.cards[0]["about"])
        names = self.explained.named(reading, encoded)
        alphabet = self.explained.sides[self.explained.mutated]
        (sequence,) = records.loc[records["entity"] == self.explained.mutated, "sequence"]
        mutated = list(alphabet.encode_all([variant.applied(sequence) for variant in variants]))
        told = []
        for sample in range(self.task.count(encoded)):
            wild = Wild(self.task, self.explained, encoded, sample, self.explained.mutated)
            before, *after = self._decoded(wild, [wild.codes, *mutated])
            for which, (variant, one) in enumerate(zip(variants, after, strict=True)):
                site = variant.position - 1, len(variant.ref), len(variant.alt)
                effect = self.explained.effects(self.settings, encoded.about, before, one, site)
                told.append((which, sample, {**_key(names.iloc[sample], variant), **effect}))
        return told

    def _decoded(self, wild: Wild, mutants: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Mean predictions; mutants as long as the wild type share its states."""
        same = [place for place, codes in enumerate(mutants) if len(codes) == len(wild.codes)]
        rest = [place for place in range(len(mutants)) if place not in set(same)]
        asked = self.explained.mutants(wild.encoded, wild.row, wild.side, mutants)
        rows = np.arange(len(mutants))
        offsets = {fold: fitted.offsets(asked, rows) for fold, fitted in self.under.items()}
        runs = []
        for network, card in zip(self.trained.networks, self.trained.cards, strict=True):
            found: dict[int, np.ndarray] = dict(
                zip(
                    same,
                    wild.decoded(network, np.stack([mutants[place] for place in same])),
                    strict=True,
                )
            )
            others = np.array(rest, dtype=int)
            found |= dict(
                zip(
                    rest,
                    run_network(self.task, network, asked, others, TrainingSettings()),
                    strict=True,
                )
            )
            decoded = [found[place] for place in range(len(mutants))]
            runs.append(with_baselines(card, offsets, decoded))
        return [np.mean(together, axis=0) for together in zip(*runs, strict=True)]


def _key(names: pd.Series, variant: Variant) -> dict[str, Any]:
    return {
        **names.to_dict(),
        "position": variant.position,
        "ref": variant.ref,
        "alt": variant.alt or "-",
    }
