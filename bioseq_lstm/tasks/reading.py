"""What the tasks share in reading: tables of records, and an external test set beside them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from math import inf
from pathlib import Path

import pandas as pd

from bioseq_lstm.data.alphabets import Alphabet
from bioseq_lstm.data.fasta import fasta_chunks
from bioseq_lstm.data.records import EXTERNAL_TEST, Parsed, Reading, Record
from bioseq_lstm.errors import UserError
from bioseq_lstm.newfiles import fasta_files

# New sequences have no length to fear in batches: one that is long goes alone.
MAX_NEW_LENGTH = 200_000
MAX_IN_WINDOWS = 5_000_000  # of a task that reads long sequences in windows


def records_table(entity: str, records: Sequence[Record]) -> pd.DataFrame:
    """Columns entity, id, sequence, file, line."""
    return pd.DataFrame(
        {
            "entity": entity,
            "id": [record.id for record in records],
            "sequence": [record.sequence for record in records],
            "file": [record.file for record in records],
            "line": [record.line for record in records],
        }
    )


def sequences_alone(entity: str, parsed: Parsed[Record]) -> Reading:
    """A reading without measurements, as new sequences are."""
    records = records_table(entity, parsed.records)
    return Reading(records, pd.DataFrame(), parsed.refusals, dict(parsed.notes))


def new_sequences(
    entity: str,
    paths: Sequence[Path],
    alphabet: Alphabet,
    letters: float,
    max_length: int = MAX_NEW_LENGTH,
) -> Iterator[tuple[str, Reading]]:
    """The sequences of FASTA files, part by part, under the stem of each file."""
    files = fasta_files(paths)

    def parts(path: Path) -> Iterator[Parsed[Record]]:
        return fasta_chunks(path, alphabet, max_length=max_length, letters=letters)

    if letters < inf:  # a fault in the last line is to be found before hours are spent
        for path in files.values():
            deque(parts(path), maxlen=0)
    for name, path in files.items():
        for parsed in parts(path):
            yield name, sequences_alone(entity, parsed)


def with_external_test(training: Reading, test: Reading) -> Reading:
    """Both readings as one; the column ``external_test`` of the records tells them apart.

    Rows of ``records`` and ``measurements`` belong together. A record that stands in both under one
    id with one sequence is left out of training. Raises UserError where the sequences differ, and
    where the two were not measured for the same.
    """
    tested = dict(zip(test.records["id"], test.records["sequence"], strict=True))
    known = training.records["id"].map(tested)
    other = known.notna() & (known != training.records["sequence"])
    if other.any():
        first = training.records[other].iloc[0]
        raise UserError(
            f"record {first['id']!r} has another sequence than the test record of that id: rename "
            "one of them",
            file=first["file"],
            line=int(first["line"]),
        )
    if set(training.measurements) != set(test.measurements):
        apart = sorted(map(str, set(training.measurements) ^ set(test.measurements)))
        raise UserError(
            f"the files to learn from and files.test were not measured for the same: {apart[0]!r} "
            f"stands in one of them only ({len(apart)} such columns)"
        )
    kept = known.isna().to_numpy()
    records = [training.records[kept].assign(**{EXTERNAL_TEST: False})]
    records.append(test.records.assign(**{EXTERNAL_TEST: True}))
    measurements = [training.measurements[kept], test.measurements[training.measurements.columns]]
    repeated = Counter({"test records left out of training": int((~kept).sum())})
    return Reading(
        pd.concat(records, ignore_index=True),
        pd.concat(measurements, ignore_index=True),
        [*training.refusals, *test.refusals],
        dict(Counter(training.notes) + Counter(test.notes) + repeated),
    )
