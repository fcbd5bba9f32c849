from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.learning.verdict import (
    below_floor,
    control_finds_something,
    lookup_is_good,
    verdict,
)
from bioseq_lstm.metrics.base import Metric

Q3 = Metric("q3", "Q3", "", True, "")
MSE = Metric("mse", "MSE", "", False, "")


def figures(*rows: tuple[str, str, float, float, float], metric: str = "q3") -> pd.DataFrame:
    """Rows (name, kind, value, low, high), and the same under another figure to be passed over."""
    table = pd.DataFrame(rows, columns=["name", "kind", "value", "low", "high"])
    other = table.assign(metric="other", value=99.0, low=98.0, high=100.0)
    return pd.concat([other, table.assign(metric=metric)], ignore_index=True)


def differences(
    difference: float, low: float, high: float, metric: Metric = Q3, name: str = "bilstm"
) -> pd.DataFrame:
    row: dict[str, Any] = {
        "name": name,
        "baseline": "window",
        "metric": metric.key,
        "difference": difference,
        "low": low,
        "high": high,
        "better": difference > 0 if metric.higher_is_better else difference < 0,
        "certain": low > 0 or high < 0,
    }
    return pd.DataFrame([row, {**row, "metric": "other", "baseline": "another"}])


FIGURES = figures(
    ("bilstm", "model", 0.71, 0.69, 0.73),
    ("window", "baseline", 0.66, 0.64, 0.68),
    ("bilstm, labels shuffled", "control", 0.41, 0.39, 0.43),
)


def told(metric: Metric, difference: float, low: float, high: float) -> str:
    """The sentence on the model and its best baseline."""
    table = figures(("bilstm", "model", 0.71, 0.69, 0.73), metric=metric.key)
    _, sentence = verdict(metric, table, differences(difference, low, high, metric), "bilstm", "x")
    return sentence


def test_the_verdict_is_the_figure_the_baseline_and_the_control() -> None:
    said = verdict(Q3, FIGURES, differences(0.05, 0.03, 0.07), "bilstm", "180 chains in 171 groups")
    assert said == [
        "bilstm reaches Q3 0.710 (95 % interval 0.690 to 0.730) on 180 chains in 171 groups.",
        "bilstm beats the best baseline, window, by 0.050 Q3 "
        "(95 % interval of the difference +0.030 to +0.070).",
        "Control: bilstm, labels shuffled, reaches 0.410 (95 % interval 0.390 to 0.430).",
    ]


@pytest.mark.parametrize(
    ("difference", "low", "high"),
    [(0.05, -0.01, 0.11), (0.05, 0.0, 0.1), (-0.05, -0.11, 0.01), (0.05, np.nan, np.nan)],
    ids=["above", "touching zero", "below", "no interval"],
)
@pytest.mark.parametrize("metric", [Q3, MSE])
def test_a_difference_whose_interval_holds_zero_is_no_victory(
    metric: Metric, difference: float, low: float, high: float
) -> None:
    sentence = told(metric, difference, low, high)
    assert "cannot be told apart" in sentence
    assert "beats" not in sentence
    assert "worse" not in sentence


def test_an_error_that_is_certainly_smaller_is_a_victory() -> None:
    assert "beats the best baseline, window, by 0.050 MSE" in told(MSE, -0.05, -0.07, -0.03)
    assert "is worse than the best baseline" in told(MSE, 0.05, 0.03, 0.07)


def test_a_model_that_is_certainly_worse_is_called_so() -> None:
    assert "is worse than the best baseline, window, by 0.050 Q3" in told(Q3, -0.05, -0.07, -0.03)


def test_without_an_interval_that_is_said() -> None:
    table = figures(("bilstm", "model", 0.71, np.nan, np.nan))
    said = verdict(Q3, table, differences(0.05, np.nan, np.nan), "bilstm", "2 chains")
    assert "0.710 (no interval: too few independent units)" in said[0]
    assert "(no interval: too few independent units)" in said[1]


def test_every_model_is_compared_also_those_not_chosen() -> None:
    both = pd.concat([differences(0.05, 0.03, 0.07), differences(-0.1, -0.2, -0.05, name="poor")])
    said = verdict(Q3, FIGURES, both, "bilstm", "x")
    assert said[1].startswith("bilstm beats")
    assert said[2].startswith("poor is worse")


@pytest.mark.parametrize(
    ("metric", "difference", "warned"),
    [
        (Q3, -0.01, True),
        (Q3, 0.01, False),
        (Q3, 0.0, False),
        (MSE, 0.01, True),
        (MSE, -0.01, False),
    ],
)
def test_a_model_below_its_floor_is_warned_of(
    metric: Metric, difference: float, warned: bool
) -> None:
    found = below_floor([metric], differences(difference, difference - 1, difference + 1, metric))
    assert len(found) == warned
    assert all(f"{metric.label} by {abs(difference):.3f} (window" in text for text in found)


@pytest.mark.parametrize(
    ("metric", "low", "high", "chance", "warned"),
    [
        (Q3, 0.45, 0.55, 0.40, True),
        (Q3, 0.35, 0.45, 0.40, False),
        (Q3, 0.30, 0.35, 0.40, False),
        (MSE, 0.7, 0.8, 0.9, True),
        (MSE, 0.7, 1.0, 0.9, False),
        (MSE, 1.0, 1.1, 0.9, False),
        (Q3, np.nan, np.nan, 0.40, False),
        (Q3, 0.45, 0.55, None, False),
    ],
)
def test_a_control_that_finds_something_is_warned_of(
    metric: Metric, low: float, high: float, chance: float | None, warned: bool
) -> None:
    table = figures(
        ("m, labels shuffled", "control", (low + high) / 2, low, high),
        ("m", "model", 0.9, 0.8, 1.0),
        metric=metric.key,
    )
    found = control_finds_something(metric, table, chance)
    assert len(found) == warned
    assert all("m, labels shuffled, is better than chance" in text for text in found)


@pytest.mark.parametrize(
    ("metric", "copied", "own", "warned"),
    [(Q3, 0.8, 0.7, True), (Q3, 0.7, 0.7, True), (Q3, 0.6, 0.7, False), (MSE, 0.6, 0.7, True),
     (MSE, 0.8, 0.7, False), (Q3, np.nan, 0.7, False)],
)  # fmt: skip
def test_copying_the_nearest_label_must_not_do_as_well(
    metric: Metric, copied: float, own: float, warned: bool
) -> None:
    table = figures(
        ("m", "model", own, 0.0, 1.0),
        ("nearest training record", "baseline", copied, 0.0, 1.0),
        metric=metric.key,
    )
    found = lookup_is_good(metric, table, "nearest training record", "m")
    assert len(found) == warned
    assert lookup_is_good(metric, table, "a baseline that was not run", "m") == []


def test_a_model_below_several_floors_is_warned_of_once_and_chance_is_told_apart() -> None:
    table = pd.concat([differences(-0.1, -0.2, -0.05, Q3), differences(0.1, -0.1, 0.3, MSE)])
    (found,) = below_floor([Q3, MSE], table)
    assert "Certainly: Q3 by 0.100" in found
    assert "Perhaps by chance: MSE by 0.100" in found


def test_a_look_up_at_chance_gives_nothing_away_however_poor_the_model() -> None:
    table = figures(("m", "model", 0.35, 0.3, 0.4), ("look-up", "baseline", 0.35, 0.3, 0.4))
    assert lookup_is_good(Q3, table, "look-up", "m", chance=0.35) == []
    assert len(lookup_is_good(Q3, table, "look-up", "m", chance=0.25)) == 1
