"""Expression of genes under conditions: correlation and R² across genes, plain and centred.

Most of the variance of an expression table lies between genes, so a correlation across genes says
little about conditions. The centred figures remove each gene's own level first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.metrics.correlation import Ranks, determination, weighted_pearson

METRICS: tuple[Metric, ...] = (
    Metric("pearson", "Pearson r", "", True, "across genes, mean over conditions"),
    Metric("spearman", "Spearman ρ", "", True, "across genes, mean over conditions"),
    Metric("r2", "R²", "", True, "coefficient of determination across genes, mean over conditions"),
    Metric("pearson_centred", "Pearson r, centred", "", True,
           "across genes after subtracting each gene's mean over conditions"),
    Metric("spearman_centred", "Spearman ρ, centred", "", True,
           "across genes after subtracting each gene's mean over conditions"),
    Metric("r2_centred", "R², centred", "", True,
           "across genes after subtracting each gene's mean over conditions"),
    Metric("pearson_pooled", "Pearson r, centred, pooled", "", True,
           "over all genes and conditions at once, after subtracting each gene's mean; what a "
           "condition does to all genes counts"),
    Metric("rmse", "RMSE", "unit of the table", False,
           "root mean squared error over genes and conditions, in the unit of the table"),
)  # fmt: skip


class ExpressionScorer:
    """Truth and prediction of genes under conditions; the unit of resampling is the gene's group.

    Each of ``pearson``, ``spearman`` and ``r2`` is computed across genes within one condition and
    averaged over conditions. For the ``_centred`` figures the truth of each gene minus its mean
    over the conditions, and the prediction minus its own mean over the same conditions, are
    compared across genes in the same way; ``pearson_pooled`` takes all of these, of every gene and
    condition, as one correlation, so that conditions which differ more weigh more, and to know what
    a condition does to all genes alike is worth something.

    Missing truth (NaN) is left out, gene by gene and condition by condition. Conditions in which
    the truth does not vary are left out of the averages. A prediction that does not vary across
    genes in a condition has no correlation there and counts as 0 in the average (leaving it out
    would reward it); when it varies in no condition at all the correlation is NaN.
    """

    def __init__(
        self, truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray | Sequence[int]
    ) -> None:
        """``truth`` and ``predicted`` are ``(genes, conditions)``, ``groups`` ``(genes,)``."""
        truth, predicted = np.asarray(truth, dtype=float), np.asarray(predicted, dtype=float)
        if truth.ndim != 2 or truth.shape != predicted.shape or len(groups) != len(truth):
            raise ValueError("truth, predicted and groups differ in shape")
        self.units = (np.asarray(groups),)
        known = np.isfinite(truth)
        if not np.isfinite(predicted[known]).all():
            raise ValueError("a prediction is missing or infinite where the truth is known")
        if not known.any():
            raise ValueError("the truth is missing everywhere")
        self._error = np.where(known, truth - predicted, 0.0) ** 2
        self._known = known
        self._plain = _Across(truth, predicted, known)
        truth, predicted = (_minus_gene_mean(table, known) for table in (truth, predicted))
        self._centred = _Across(truth, predicted, known)
        # Each gene's values sum to 0, so squares and products are all that a pooled r needs.
        truth, predicted = np.where(known, truth, 0.0), np.where(known, predicted, 0.0)
        self._within = np.stack(
            [(truth**2).sum(axis=1), (predicted**2).sum(axis=1), (truth * predicted).sum(axis=1)]
        )

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        plain, within = self._plain.columns(weights), self._centred.columns(weights)
        figures = {key: _average(plain, key) for key in plain}
        figures |= {f"{key}_centred": _average(within, key) for key in within}
        of_truth, of_guess, of_both = self._within @ weights
        varied = of_truth > 0 and of_guess > 0
        figures["pearson_pooled"] = (
            float(of_both / (of_truth * of_guess) ** 0.5) if varied else float("nan")
        )
        total = float(weights @ self._known.sum(axis=1))
        squares = float(weights @ self._error.sum(axis=1))
        figures["rmse"] = (squares / total) ** 0.5 if total > 0 else float("nan")
        return figures

    def per_condition(
        self, conditions: Sequence[str], weights: np.ndarray | None = None
    ) -> pd.DataFrame:
        """One row per condition: condition, genes (known), and each figure."""
        whole = np.ones(len(self._known)) if weights is None else weights
        plain, within = self._plain.columns(whole), self._centred.columns(whole)
        table = {"condition": list(conditions), "genes": self._known.sum(axis=0)}
        table |= plain | {f"{key}_centred": within[key] for key in within}
        return pd.DataFrame(table)


class _Across:
    """Figures across rows, for each column on its own; hidden entries weigh nothing."""

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, known: np.ndarray) -> None:
        self._known = known.astype(float)
        self._truth = np.where(known, truth, 0.0)
        self._guess = np.where(known, predicted, 0.0)
        self._truth_ranks, self._guess_ranks = Ranks(self._truth), Ranks(self._guess)

    def columns(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        w = weights[:, None] * self._known
        return {
            "pearson": weighted_pearson(self._truth, self._guess, w),
            "spearman": weighted_pearson(self._truth_ranks(w), self._guess_ranks(w), w),
            "r2": determination(self._truth, self._guess, w),
        }


def _minus_gene_mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Each row minus its mean over the known conditions, without the digits that rounding adds.

    Subtracting leaves noise in the sixteenth digit; without rounding it away, equal predictions
    would get different ranks.
    """
    counts = known.sum(axis=1, keepdims=True)
    shown = np.where(known, values, 0.0)
    centred = shown - shown.sum(axis=1, keepdims=True) / np.maximum(counts, 1)
    scale = np.abs(shown).max()
    return centred if scale == 0 else np.round(centred / scale, 10) * scale


def _average(columns: dict[str, np.ndarray], key: str) -> float:
    """Mean over the conditions in which the truth varies; see ExpressionScorer for the rest."""
    values = columns[key]
    counted = values[np.isfinite(columns["r2"])]
    if not np.isfinite(counted).any():
        return float("nan")
    return float(np.nan_to_num(counted).mean())
