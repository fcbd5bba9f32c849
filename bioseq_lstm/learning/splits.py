"""The table of splits, read alike by all stages after it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bioseq_lstm.files import read_tsv


def read_splits(path: Path) -> pd.DataFrame:
    """``splits.tsv``; ids stay text, whatever they look like."""
    return read_tsv(path, text=("id", "drug", "target"))
