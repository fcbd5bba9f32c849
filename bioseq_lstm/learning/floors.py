"""The honest floors of one fold, fitted and asked for the test part."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pandas as pd

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import read_tsv, write_parquet
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Parts, Task


def fit_baselines(task: Task, settings: DatasetSettings, folder: Path, fold: int) -> None:
    """Write ``baselines/fold<fold>.parquet``: the test predictions of every baseline."""
    layout = Layout(folder)
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    leakage = read_tsv(layout.leakage, text=("id", "nearest"))
    parts = Parts.of(splits, fold)
    tables = []
    started = time.process_time()
    for name, table in task.baselines(
        encoded, splits, parts, leakage[leakage["fold"] == fold], settings
    ):
        tables.append(table.assign(baseline=name))
        print(f"{name}: {time.process_time() - started:.1f} CPU seconds", file=sys.stderr)
        started = time.process_time()
    write_parquet(layout.baselines(fold), pd.concat(tables, ignore_index=True))
