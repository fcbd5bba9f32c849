"""Several models of one dataset side by side: figure, spread over seeds, size, speed, curves."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bioseq_lstm.learning.costs import TOKENS, TrainedRun, costs
from bioseq_lstm.learning.verdict import told_apart
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.metrics.seeds import t_interval
from bioseq_lstm.reporting.charts import tradeoff
from bioseq_lstm.reporting.panels import Chart, Panel, Table, Text

SPEED = "tokens/s, training"


def models_compared(
    metric: Metric, figures: pd.DataFrame, comparisons: pd.DataFrame, runs: Sequence[TrainedRun]
) -> list[Panel]:
    """Table, chart and reading of the headline figure of two or more models, best first."""
    table = _side_by_side(metric, figures, runs)
    meaning = _meaning(metric, int(table["seeds"].iloc[0]))
    told = told_apart(metric, comparisons, int(table["seeds"].iloc[0]))
    return [
        _table(metric, table, comparisons, meaning),
        Text("What can be told apart", told),
        _chart(metric, table, meaning),
    ]


def _side_by_side(
    metric: Metric, figures: pd.DataFrame, runs: Sequence[TrainedRun]
) -> pd.DataFrame:
    """Of each model its cost and ``value``, ``low``, ``high``, ``seeds``, best first."""
    own = figures[(figures["kind"] == "model") & (figures["metric"] == metric.key)].copy()
    if own["seeds"].iloc[0] > 1:
        spans = [t_interval(*row) for row in own[["value", "seed_sd", "seeds"]].to_numpy()]
        own[["low", "high"]] = spans
    joined = costs(runs).merge(
        own[["name", "value", "low", "high", "seeds"]], left_on="model", right_on="name"
    )
    return joined.sort_values("value", ascending=not metric.higher_is_better, ignore_index=True)


def _meaning(metric: Metric, seeds: int) -> str:
    """What value and interval of a model are."""
    if seeds == 1:
        return (
            f"{metric.label} of one seed; the interval is over the test units alone, and how much "
            "another training would differ is not known."
        )
    return (
        f"{metric.label}, mean over {seeds} seeds with its 95 % t-interval over them: how much "
        "another training on the same data would differ. Which records are tested is not in it."
    )


def _table(metric: Metric, table: pd.DataFrame, comparisons: pd.DataFrame, meaning: str) -> Table:
    figures = {metric.label: table["value"], "from": table["low"], "to": table["high"]}
    if table["seeds"].iloc[0] > 1:
        first = str(comparisons["against"].iloc[0])
        own = comparisons[comparisons["metric"] == metric.key].set_index("name")
        difference, low, high = (
            own[name].reindex(table["model"]).to_numpy()
            for name in ("difference", "both_low", "both_high")
        )
        figures = {
            metric.label: table["value"],
            # A t-interval is even on both sides, so one number tells it.
            "±": (table["high"] - table["low"]) / 2,
            f"minus {first}": difference,
            "from": low,
            "to": high,
        }
        meaning += (
            f" ± is half of that interval. Differences from {first}, which the configuration names "
            "first, are paired; their 95 % intervals, from and to, are over seeds and over the "
            "units of the test part."
        )
    shown = {
        **{name: table[name] for name in ("model", "encoder", "parameters")},
        **figures,
        "tokens/s": table[SPEED],
        "s/epoch": table["s per epoch"],
        "best epoch": table["best epoch"],
    }
    return Table(
        f"Models compared: {metric.label}",
        pd.DataFrame(shown),
        f"{meaning} {TOKENS} Epochs count from 0.",
        formats={**dict.fromkeys(figures, ".3f"), "tokens/s": ",.0f", "s/epoch": ",.2f"},
    )


def _chart(metric: Metric, table: pd.DataFrame, meaning: str) -> Chart:
    stated = "; ".join(
        f"{row['model']} {row['value']:.3f} at {row[SPEED]:,.0f}" for _, row in table.iterrows()
    )
    drawn = table.rename(columns={SPEED: "speed"})
    return Chart(
        f"{metric.label} against speed",
        tradeoff(
            drawn[["name", "parameters", "speed", "value", "low", "high"]],
            label=metric.label,
            speed="tokens per second of training",
        ),
        f"{meaning} To the right is faster, on a logarithmic scale. Lines that reach the edge go "
        "on beyond it. Where names have no room, numbers are the places in the table above.",
        f"{metric.label} and tokens per second of training: {stated}.",
    )
