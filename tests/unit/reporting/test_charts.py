"""What the charts count and carry, with answers worked out by hand."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import vl_convert

from bioseq_lstm.reporting import charts
from bioseq_lstm.reporting.views import chart_spec


def _rows(chart: Any) -> list[dict[str, Any]]:
    """The largest dataset of a chart."""
    return max(chart_spec(chart)["datasets"].values(), key=len)


def test_whole_numbers_get_a_bin_each() -> None:
    rows = _rows(charts.histogram(pd.DataFrame({"value": [1, 1, 3]}), label="n"))
    assert [(row["from"], row["to"], row["count"]) for row in rows] == [
        (0.5, 1.5, 2),
        (1.5, 2.5, 0),
        (2.5, 3.5, 1),
    ]


def test_groups_of_unlike_size_are_compared_by_share() -> None:
    frame = pd.DataFrame({"value": [0.1, 0.1, 0.9, 0.9], "group": ["a", "a", "a", "b"]})
    rows = _rows(charts.histogram(frame, label="x", bins=2))
    assert [(row["group"], row["count"]) for row in rows] == [
        ("a", 2), ("a", 1), ("b", 0), ("b", 1),
    ]  # fmt: skip
    assert [row["share"] for row in rows] == pytest.approx([2 / 3, 1 / 3, 0, 1], abs=1e-6)


def test_values_that_are_missing_or_infinite_are_not_drawn() -> None:
    frame = pd.DataFrame({"value": [1.0, np.nan, np.inf]})
    assert sum(row["count"] for row in _rows(charts.histogram(frame, label="x"))) == 1


def test_confusion_is_shaded_by_share_of_the_observed_class() -> None:
    matrix = pd.DataFrame([[3, 1], [0, 0]], index=["H", "E"], columns=["H", "E"])
    shares = {
        (row["truth"], row["predicted"]): row["share"] for row in _rows(charts.confusion(matrix))
    }
    assert shares == {("H", "H"): 0.75, ("H", "E"): 0.25, ("E", "H"): 0, ("E", "E"): 0}


def test_more_than_3000_points_are_drawn_as_cells_that_count_every_point_once() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(5000, 2)), columns=["truth", "predicted"])
    rows = _rows(charts.scatter(frame, label="x"))
    assert sum(row["count"] for row in rows) == 5000
    assert len(rows) < 2000
    assert len(_rows(charts.scatter(frame.head(3000), label="x"))) == 3000


def test_the_epoch_that_was_kept_is_marked_on_the_validation_curve_only() -> None:
    history = pd.DataFrame(
        {"run": "a", "epoch": [1, 2], "train": [2.0, 1.0], "validation": [2.0, 3.0], "chosen": 1}
    )
    kept = [
        (row["epoch"], row["part"]) for row in _rows(charts.learning_curves(history)) if row["kept"]
    ]
    assert kept == [(1, "validation")]


def test_each_of_several_models_has_curves_of_its_own() -> None:
    row = {"epoch": [1, 2], "train": [2.0, 1.0], "validation": [2.0, 3.0], "chosen": 1}
    history = pd.concat(
        [pd.DataFrame({**row, "model": name, "run": f"{name} seed 1"}) for name in ("b", "a")]
    )
    spec = chart_spec(charts.learning_curves(history))
    assert spec["facet"] == {"field": "model", "sort": ["b", "a"], "title": None, "type": "nominal"}
    assert {(r["model"], r["run"]) for r in _rows(charts.learning_curves(history))} == {
        ("a", "a seed 1"),
        ("b", "b seed 1"),
    }
    alone = history[history["model"] == "a"]
    assert "facet" not in chart_spec(charts.learning_curves(alone))


def _points(*values: tuple[str, float, float]) -> pd.DataFrame:
    """Rows (name, speed, value)."""
    frame = pd.DataFrame(values, columns=["name", "speed", "value"])
    return frame.assign(parameters=1, low=frame["value"] - 0.01, high=frame["value"] + 0.01)


def test_names_of_near_points_are_moved_apart_and_others_are_not() -> None:
    near = [(f"near {n}", 1000.0, 0.5 + n / 1e4) for n in range(4)]
    frame = _points(*near, ("far", 9000.0, 0.5), ("below", 1000.0, 0.3))
    shifts = {
        row["name"]: row["shift"] for row in _rows(charts.tradeoff(frame, label="", speed=""))
    }
    moved = sorted(shifts[name] for name, _, _ in near)
    assert all(after - before >= 11 for before, after in pairwise(moved))  # a line is 12 pixels
    assert shifts["far"] == shifts["below"] == 0


def test_an_interval_much_longer_than_the_points_lie_apart_is_cut() -> None:
    frame = _points(("a", 1.0, 0.5), ("b", 2.0, 0.6)).assign(low=-5.0, high=[0.62, 5.0])
    (spec, *_) = (
        layer["encoding"]["y"]["scale"]["domain"]
        for layer in chart_spec(charts.tradeoff(frame, label="x", speed="y"))["layer"]
        if "scale" in layer["encoding"]["y"]
    )
    assert spec == pytest.approx([0.5 - 0.2 - 0.005, 0.6 + 0.2 + 0.005])


def test_more_than_40_bars_become_ranked_points() -> None:
    frame = pd.DataFrame({"name": [f"c{i}" for i in range(41)], "value": np.arange(41.0)})
    frame = frame.assign(low=frame["value"] - 1, high=frame["value"] + 1)
    rows = _rows(charts.bars_with_interval(frame, label="r"))
    assert [(row["rank"], row["name"]) for row in rows[:2]] == [(1, "c40"), (2, "c39")]
    assert "rank" not in _rows(charts.bars_with_interval(frame.head(40), label="r"))[0]


def test_a_diverging_heat_map_shades_by_distance_from_zero() -> None:
    frame = pd.DataFrame({"row": "r", "column": ["a", "b", "c"], "value": [-2.0, 1.0, 0.0]})
    rows = _rows(charts.heatmap(frame, label="x", diverging=True))
    assert [(row["shade"], row["side"]) for row in rows] == [
        (1, "below zero"),
        (0.5, "above zero"),
        (0, "above zero"),
    ]


FIGURE = ["name", "kind", "value", "low", "high"]
EMPTY: list[tuple[Callable[..., Any], list[str], dict[str, Any]]] = [
    (charts.histogram, ["value"], {"label": "x"}),
    (charts.scatter, ["truth", "predicted"], {"label": "x"}),
    (charts.learning_curves, ["run", "epoch", "train", "validation", "chosen"], {}),
    (charts.intervals, FIGURE, {"label": "x"}),
    (charts.bars_with_interval, FIGURE, {"label": "x"}),
    (charts.tradeoff, [*FIGURE, "speed", "parameters"], {"label": "x", "speed": "y"}),
    (charts.heatmap, ["row", "column", "value"], {"label": "x"}),
    (charts.confusion, [], {}),
]


@pytest.mark.parametrize(("draw", "columns", "options"), EMPTY)
def test_without_values_a_chart_says_so_and_is_drawn_all_the_same(
    draw: Callable[..., Any], columns: list[str], options: dict[str, Any]
) -> None:
    chart = draw(pd.DataFrame({name: pd.Series([], dtype=float) for name in columns}), **options)
    assert "no values to draw" in vl_convert.vegalite_to_svg({**chart_spec(chart), "width": 300})
