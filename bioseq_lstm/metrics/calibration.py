"""Whether a stated confidence is kept: reliability of class confidences, coverage of intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Metric, ratio

BINS = 10

METRICS: tuple[Metric, ...] = (
    Metric("ece", "Calibration error", "", False,
           "mean distance between stated confidence and accuracy, over ten bins of confidence"),
)  # fmt: skip


class CalibrationScorer:
    """Confidence and correctness per residue of many chains, resampled by the chain's group.

    ``ece`` is the expected calibration error (Naeini, Cooper & Hauskrecht 2015, AAAI): residues are
    put into ten bins of equal width by confidence, ``(k/10, (k+1)/10]``, the first one with 0; the
    distance between mean confidence and accuracy of each bin is averaged by number of residues.
    """

    def __init__(
        self,
        confidence: Sequence[np.ndarray],
        correct: Sequence[np.ndarray],
        groups: np.ndarray | Sequence[int],
    ) -> None:
        """``confidence`` (0 to 1) and ``correct`` (bool) list one array per chain; residues without
        known truth must be left out of both. ``groups`` is ``(chains,)``."""
        if not len(confidence) == len(correct) == len(groups):
            raise ValueError("confidence, correct and groups differ in number of chains")
        self.units = (np.asarray(groups),)
        self._sums = np.stack(
            [
                _bin_sums(np.asarray(c), np.asarray(r))
                for c, r in zip(confidence, correct, strict=True)
            ]
        )

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        counts, confidence, correct = np.tensordot(weights, self._sums, axes=1)
        return {"ece": ratio(np.abs(confidence - correct).sum(), counts.sum())}

    def table(self) -> pd.DataFrame:
        """The reliability diagram: one row per bin: low, high, residues, confidence, accuracy."""
        counts, confidence, correct = self._sums.sum(axis=0)
        edges = np.arange(BINS + 1) / BINS
        return pd.DataFrame(
            {
                "low": edges[:-1],
                "high": edges[1:],
                "residues": counts.astype(np.int64),
                "confidence": [ratio(c, n) for c, n in zip(confidence, counts, strict=True)],
                "accuracy": [ratio(c, n) for c, n in zip(correct, counts, strict=True)],
            }
        )


class CoverageScorer:
    """Whether true values lie inside their stated intervals, resampled by unit.

    ``coverage`` is the share of known values inside; NaN truth is left out.
    """

    def __init__(
        self, truth: np.ndarray, low: np.ndarray, high: np.ndarray, *units: np.ndarray
    ) -> None:
        """All ``(values,)``; one array of units, or two for drugs and targets."""
        self.units = units
        self._known = np.isfinite(truth).astype(float)
        self._inside = ((truth >= low) & (truth <= high)).astype(float)

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        inside = weights @ (self._inside * self._known)
        return {"coverage": ratio(inside, weights @ self._known)}


def _bin_sums(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Residues, summed confidence and correct residues per bin: ``(3, bins)``."""
    if confidence.shape != correct.shape:
        raise ValueError(f"{len(confidence)} confidences but {len(correct)} outcomes")
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise ValueError("a confidence lies outside 0 to 1")
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return np.stack(
        [
            np.bincount(bins, minlength=BINS).astype(float),
            np.bincount(bins, confidence, minlength=BINS),
            np.bincount(bins, correct.astype(float), minlength=BINS),
        ]
    )
