"""What the tasks share in reading: tables of records."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bioseq_lstm.data.records import Parsed, Reading, Record

# New sequences have no length to fear in batches: one that is long goes alone.
MAX_NEW_LENGTH = 200_000


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
