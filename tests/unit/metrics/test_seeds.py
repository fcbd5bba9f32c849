from __future__ import annotations

import math

import numpy as np
import pytest

from bioseq_lstm.metrics.seeds import paired_interval, t_interval


@pytest.mark.parametrize(
    ("seeds", "quantile"),
    # two-sided 95 % of Student's t with seeds - 1 degrees of freedom, as tables print it
    [(2, 12.706), (3, 4.303), (5, 2.776), (31, 2.042)],
)
def test_the_interval_is_students(seeds: int, quantile: float) -> None:
    half = quantile * 0.2 / math.sqrt(seeds)
    assert t_interval(1.0, 0.2, seeds) == pytest.approx((1 - half, 1 + half), abs=1e-4)


def test_one_seed_has_no_interval() -> None:
    assert all(map(math.isnan, t_interval(1.0, math.nan, 1)))
    assert all(map(math.isnan, paired_interval(np.array([2.0]), np.array([1.0]))))


def test_what_seeds_share_drops_out_of_a_paired_interval() -> None:
    shared = np.array([0.0, 5.0, -3.0])
    low, high = paired_interval(shared + 1, shared)
    assert (low, high) == pytest.approx((1, 1))
