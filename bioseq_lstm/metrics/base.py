"""What a metric is called, and what a scorer offers so that one bootstrap serves every task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Metric:
    """One figure of a report: ``key`` is its name in tables, ``label`` what a reader sees.

    ``unit`` is empty for figures without one (shares and correlations are given on 0 to 1 or
    -1 to 1, never in percent).
    """

    key: str
    label: str
    unit: str
    higher_is_better: bool
    description: str


class Scorer(Protocol):
    """Truth and prediction of one model on one test part, ready to be scored under row weights.

    ``units`` holds, per axis of resampling, the integer code of the independent unit of each row:
    one array for homology clusters or gene blocks, two for drugs and targets.
    """

    @property
    def units(self) -> tuple[np.ndarray, ...]: ...

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        """All figures when row ``i`` counts ``weights[i]`` times; NaN where one is undefined.

        ``weights`` is float, shape ``(rows,)``; whole numbers mean repeated rows, exactly.
        """
        ...


def unit_codes(labels: np.ndarray | Sequence) -> np.ndarray:
    """Labels of any kind (cluster names, drug ids) as integer codes from 0, shape ``(rows,)``."""
    return np.unique(np.asarray(labels), return_inverse=True)[1].astype(np.int64).reshape(-1)


def ratio(part: float, whole: float) -> float:
    """``part / whole``, or NaN when nothing is there to be a part of."""
    return float(part / whole) if whole > 0 else float("nan")
