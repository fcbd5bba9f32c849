"""Models side by side: what the table and its chart say, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from bioseq_lstm.learning.compared import models_compared
from bioseq_lstm.learning.costs import TrainedRun, costs, encoder_text, invariance_text
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.reporting.panels import Chart, Panel, Table, Text

Q3 = Metric("q3", "Q3", "", True, "")
MSE = Metric("mse", "MSE", "", False, "")


def run(model: str, seed: int, fold: int = 0, **cost: Any) -> TrainedRun:
    settings = ModelSettings.model_validate({"encoder": {"name": "lstm", "hidden_size": 8}})
    spent = {
        "parameters": 900,
        "epochs": 4,
        "training_seconds": 8.0,
        "tokens_per_second": 1000.0,
        "prediction_tokens_per_second": 5000.0,
        "engine": "torch",
        "precision": "32-true",
        "device": "cpu",
        **cost,
    }
    card = {
        "best_epoch": seed,
        "cost": spent,
        "settings": settings.model_dump(mode="json"),
        "invariance": {"records": 16, "largest_change": 10.0 ** -(6 + seed)},
    }
    seconds = [3.0, 1.0, 2.0, 2.0]
    history = pd.DataFrame({"epoch": range(4), "seconds": seconds})
    return TrainedRun(model, fold, seed, history, card)


def test_the_largest_change_of_any_run_is_told_with_its_name() -> None:
    told = invariance_text([run("a", 2), run("b", 1), run("a", 3)])
    assert "any predicted value is 1e-07 (b fold 0 seed 1)" in str(told.paragraphs[0])


def figures(metric: Metric, *rows: tuple[str, float, float], seeds: int) -> pd.DataFrame:
    """Rows (model, value, sd over seeds), and a baseline that is to be passed over."""
    table = pd.DataFrame(rows, columns=["name", "value", "seed_sd"])
    table = table.assign(kind="model", low=0.1, high=0.9, seeds=seeds, metric=metric.key)
    return pd.concat([table, table.head(1).assign(name="window", kind="baseline", seeds=1)])


def comparisons(metric: Metric) -> pd.DataFrame:
    row = {"name": "b", "against": "a", "metric": metric.key, "difference": 0.04, "low": 0.01}
    more = {
        "high": 0.07,
        "seed_low": 0.03,
        "seed_high": 0.05,
        "both_low": 0.008,
        "both_high": 0.072,
    }
    return pd.DataFrame([{**row, **more, "told_apart": True}])


def panels(metric: Metric, seeds: int) -> list[Panel]:
    runs = [
        run(model, seed, tokens_per_second=speed * seed)
        for model, speed in (("a", 100.0), ("b", 700.0))
        for seed in range(1, seeds + 1)
    ]
    table = figures(metric, ("a", 0.60, 0.02), ("b", 0.64, 0.01), seeds=seeds)
    return models_compared(metric, table, comparisons(metric), runs)


def test_the_table_holds_figure_spread_difference_and_cost() -> None:
    table, *_ = panels(Q3, 3)
    assert isinstance(table, Table)
    best, first = (row for _, row in table.frame.iterrows())
    assert (best["model"], first["model"]) == ("b", "a")
    assert (best["Q3"], best["minus a"], first["Q3"]) == (0.64, 0.04, 0.60)
    # t of 2 degrees of freedom is 4.303 (Student), over the root of 3 seeds
    assert best["±"] == pytest.approx(4.303 * 0.01 / math.sqrt(3), abs=1e-5)
    assert (best["from"], best["to"]) == (0.008, 0.072)
    assert math.isnan(first["minus a"])
    assert (best["tokens/s"], best["s/epoch"]) == (1400.0, 2.0)  # medians over seeds
    assert (best["parameters"], best["best epoch"]) == (900, "1 to 3")


def test_an_error_is_best_where_it_is_least() -> None:
    table, *_ = panels(MSE, 3)
    assert isinstance(table, Table)
    assert list(table.frame["model"]) == ["a", "b"]


def test_one_seed_has_the_interval_over_test_units_and_no_difference() -> None:
    table, told, _ = panels(Q3, 1)
    assert isinstance(table, Table)
    assert isinstance(told, Text)
    assert table.frame[["Q3", "from", "to"]].iloc[0].tolist() == [0.64, 0.1, 0.9]
    assert not any("minus" in name for name in table.frame.columns)
    assert "how much another training would differ is not known" in table.caption
    assert str(told.paragraphs[0]).startswith("No two models are told apart")


def test_the_chart_says_in_words_what_it_shows() -> None:
    *_, chart = panels(Q3, 3)
    assert isinstance(chart, Chart)
    assert "b 0.640 at 1,400; a 0.600 at 200" in chart.alt


def test_costs_are_summed_over_the_runs_of_a_model() -> None:
    runs = [run("a", seed, fold) for fold in (0, 1) for seed in (1, 2)]
    (row,) = (row for _, row in costs(runs).iterrows())
    assert (row["runs"], row["training seconds"], row["s per epoch"]) == (4, 32.0, 2.0)
    assert (row["epochs"], row["best epoch"], row["time loop"]) == ("4", "1 to 2", "torch")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"encoder": {"name": "lstm", "hidden_size": 8}}, "lstm 8"),
        (
            {"stem": {}, "encoder": {"name": "skip", "num_layers": 2, "bidirectional": False}},
            "stem 2 x 64, 2 x skip 96, one direction",
        ),
        ({"stem": {"both_strands": True}}, "stem 2 x 64 on both strands, lstm 96"),
        ({"attention": {}}, "lstm 96, attention"),
        ({"inputs": {"target": {"embedding": {"size": 4}}}}, "lstm 96"),
        ({"inputs": {"target": {"encoder": {"name": "coupled"}}}}, "lstm 96; coupled 96"),
    ],
)
def test_an_encoder_is_named_by_what_it_is_made_of(settings: dict[str, Any], text: str) -> None:
    assert encoder_text(ModelSettings.model_validate(settings).model_dump(mode="json")) == text
