"""How much another training would differ: intervals over seeds, and with other test records."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t

from bioseq_lstm.metrics.bootstrap import LEVEL


def t_interval(mean: float, sd: float, seeds: int) -> tuple[float, float]:
    """95 % t-interval of a mean over seeds; NaN for a single seed, which says nothing of others.

    Args:
        sd: standard deviation over the seeds, with ``seeds - 1`` below the fraction.
    """
    if seeds < 2:
        return math.nan, math.nan
    half = float(t.ppf((1 + LEVEL) / 2, seeds - 1)) * sd / math.sqrt(seeds)
    return mean - half, mean + half


def paired_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """95 % t-interval of the mean of ``a - b``, each (seeds,), where seed stands by seed."""
    difference = a - b
    sd = difference.std(ddof=1) if len(difference) > 1 else math.nan
    return t_interval(float(difference.mean()), float(sd), len(difference))


def combined_interval(
    value: float, first: tuple[float, float], second: tuple[float, float]
) -> tuple[float, float]:
    """The interval of ``value`` for two sources of variation, from the interval for each alone.

    Distances from the value are added in squares, as variances of independent sources are
    (MOVER: Zou & Donner 2008, "Construction of confidence limits about effect measures", Statistics
    in Medicine 27, 1693-1702). That neither interval alone holds 0 would not do: where both
    sources vary alike and seeds are many, it is so for a difference of 0 more often than one time
    in ten. NaN where an interval is.
    """
    below = math.hypot(*(np.maximum(value - low, 0.0) for low, _ in (first, second)))
    above = math.hypot(*(np.maximum(high - value, 0.0) for _, high in (first, second)))
    return value - below, value + above
