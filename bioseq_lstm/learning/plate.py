"""The new records most worth measuring, laid out as a plate of 96 wells.

A record is worth the more, the less the trained runs agree on it and the farther it is from those
already chosen: disagreement alone would pick one odd family many times over.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS, COLUMNS = "ABCDEFGH", 12
WELLS = [f"{row}{column}" for row in ROWS for column in range(1, COLUMNS + 1)]
MOST_CANDIDATES = 2_000  # of those that are worth most; distances between more take long


class Candidates:
    """New records, part by part, of which the most worthwhile are kept."""

    def __init__(self) -> None:
        self._table = pd.DataFrame()
        self._places = np.zeros((0, 0), np.float32)

    def add(self, table: pd.DataFrame, places: np.ndarray) -> None:
        """Add records: ``table`` has the column ``worth``, ``places`` is (records, features)."""
        if len(self._table):
            table = pd.concat([self._table, table], ignore_index=True)
            places = np.concatenate([self._places, places])
        kept = np.argsort(-table["worth"].to_numpy(float), kind="stable")[:MOST_CANDIDATES]
        self._table, self._places = table.iloc[kept].reset_index(drop=True), places[kept]

    def plate(self) -> pd.DataFrame:
        """The chosen records, most worthwhile first, with the well of each in column ``well``."""
        if not len(self._table):
            return pd.DataFrame({"well": pd.Series(dtype=str)})
        chosen = spread_out(self._table["worth"].to_numpy(float), self._places, len(WELLS))
        table = self._table.iloc[chosen].reset_index(drop=True)
        table.insert(0, "well", WELLS[: len(table)])
        first = ["well", "file", "id"]
        return table[[*first, *table.columns.difference([*first, "worth"], sort=False)]]


def spread_out(worth: np.ndarray, places: np.ndarray, most: int) -> list[int]:
    """Numbers of at most ``most`` records, each far from those before it and of high worth.

    The first is worth most; each next one has the largest product of its worth's rank, from 0 to
    1, and its distance to the nearest one chosen (farthest-first traversal, Gonzalez 1985, with
    weights).
    """
    ranks = (pd.Series(worth).rank().to_numpy()) / len(worth)
    chosen = [int(np.argmax(ranks))]
    nearest = np.linalg.norm(places - places[chosen[0]], axis=1)
    while len(chosen) < min(most, len(worth)):
        score = ranks * nearest
        score[chosen] = -1.0
        chosen.append(int(np.argmax(score)))
        nearest = np.minimum(nearest, np.linalg.norm(places - places[chosen[-1]], axis=1))
    return chosen
