"""Intervals for single predictions, from residuals on held-out records."""

from __future__ import annotations

import numpy as np


def conformal_half_width(residuals: np.ndarray, level: float = 0.95) -> float:
    """Half-width that holds a new absolute residual with probability ``level``.

    Split conformal prediction (Lei et al. 2018, JASA 113, 1094-1111): the
    ceil((n + 1) level)-th smallest of n absolute residuals; with too few of them for the level,
    the largest. NaN are left out.
    """
    known = np.sort(np.abs(residuals[np.isfinite(residuals)]))
    if len(known) == 0:
        raise ValueError("no residual to take an interval from")
    rank = int(np.ceil((len(known) + 1) * level))
    return float(known[min(rank, len(known)) - 1])
