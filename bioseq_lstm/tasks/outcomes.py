"""What comes of trained models: predictions with what is known of their worth.

Plain data that travels between a task, prediction and the report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.bands import band_numbers


@dataclass(frozen=True)
class Trust:
    """How far predictions can be believed, as measured on records that were held out.

    Attributes:
        calibration: what ``Task.calibrate`` learned on the validation parts, one a run.
        bands: ``bands.tsv``: the headline figure in bands of similarity to the training part.
        about: facts of the encoded data set, such as the names of its conditions.
    """

    calibration: list[dict[str, Any]]
    bands: pd.DataFrame
    about: dict[str, Any]


@dataclass(frozen=True)
class Nearest:
    """The nearest training record of each sample: its id, and how similar it is (0 to 1).

    ``comparable`` is false where the test part holds nothing of the sample's sort (a new target
    when only new drugs were tested), so that no measured figure speaks for it; None: nowhere.
    ``surprise`` is the share of usual records that the networks find less surprising than it.
    """

    id: list[str]
    similarity: np.ndarray
    comparable: np.ndarray | None = None
    surprise: np.ndarray | None = None


@dataclass(frozen=True)
class NewPredictions:
    """Predictions of one file: tables by suffix (``.tsv`` first), and texts by suffix."""

    tables: dict[str, pd.DataFrame]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewFile:
    """Predictions of one new file as a report shows them: the first rows of its tables by suffix.

    ``rows`` counts the rows of each table as it was written.
    """

    tables: dict[str, pd.DataFrame]
    rows: dict[str, int]


@dataclass(frozen=True)
class Results:
    """What the report of a dataset is made of, read from its folder.

    ``predictions`` are test predictions of the first seed by model; ``new`` the predictions of new
    files by the name of the file; ``records`` and ``leakage`` the tables of those names.
    """

    settings: Any
    profile: dict[str, Any]
    splits: pd.DataFrame
    figures: pd.DataFrame
    chosen: str
    predictions: dict[str, pd.DataFrame]
    similarity: np.ndarray
    new: dict[str, NewFile]
    records: pd.DataFrame
    leakage: pd.DataFrame

    @property
    def predicted_in(self) -> str:
        """Where the test predictions of the chosen model lie, for a reader."""
        return f"models/{self.chosen}/fold*-seed{self.settings.seeds[0]}/test_predictions.parquet"


def nearest_columns(
    nearest: Nearest | None, bands: pd.DataFrame, metric: str, named: str
) -> dict[str, Any]:
    """Columns on the nearest training record, ``named`` the first; none where nobody looked."""
    if nearest is None:
        return {}
    return {
        named: nearest.id,
        "identity_times_coverage_fraction": np.round(nearest.similarity, 3),
        **surprise_column(nearest),
        **measured_in_band(bands, nearest, metric),
    }


def surprise_column(nearest: Nearest) -> dict[str, np.ndarray]:
    """The column on how surprising a record is to the networks, where that was measured."""
    if nearest.surprise is None:
        return {}
    return {"surprise_fraction": np.round(nearest.surprise, 3)}


def measured_in_band(bands: pd.DataFrame, nearest: Nearest, metric: str) -> dict[str, np.ndarray]:
    """Columns that tell what was measured on test records about as similar to training.

    Where no test record lies in a record's band, or none is of its sort, nothing was measured
    and the columns are empty.
    """
    band = band_numbers(nearest.similarity)
    comparable = True if nearest.comparable is None else nearest.comparable
    columns = {
        f"{metric}_measured_in_band": "value",
        f"{metric}_interval_low": "low",
        f"{metric}_interval_high": "high",
        "test_records_in_band": "records",
    }
    return {
        name: np.where(comparable, bands[source].to_numpy(float)[band].round(3), np.nan)
        for name, source in columns.items()
    }
