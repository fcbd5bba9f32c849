"""The headline figure of the chosen model in parts of the test part: by length, by class."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.bootstrap import bootstrap
from bioseq_lstm.tasks.base import Task

COLUMNS = ("by", "stratum", "records", "metric", "value", "low", "high")
QUARTERS = (0.25, 0.5, 0.75)


def strata_table(
    task: Task,
    predictions: Sequence[pd.DataFrame],
    splits: pd.DataFrame,
    records: pd.DataFrame,
    replicates: int,
) -> pd.DataFrame:
    """Columns ``by``, ``stratum``, ``records``, ``metric``, ``value``, ``low``, ``high``.

    Lengths are cut at the quartiles of the test samples. ``predictions`` has a table a seed.
    """
    headline = task.metrics[0].key
    first = predictions[0]
    groupings = dict(_by_length(task, first, splits, records))
    groupings |= {name: pd.Categorical(own) for name, own in task.classes(first).items()}
    rows = []
    for by, labels in groupings.items():
        if len(labels.remove_unused_categories().categories) < 2:
            continue  # all test records are of one length
        for stratum in labels.remove_unused_categories().categories:
            scorers = [task.scorer(table[labels == stratum], splits) for table in predictions]
            figure = bootstrap({"": scorers}, replicates).estimate("", headline)
            rows.append(
                {
                    "by": by,
                    "stratum": stratum,
                    "records": first["sample"][labels == stratum].nunique(),
                    "metric": headline,
                    "value": figure.value if math.isfinite(figure.value) else math.nan,
                    "low": figure.low,
                    "high": figure.high,
                }
            )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_length(
    task: Task, predictions: pd.DataFrame, splits: pd.DataFrame, records: pd.DataFrame
) -> Iterator[tuple[str, pd.Categorical]]:
    """The quarter of lengths that each row lies in, in words, by kind of sequence."""
    samples = predictions["sample"].to_numpy()
    for kind, column in task.columns.items():
        own = records[records["entity"] == kind].drop_duplicates("id").set_index("id")["sequence"]
        lengths = splits[column].map(own.str.len()).to_numpy(float)
        edges = np.unique(np.quantile(lengths[np.unique(samples)], QUARTERS).round())
        bounds = [-math.inf, *edges, math.inf]
        words = [_range(*pair) for pair in pairwise(bounds)]
        numbers = np.digitize(lengths[samples], edges, right=True)
        yield f"length of the {kind}", pd.Categorical.from_codes(numbers, words)


def _range(low: float, high: float) -> str:
    """A range of lengths, its upper end included."""
    if math.isinf(low):
        return f"up to {high:,.0f}" if math.isfinite(high) else "any"
    return f"over {low:,.0f}" if math.isinf(high) else f"{low + 1:,.0f} to {high:,.0f}"
