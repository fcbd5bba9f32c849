from __future__ import annotations

import numpy as np
import pytest

from bioseq_lstm.metrics.bands import BAND_EDGES, band_numbers


@pytest.mark.parametrize(
    ("similarity", "low", "high"),
    [
        (0.0, 0.0, 0.25),
        (0.2499, 0.0, 0.25),
        (0.25, 0.25, 0.3),
        (0.3, 0.3, 0.4),
        (0.65, 0.5, 0.7),
        (0.9, 0.9, 1.0),
        (1.0, 0.9, 1.0),
        (np.nan, 0.0, 0.25),
    ],
    ids=["nothing alike", "below an edge", "on an edge", "second edge", "within", "last edge",
         "an exact copy", "no hit at all"],
)  # fmt: skip
def test_a_similarity_lies_between_the_edges_of_its_band(
    similarity: float, low: float, high: float
) -> None:
    (band,) = band_numbers(np.array([similarity]))
    assert (BAND_EDGES[band], BAND_EDGES[band + 1]) == (low, high)


def test_bands_cover_all_similarities_without_a_gap() -> None:
    assert (BAND_EDGES[0], BAND_EDGES[-1]) == (0.0, 1.0)
    assert list(BAND_EDGES) == sorted(set(BAND_EDGES))
    bands = band_numbers(np.linspace(0, 1, 1001))
    assert sorted(set(bands.tolist())) == list(range(len(BAND_EDGES) - 1))
    assert (np.diff(bands) >= 0).all()
