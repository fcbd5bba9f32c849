"""Drugs, targets and their affinities, as they are read from files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.matching import match_ids
from bioseq_lstm.data.molecules import read_molecules
from bioseq_lstm.data.mutations import apply_mutations
from bioseq_lstm.data.records import (
    DUPLICATES,
    Parsed,
    Reading,
    Record,
    Refusal,
    check_any_left,
    resolve_duplicates,
)
from bioseq_lstm.data.tables import read_affinities
from bioseq_lstm.errors import UserError
from bioseq_lstm.newfiles import fasta_files, molecule_files
from bioseq_lstm.settings import AffinityDataset
from bioseq_lstm.tasks.affinity.network import SIDES
from bioseq_lstm.tasks.reading import MAX_NEW_LENGTH, records_table


def read_pairs(settings: AffinityDataset) -> Reading:
    """Drugs, targets and the pairs of both; each row that cannot be used, with its reason."""
    files = settings.files
    drugs = read_molecules(files.drugs, max_length=settings.max_length)
    targets = _read_targets(files.targets, settings, settings.max_length)
    table = read_affinities(files.affinities, unit=settings.unit)
    check_any_left(len(drugs.records), drugs.refusals, files.drugs)
    check_any_left(len(targets.records), targets.refusals, files.targets)
    check_any_left(len(table.frame), table.refusals, files.affinities)
    records = pd.concat(
        [records_table("drug", drugs.records), records_table("target", targets.records)],
        ignore_index=True,
    )
    refusals = [*drugs.refusals, *targets.refusals, *table.refusals]
    known = np.ones(len(table.frame), dtype=bool)
    pairs_lost = 0
    for side, parsed, file in (
        ("drug", drugs, files.drugs),
        ("target", targets, files.targets),
    ):
        ids = match_ids(table.frame[side], (r.id for r in parsed.records), files.affinities, file)
        strange = table.frame[side].isin(ids.only_table).to_numpy()
        refused = table.frame[side].isin([r.record for r in parsed.refusals]).to_numpy()
        refusals += [
            Refusal(
                files.affinities,
                table.lines[row],
                f"{drug} {target}",
                f"the {side} is not in {file}",
            )
            for row, drug, target in table.frame.loc[
                strange & known & ~refused, ["drug", "target"]
            ].itertuples()
        ]
        pairs_lost += int((strange & known & refused).sum())
        known &= ~strange
    notes = Counter(drugs.notes) + Counter(targets.notes) + Counter(table.notes)
    notes["pairs left out, since their drug or target was refused"] += pairs_lost
    if not known.any():
        raise UserError(
            f"no row has both its drug in {files.drugs} and its target in {files.targets}",
            file=files.affinities,
        )
    measurements = table.frame[known].reset_index(drop=True)
    for side in SIDES:
        alone = ~records["id"][records["entity"] == side].isin(measurements[side])
        notes[f"{side}s without a measured pair"] += int(alone.sum())
    ours = ("drug", "target", "value", "set")
    further = tuple(str(name) for name in measurements if name not in ours)
    return Reading(records, measurements, refusals, dict(+notes), further)


def read_new_pairs(paths: Sequence[Path], settings: AffinityDataset) -> Reading | None:
    """Molecules and proteins of files without measurements; None where there are neither.

    Where only one of the two kinds is there, the data set's own are the other side.
    """
    molecules = list(molecule_files(paths).values())
    proteins = list(fasta_files(paths).values())
    if not molecules and not proteins:
        return None
    for own, given, kind in (
        (settings.files.drugs, molecules, "table of molecules"),
        (settings.files.targets, proteins, "FASTA file of proteins"),
    ):
        if not own and not given:
            raise UserError(f"pairs need both sides: add a {kind} to the files")
    drugs = [
        read_molecules(path, max_length=MAX_NEW_LENGTH)
        for path in molecules or [Path(settings.files.drugs)]
    ]
    targets = [
        _read_targets(path, settings, MAX_NEW_LENGTH)
        for path in proteins or [Path(settings.files.targets)]
    ]
    tables, refusals, notes = [], [], Counter[str]()
    for side, parsed, dropped in (("drug", drugs, molecules), ("target", targets, proteins)):
        kept, repeated = resolve_duplicates([r for one in parsed for r in one.records])
        tables.append(records_table(side, kept))
        if not dropped:
            continue  # the data set's own: what it refused stands in its own rejected.tsv
        notes[DUPLICATES] += repeated
        refusals += [refusal for one in parsed for refusal in one.refusals]
        notes += sum((one.notes for one in parsed), Counter[str]())
    records = pd.concat(tables, ignore_index=True)
    return Reading(records, pd.DataFrame(), refusals, dict(+notes))


def _read_targets(path: str | Path, settings: AffinityDataset, max_length: int) -> Parsed[Record]:
    parsed = read_fasta(path, PROTEIN, max_length=max_length)
    if not settings.apply_mutations:
        return parsed
    records, notes = apply_mutations(parsed.records)
    return Parsed(records, parsed.refusals, parsed.notes + Counter(notes))
