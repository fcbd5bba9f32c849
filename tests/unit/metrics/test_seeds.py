from __future__ import annotations

import math

import numpy as np
import pytest

from bioseq_lstm.metrics.seeds import combined_interval, paired_interval, t_interval


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


def test_two_sources_of_variation_add_in_squares() -> None:
    # 3 and 4 below, 5 and 12 above: 5 and 13
    assert combined_interval(20.0, (17.0, 25.0), (16.0, 32.0)) == (15.0, 33.0)


def test_a_source_that_varies_not_changes_nothing() -> None:
    assert combined_interval(1.0, (0.5, 2.0), (1.0, 1.0)) == (0.5, 2.0)


def test_a_value_outside_one_of_its_intervals_counts_as_at_its_end() -> None:
    assert combined_interval(1.0, (1.5, 2.0), (0.0, 1.0)) == (0.0, 2.0)


@pytest.mark.parametrize("nan_first", [True, False])
def test_without_one_of_the_intervals_there_is_none_of_both(nan_first: bool) -> None:
    pair = ((math.nan, math.nan), (0.0, 2.0))
    both = combined_interval(1.0, *(pair if nan_first else pair[::-1]))
    assert all(map(math.isnan, both))


@pytest.mark.parametrize("spread", [0.0, 1.0, 10.0])
def test_where_nothing_differs_no_more_than_one_in_twenty_is_told_apart(spread: float) -> None:
    """Ten seeds; ``spread`` is that of their mean, against 1 of the test units."""
    rng, found, tries = np.random.default_rng(0), 0, 4000
    for _ in range(tries):
        of_units = rng.normal()
        seeds = of_units + rng.normal(0, spread * math.sqrt(10), 10)
        value = float(seeds.mean())
        over_seeds = paired_interval(seeds, np.zeros(10))
        low, high = combined_interval(value, (value - 1.96, value + 1.96), over_seeds)
        found += low > 0 or high < 0
    # Three standard deviations of a share of 0.05 among 4,000 are 0.010. Where each interval is
    # asked alone, the share is 0.115 at a spread of 1.
    assert found / tries < 0.06
