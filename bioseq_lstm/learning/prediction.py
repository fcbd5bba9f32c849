"""Predicting what was dropped into a dataset's `new` folder with its chosen model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import write_rejected
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, sha256, write_json, write_text, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.provenance import checksums
from bioseq_lstm.settings import DatasetSettings, TrainingSettings
from bioseq_lstm.tasks.base import Task, Trust

_REJECTED = "rejected.tsv"


def predict(
    task: Task, settings: DatasetSettings, new: Path, folder: Path, threads: int = 1
) -> None:
    """Write ``predictions/``: tables by file, ``rejected.tsv`` and ``manifest.json``.

    The chosen model's runs (folds and seeds) are averaged. The folder is made beside its place
    and moved there when it is complete.
    """
    layout = Layout(folder)
    chosen = read_json(layout.evaluation)["chosen"]
    runs = list(layout.runs(chosen, settings.split.folds, settings.seeds))
    loaded = [load_network(task, run) for run in runs]
    cards = [card for _, card in loaded]
    trust = Trust(
        [card["calibration"] for card in cards], read_tsv(layout.bands), cards[0]["about"]
    )
    training = _training_records(task, layout)
    out = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
    files: dict[str, dict[str, object]] = {}
    refusals = []
    try:
        for name, reading in task.read_new(new, settings).items():
            refusals += reading.refusals
            encoded = task.encode(reading, settings)
            if not task.count(encoded):
                files[name] = {"records": 0, "refused": len(reading.refusals), "tables": {}}
                continue
            encoded.about.update(trust.about)
            decoded = _ensemble(task, [network for network, _ in loaded], encoded)
            nearest = task.nearest(reading, training, settings, threads)
            written = task.new_tables(reading, decoded, nearest, trust, settings)
            for suffix in [*written.tables, *written.texts]:
                if f"{name}{suffix}" == _REJECTED or (out / f"{name}{suffix}").exists():
                    raise UserError(
                        f"{name}{suffix} is the name of another output: rename the file {name}.*",
                        file=new,
                    )
            for suffix, table in written.tables.items():
                write_tsv(out / f"{name}{suffix}", table)
            for suffix, text in written.texts.items():
                write_text(out / f"{name}{suffix}", text)
            files[name] = {
                "records": len(reading.records),
                "refused": len(reading.refusals),
                "notes": reading.notes,
                "tables": {
                    suffix: sha256(out / f"{name}{suffix}")
                    for suffix in [*written.tables, *written.texts]
                },
            }
        write_rejected(out / _REJECTED, refusals)
        manifest = {
            "model": chosen,
            "weights_sha256": [card["weights_sha256"] for card in cards],
            "inputs": checksums(task.reads(new)),
            "passed_over": _passed_over(new, task.reads(new)),
            "files": files,
        }
        write_json(out / "manifest.json", manifest)
        out.chmod(0o755)
        if layout.predictions.exists():
            shutil.rmtree(layout.predictions)
        out.rename(layout.predictions)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def _training_records(task: Task, layout: Layout) -> pd.DataFrame:
    """Records that any of the averaged runs was trained on."""
    splits = read_splits(layout.splits)
    folds = splits.filter(regex=r"^fold\d+$")
    trained = splits[(folds == "train").any(axis=1)]
    records = pd.read_parquet(layout.records)
    ids = {entity: set(trained[column]) for entity, column in task.columns.items()}
    keep = [
        name in ids[entity] for entity, name in zip(records["entity"], records["id"], strict=True)
    ]
    return records[keep]


def _ensemble(task: Task, networks: list[nn.Module], encoded: Encoded) -> list[np.ndarray]:
    rows = np.arange(task.count(encoded))
    runs = [run_network(task, network, encoded, rows, TrainingSettings()) for network in networks]
    return [np.mean(same, axis=0) for same in zip(*runs, strict=True)]


def _passed_over(folder: Path, read: list[Path]) -> list[str]:
    """Names of visible files in the folder that the task has no reader for."""
    there = folder.iterdir() if folder.is_dir() else []
    return sorted(
        path.name
        for path in there
        if path.is_file() and not path.name.startswith(".") and path not in read
    )
