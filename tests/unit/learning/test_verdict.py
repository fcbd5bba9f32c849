from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.learning.verdict import (
    below_floor,
    control_finds_something,
    farthest,
    lookup_is_good,
    none_beats,
    told_apart,
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
    said = verdict(metric, table, differences(difference, low, high, metric), "bilstm", "x")
    return said[1]


def test_the_verdict_is_the_figure_the_baseline_and_the_control() -> None:
    said = verdict(Q3, FIGURES, differences(0.05, 0.03, 0.07), "bilstm", "180 chains in 171 groups")
    assert said == [
        "bilstm reaches Q3 0.710 (95 % interval 0.690 to 0.730) on 180 chains in 171 groups.",
        "bilstm beats the best baseline, window, by 0.050 Q3 "
        "(95 % interval of the difference +0.030 to +0.070).",
        "Control: bilstm, labels shuffled, reaches 0.410 (95 % interval 0.390 to 0.430).",
    ]


def test_what_a_stacked_model_is_stands_beside_the_figure_that_it_reaches() -> None:
    names = ["bilstm", "a", "b", "c"]
    sums = {name: f"{name} is a sum." for name in names}
    few = {name: sums[name] for name in names[:3]}
    said = verdict(Q3, FIGURES, differences(0.05, 0.03, 0.07), "bilstm", "x", few)
    assert said[1:4] == ["bilstm is a sum.", "a is a sum.", "b is a sum."]
    # Of many only the chosen one, whose figure it is.
    said = verdict(Q3, FIGURES, differences(0.05, 0.03, 0.07), "bilstm", "x", sums)
    assert said[1] == "bilstm is a sum."
    assert said[2].startswith("bilstm beats")


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


# --- many models


NAMES = ["lstm", "peephole", "coupled", "skip", "matrix"]
MANY = pd.concat(
    [
        differences(0.05, 0.03, 0.07, name="lstm"),
        differences(0.04, 0.02, 0.06, name="peephole"),
        differences(0.03, 0.01, 0.05, name="coupled"),
        differences(0.01, -0.01, 0.03, name="skip"),
        differences(-0.04, -0.05, -0.03, name="matrix"),
    ]
)


def test_of_many_models_the_chosen_one_is_told_alone_and_the_others_together() -> None:
    table = figures(*((name, "model", 0.7, 0.6, 0.8) for name in NAMES))
    said = verdict(Q3, table, MANY, "coupled", "x")
    assert said[1].startswith("coupled beats the best baseline, window, by 0.030 Q3")
    assert said[2] == (
        "Beside the best baseline, window, the other 4 models are in Q3 "
        "better (lstm, peephole), not told apart (skip), worse (matrix)."
    )


def test_many_models_below_their_floors_make_one_warning() -> None:
    below = pd.concat(
        [
            *(differences(-0.1, -0.2, -0.05, name=name) for name in NAMES[:4]),
            differences(0.1, -0.1, 0.3, MSE, name="matrix"),
        ]
    )
    (found,) = below_floor([Q3, MSE], below)
    assert found.startswith("5 models are below their floors. ")
    assert "Q3 (window): certainly lstm, peephole, coupled, skip. " in found
    assert "MSE (window): perhaps by chance matrix. " in found


def test_many_controls_are_told_by_their_range() -> None:
    models = [(name, "model", 0.7, 0.6, 0.8) for name in NAMES]
    controls = [
        (f"{name}, labels shuffled", "control", 0.3 + place / 100, 0.2, 0.5)
        for place, name in enumerate(NAMES)
    ]
    said = verdict(Q3, figures(*models, *controls), MANY, "lstm", "x")
    assert said[-1] == "Controls: the 5 models, labels shuffled, reach 0.300 to 0.340."


def test_where_no_control_was_trained_that_is_said() -> None:
    table = figures(("bilstm", "model", 0.71, 0.69, 0.73))
    said = verdict(Q3, table, differences(0.05, 0.03, 0.07), "bilstm", "x")
    assert said[-1].startswith("No control was trained on shuffled labels (controls: none)")


# --- models against each other


def compared(*rows: tuple[str, float, bool], metric: Metric = Q3) -> pd.DataFrame:
    """Rows (name, difference, told apart), and others of a figure to be passed over."""
    table = pd.DataFrame(rows, columns=["name", "difference", "told_apart"])
    table = table.assign(against="lstm", metric=metric.key)
    return pd.concat([table.assign(metric="other", told_apart=True), table])


@pytest.mark.parametrize(("metric", "sign"), [(Q3, 1), (MSE, -1)])
def test_models_are_better_worse_or_not_told_apart(metric: Metric, sign: int) -> None:
    rows = [("a", 0.1, True), ("b", -0.1, True), ("c", 0.2, False), ("d", 0.3, True)]
    table = compared(*((name, sign * size, apart) for name, size, apart in rows), metric=metric)
    said = told_apart(metric, table, 3)
    assert said[0].startswith(
        f"In {metric.label}, better than lstm: a, d; worse than lstm: b; "
        "not told apart from lstm: c."
    )
    assert said[1].startswith("4 comparisons with lstm, not corrected for their number")


def test_where_nothing_is_told_apart_no_model_is_called_better() -> None:
    said = told_apart(Q3, compared(("a", 0.1, False), ("b", -0.1, False)), 3)
    assert said[0].startswith("In Q3, not told apart from lstm: a, b.")


def test_one_seed_makes_no_claim() -> None:
    (said,) = told_apart(Q3, compared(("a", 0.9, False)), 1)
    assert said.startswith("No two models are told apart: one seed")


def bands(*records: int) -> pd.DataFrame:
    edges = [0.0, 0.25, 0.5, 1.0]
    rows = zip(edges, edges[1:], records, strict=False)
    table = pd.DataFrame(rows, columns=["from", "to", "records"])
    return table.assign(metric="q3", value=0.6, low=0.5, high=0.7)


def test_the_figure_on_the_records_farthest_from_training_is_told() -> None:
    (said,) = farthest(Q3, bands(12, 0, 40), "bilstm")
    assert said.startswith("On the 12 test records that are at most 25% like their nearest")
    assert "bilstm reaches 0.600 (95 % interval 0.500 to 0.700)" in said
    (said,) = farthest(Q3, bands(0, 7, 40), "bilstm")
    assert said.startswith("On the 7 test records that are 25% to 50% like")
    assert said.endswith("of records less like training nothing is known.")
    undefined = bands(1, 0, 40).assign(value=lambda table: table["value"].where(table["from"] > 0))
    assert farthest(Q3, undefined, "bilstm") == []


def test_where_all_records_are_equally_far_the_figure_is_not_told_twice() -> None:
    (said,) = farthest(Q3, bands(12, 0, 0), "bilstm")
    assert said == "All test records are at most 25% like their nearest training record."
    assert farthest(Q3, bands(0, 0, 0), "bilstm") == []


def test_no_model_is_said_to_beat_a_baseline_by_chance() -> None:
    assert none_beats(Q3, differences(0.05, 0.03, 0.07)) == []
    for low, high in ((-0.02, 0.07), (-0.09, -0.03)):
        (said,) = none_beats(Q3, differences((low + high) / 2, low, high))
        assert said.startswith("No model beats window here")
    lower = differences(-0.05, -0.07, -0.03, MSE)
    assert none_beats(MSE, lower) == []
