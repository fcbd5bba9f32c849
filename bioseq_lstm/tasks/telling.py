"""What the panels of all tasks share: names for readers, figures with their interval."""

from __future__ import annotations

import pandas as pd

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
