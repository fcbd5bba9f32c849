"""Weighted moments and ranks, column by column, exact for whole-number weights as repeated rows."""

from __future__ import annotations

import numpy as np

# A variance below this share of the squared mean is rounding (float32 predictions included).
_CONSTANT = 1e-12


def weighted_moments(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Variance of ``x``, variance of ``y`` and their covariance, each ``(columns,)``.

    ``x`` and ``y`` are ``(rows, columns)``, ``weights`` ``(rows, columns)`` or ``(rows, 1)``.
    Denominator is the sum of weights; NaN where that is 0; 0 where only rounding is left.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.broadcast_to(weights, x.shape)
        total = spread.sum(axis=0)
        mean_x, mean_y = _column_sums(spread, x) / total, _column_sums(spread, y) / total
        dx, dy = x - mean_x, y - mean_y
        weighted = weights * dx
        var_x, covariance = _column_sums(weighted, dx) / total, _column_sums(weighted, dy) / total
        var_y = _column_sums(weights * dy, dy) / total
    var_x = np.where(var_x <= _CONSTANT * mean_x**2, 0.0, var_x)
    var_y = np.where(var_y <= _CONSTANT * mean_y**2, 0.0, var_y)
    return var_x, var_y, covariance


def weighted_pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column, ``(columns,)``; NaN where either side is constant."""
    var_x, var_y, covariance = weighted_moments(x, y, weights)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(var_x * var_y > 0, covariance / np.sqrt(var_x * var_y), np.nan)


class Ranks:
    """Mid-ranks of each column under any row weights; the sorting is done once.

    With whole-number weights the ranks are those of ``scipy.stats.rankdata`` after repeating every
    row; a group of tied rows shares the mean of the ranks that it covers.
    """

    def __init__(self, values: np.ndarray) -> None:
        """``values`` is ``(rows, columns)`` and has no NaN."""
        rows, columns = values.shape
        order = np.argsort(values, axis=0, kind="stable")
        ordered = np.take_along_axis(values, order, axis=0)
        position = np.arange(rows)[:, None]
        new = np.ones(values.shape, dtype=bool)
        new[1:] = ordered[1:] != ordered[:-1]
        last = np.ones(values.shape, dtype=bool)
        last[:-1] = new[1:]
        first = np.maximum.accumulate(np.where(new, position, 0), axis=0)
        end = np.minimum.accumulate(np.where(last, position + 1, rows)[::-1], axis=0)[::-1]
        # Places in flat arrays: looking up by one flat index is several times faster than by two.
        self._order = order * columns + np.arange(columns)
        place = np.empty_like(order)
        np.put_along_axis(place, order, position, axis=0)
        self._first = np.take_along_axis(first, place, axis=0) * columns + np.arange(columns)
        self._end = np.take_along_axis(end, place, axis=0) * columns + np.arange(columns)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Ranks, ``(rows, columns)``, for ``weights`` of ``(rows, columns)`` or ``(rows, 1)``."""
        spread = np.broadcast_to(weights, self._order.shape)
        sums = np.zeros((len(self._order) + 1, self._order.shape[1]))
        np.cumsum(np.take(spread, self._order), axis=0, out=sums[1:])
        return (np.take(sums, self._first) + np.take(sums, self._end) + 1) / 2


def _column_sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sum of products down each column."""
    return np.einsum("ij,ij->j", x, y)


def determination(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """R², the coefficient of determination, of each column: 1 - SSE / SS around the mean of truth.

    It is 0 for the mean of the test truth and negative for anything worse; it is not the square of
    a correlation. NaN where the truth is constant.
    """
    spread = np.broadcast_to(weights, truth.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = spread.sum(axis=0)
        mean = _column_sums(spread, truth) / total
        variance = _column_sums(spread * (truth - mean), truth - mean) / total
        error = _column_sums(spread * (truth - predicted), truth - predicted) / total
        return np.where(variance > _CONSTANT * mean**2, 1 - error / variance, np.nan)
