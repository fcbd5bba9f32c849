"""Predictions of new files as a report shows them, read back from their folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bioseq_lstm.files import read_json, read_tsv
from bioseq_lstm.learning.prediction import MANIFEST
from bioseq_lstm.reporting.panels import Panel, Section, Table, Text
from bioseq_lstm.reporting.sequences import MOST_RESIDUES
from bioseq_lstm.reporting.tables import MOST_ROWS
from bioseq_lstm.tasks.outcomes import NewFile


def read_predicted(folder: Path) -> dict[str, NewFile]:
    """The first rows of every table, as many as a page holds."""
    manifest = read_json(folder / MANIFEST)
    return {
        name: NewFile(
            {
                suffix: text_tsv(
                    folder / f"{name}{suffix}",
                    rows=MOST_ROWS if suffix == ".tsv" else MOST_RESIDUES,
                )
                for suffix in entry["rows"]
            },
            entry["rows"],
        )
        for name, entry in manifest["files"].items()
    }


def left_out(folder: Path) -> list[Section]:
    """Of the new files: refused records, what was done to records, files that were passed over."""
    manifest = read_json(folder / MANIFEST)
    refused = sum(entry["refused"] for entry in manifest["files"].values())
    items: list[Panel] = []
    if refused:
        rejected = text_tsv(folder / "rejected.tsv", rows=MOST_ROWS).astype(str)
        title = f"Refused new records: {refused:,}"
        items.append(Table(title, rejected, "", file="predictions/rejected.tsv", total=refused))
    notes = [
        {"file": name, "note": note, "count": count}
        for name, entry in manifest["files"].items()
        for note, count in entry["notes"].items()
    ]
    if notes:
        items.append(Table("Done to new records while reading", pd.DataFrame(notes), ""))
    if manifest["passed_over"]:
        names = ", ".join(manifest["passed_over"])
        items.append(Text("Files of the folder that no reader is for", [names]))
    if not items:
        return []
    return [Section("left-out", "New files: what was left out", "", items)]


def text_tsv(path: Path, rows: int | None = None) -> pd.DataFrame:
    """A table of ours, or its first ``rows``, whose text columns may hold ``NA`` or ``007``."""
    with path.open(encoding="utf-8") as handle:
        columns = handle.readline().rstrip("\n").split("\t")
    known = {"id", "record", "drug", "target", "condition", "sequence", "residue"}
    known |= {"states_8", "states_3", "drug_smiles", "file", "why", "well"}
    text = tuple(name for name in columns if name in known or name.startswith("nearest_"))
    return read_tsv(path, text=text, rows=rows)
