"""What the panels of all tasks share: names for readers, figures with their interval."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Scorer
from bioseq_lstm.metrics.bootstrap import bootstrap
from bioseq_lstm.metrics.calibration import CoverageScorer
from bioseq_lstm.reporting.panels import Text


def with_interval(figure: pd.Series) -> str:
    """``0.503 (0.464–0.538)``, or a dash for a figure that is undefined."""
    if pd.isna(figure["value"]):
        return "–"
    if pd.isna(figure["low"]):
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} ({figure['low']:.3f}–{figure['high']:.3f})"


def shown_names(table: pd.DataFrame) -> pd.DataFrame:
    """A table of a file with its column names as words."""
    return table.rename(columns=lambda name: str(name).replace("_", " "))


def nothing_new(kind: str) -> Text:
    return Text("Nothing yet", [f"Put {kind} into the dataset's `new` folder and run again."])


def stated(scorer: Scorer, key: str, form: str = ".3f") -> str:
    """A figure with its 95 % bootstrap interval, in words."""
    interval = bootstrap({"": [scorer]}).estimate("", key)
    if np.isnan(interval.low):
        return f"{interval.value:{form}} (no interval: too few independent units)"
    return (
        f"{interval.value:{form}} (95 % interval {interval.low:{form}} to {interval.high:{form}})"
    )


def coverage_stated(table: pd.DataFrame, *units: np.ndarray) -> str:
    """What share of the test values their intervals hold; ``table`` has half_width."""
    truth, predicted = table["truth"].to_numpy(float), table["predicted"].to_numpy(float)
    half = table["half_width"].to_numpy(float)
    scorer = CoverageScorer(truth, predicted - half, predicted + half, *units)
    return f"The stated 95 % interval holds {stated(scorer, 'coverage', '.1%')} of them."
