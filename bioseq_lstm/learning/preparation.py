"""From files to checked records, to a split without leaks, to numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from bioseq_lstm.data.profile import profile
from bioseq_lstm.data.records import Reading, check_refused_share, write_rejected
from bioseq_lstm.files import sha256, write_json, write_parquet
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task


def read(task: Task, settings: DatasetSettings, folder: Path) -> None:
    """Write ``records.parquet``, ``measurements.parquet``, ``rejected.tsv``, ``profile.json``.

    Raises ``UserError`` when more records were refused than the settings allow; what was refused
    then stands in ``rejected-too-many.tsv``, since Snakemake removes the outputs of a failed job.
    """
    layout = Layout(folder)
    reading = task.read(settings)
    kept = layout.folder / "rejected-too-many.tsv"
    write_rejected(kept, reading.refusals)
    check_refused_share(
        reading.refusals,
        len(reading.records) + len(reading.measurements) + len(reading.refusals),
        settings.max_refused,
        kept,
    )
    kept.unlink()
    files = settings.files.model_dump(exclude_none=True)  # type: ignore[attr-defined]
    about = {
        **profile(reading),
        "files": {name: {"path": path, "sha256": sha256(path)} for name, path in files.items()},
    }
    write_parquet(layout.records, reading.records)
    write_parquet(layout.measurements, reading.measurements)
    write_rejected(layout.rejected, reading.refusals)
    write_json(layout.profile, about)
    for note, count in reading.notes.items():
        print(f"{note}: {count}", file=sys.stderr)


def encode(task: Task, folder: Path) -> None:
    """Write ``encoded.safetensors``; rows as in ``measurements.parquet``."""
    layout = Layout(folder)
    task.encode(stored_reading(layout)).save(layout.encoded)


def stored_reading(layout: Layout) -> Reading:
    """What ``read`` wrote, without the refusals."""
    return Reading(pd.read_parquet(layout.records), pd.read_parquet(layout.measurements))
