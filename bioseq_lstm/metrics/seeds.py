"""How much another training would differ: intervals over seeds."""

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
