"""Bands of similarity to the nearest training record: how far a figure carries."""

from __future__ import annotations

import numpy as np

# Edges as fractions of identity; below .25 the sequences of proteins tell no kinship.
BAND_EDGES = (0.0, 0.25, 0.3, 0.4, 0.5, 0.7, 0.9, 1.0)


def band_numbers(similarity: np.ndarray) -> np.ndarray:
    """Number of the band of each similarity (records,).

    An exact copy belongs to the highest band. NaN, where a search found nothing, belongs to the
    lowest.
    """
    filled = np.nan_to_num(np.asarray(similarity, dtype=float), nan=0.0)
    return np.clip(np.digitize(filled, BAND_EDGES) - 1, 0, len(BAND_EDGES) - 2)
