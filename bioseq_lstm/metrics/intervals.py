"""Intervals for single predictions, from residuals on held-out records."""

from __future__ import annotations

import numpy as np


def conformal_half_width(residuals: np.ndarray, level: float = 0.95) -> float:
    """Half-width that held the share ``level`` of absolute residuals on held-out records.

    Split conformal prediction (Lei et al. 2018, JASA 113, 1094-1111): the
    ceil((n + 1) level)-th smallest of n absolute residuals; with too few of them for the level,
    the largest. NaN are left out. A new residual lies within it with that probability only if it
    is exchangeable with these: records of another kind are not, and where the same records chose
    the epoch, the width is a little too small. The report states what it held on the test part.
    """
    known = np.sort(np.abs(residuals[np.isfinite(residuals)]))
    if len(known) == 0:
        raise ValueError("no residual to take an interval from")
    rank = int(np.ceil((len(known) + 1) * level))
    return float(known[min(rank, len(known)) - 1])
