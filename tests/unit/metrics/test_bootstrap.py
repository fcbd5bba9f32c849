from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats

from bioseq_lstm.metrics.bootstrap import bootstrap


@dataclass(frozen=True)
class Mean:
    """The weighted mean of one number per row: a figure whose standard error is known."""

    values: np.ndarray
    units: tuple[np.ndarray, ...]

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        return {"mean": float(weights @ self.values / weights.sum())}


def test_the_interval_of_a_mean_of_independent_rows_is_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(size=400)
    interval = bootstrap({"a": [Mean(values, (np.arange(400),))]}, replicates=4000).estimate(
        "a", "mean"
    )
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    assert interval.value == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.01)


def test_rows_of_one_group_are_drawn_together() -> None:
    # 50 groups of 20 equal rows hold 50 observations, not 1000.
    per_group = np.random.default_rng(1).normal(size=50)
    groups = np.repeat(np.arange(50), 20)
    interval = bootstrap({"a": [Mean(per_group[groups], (groups,))]}, 4000).estimate("a", "mean")
    low, high = stats.norm.interval(0.95, per_group.mean(), stats.sem(per_group))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.04)


def test_two_axes_add_their_variances() -> None:
    # An additive table: the mean is the sum of the means of both axes.
    generator = np.random.default_rng(2)
    drugs, targets = generator.normal(size=60), generator.normal(size=40)
    d, t = (axis.ravel() for axis in np.meshgrid(np.arange(60), np.arange(40), indexing="ij"))
    result = bootstrap({"a": [Mean(drugs[d] + targets[t], (d, t))]}, 4000)
    error = np.hypot(stats.sem(drugs), stats.sem(targets))
    assert result.draws["a"].std() == pytest.approx(error, rel=0.05)
    assert result.units == (60, 40)


def test_a_difference_is_paired_on_the_same_draws() -> None:
    values = np.random.default_rng(3).normal(size=100)
    units = (np.arange(100),)
    result = bootstrap({"a": [Mean(values + 0.1, units)], "b": [Mean(values, units)]})
    difference = result.difference("a", "b")["mean"]
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.1, 0.1, 0.1))
    assert difference.excludes_zero
    assert not result.estimate("b", "mean").excludes_zero


def test_a_figure_of_several_seeds_is_their_mean() -> None:
    units = (np.arange(10),)
    rows = np.arange(10.0)
    result = bootstrap({"a": [Mean(rows, units), Mean(rows + 2, units)]}, replicates=20)
    assert result.estimate("a", "mean").value == pytest.approx(5.5)
    np.testing.assert_allclose(result.seeds("a", "mean"), [4.5, 6.5])
    assert result.table().loc[0, "seed_sd"] == pytest.approx(2**0.5)


def test_the_same_seed_gives_the_same_draws_and_another_seed_others() -> None:
    scorers = {"a": [Mean(np.arange(10.0), (np.arange(10),))]}
    first, again, other = (bootstrap(scorers, 50, seed).draws["a"] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_single_unit_gives_a_figure_and_no_interval() -> None:
    interval = bootstrap({"a": [Mean(np.arange(5.0), (np.zeros(5, dtype=int),))]}).estimate(
        "a", "mean"
    )
    assert interval.value == 2
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)


def test_rows_that_do_not_match_are_refused() -> None:
    a = Mean(np.arange(3.0), (np.array([0, 1, 2]),))
    b = Mean(np.arange(3.0), (np.array([0, 0, 1]),))
    with pytest.raises(ValueError, match="same rows"):
        bootstrap({"a": [a], "b": [b]})
