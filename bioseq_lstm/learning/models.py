"""The section of a report on models: beside baselines, beside each other, and how they learnt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from bioseq_lstm.learning.compared import models_compared
from bioseq_lstm.learning.costs import TrainedRun, cost_table, invariance_text
from bioseq_lstm.learning.stacked import stack_table
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.reporting.charts import intervals, learning_curves
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text

FEW_RUNS = 6  # whose kept epochs still make a sentence
INTERVAL = (
    "Intervals are 95 % percentile intervals of {replicates} bootstrap replicates over {units} "
    "independent units; how much another training would differ is not in them, only in the "
    "spread over seeds, where there are several."
)


def models_section(
    metrics: tuple[Metric, ...],
    shown: tuple[str, ...],
    figures: pd.DataFrame,
    differences: pd.DataFrame,
    bands: pd.DataFrame,
    strata: pd.DataFrame,
    comparisons: pd.DataFrame,
    runs: Sequence[TrainedRun],
    about_baselines: Mapping[str, str],
    replicates: int,
    chosen: str,
) -> Section:
    """Models beside baselines and each other, differences, learning curves, bands, cost.

    ``shown`` are keys of the metrics that stand in the overview; the first is the headline.
    """
    units = str(figures["units"].iloc[0])
    interval = INTERVAL.format(replicates=f"{replicates:,}", units=units)
    labels = {metric.key: metric for metric in metrics}
    items: list[Panel] = []
    for key in shown[:2]:
        items.append(_interval_chart(labels[key], figures, interval))
    items.append(_figures_table([labels[key] for key in shown], figures, interval))
    items.append(_baselines(figures, about_baselines))
    items += stack_table(runs)
    items.append(
        Table(
            "Models minus the best baseline",
            differences[differences["metric"].isin(shown)].drop(columns=["better"]),
            f"Paired: both are scored on the same replicates. {interval} The best baseline is "
            "picked on the test part, figure by figure, which favours the baselines.",
            formats=dict.fromkeys(("difference", "low", "high"), ".3f"),
        )
    )
    if len(comparisons):
        items += models_compared(labels[shown[0]], figures, comparisons, runs)
    items.append(_curves(runs))
    items += _bands(bands, labels[shown[0]], chosen)
    items += _strata(strata, labels[shown[0]], chosen, interval)
    items.append(cost_table(runs))
    items.append(invariance_text(runs))
    described = "; ".join(f"{labels[key].label}: {labels[key].description}" for key in shown)
    items.append(Text("What the figures mean", [described + "."]))
    return Section(
        "models", "Models and baselines",
        f"The chosen model, by its validation loss alone, is {chosen}.", items,
    )  # fmt: skip


def _interval_chart(metric: Metric, figures: pd.DataFrame, interval: str) -> Chart:
    own = figures[figures["metric"] == metric.key]
    baselines = own[own["kind"] == "baseline"]["value"].dropna()
    best = baselines.max() if metric.higher_is_better else baselines.min()
    order = own.sort_values("value", ascending=not metric.higher_is_better)
    stated = ", ".join(f"{r['name']} {r['value']:.3f}" for _, r in order.iterrows())
    return Chart(
        metric.label,
        intervals(order, label=metric.label, reference=None if pd.isna(best) else float(best)),
        f"{metric.description}. The line is the best baseline. {interval}",
        f"{metric.label} of every system: {stated}.",
        half=True,
    )


def _figures_table(metrics: list[Metric], figures: pd.DataFrame, interval: str) -> Table:
    wanted = [metric.key for metric in metrics]
    own = figures[figures["metric"].isin(wanted)]
    text = own.assign(
        figure=[
            stated(value, low, high)
            for value, low, high in own[["value", "low", "high"]].to_numpy(float)
        ]
    )
    wide = text.pivot_table(index=["kind", "name"], columns="metric", values="figure",
                            aggfunc="first", sort=False)[wanted].reset_index()  # fmt: skip
    wide = wide.rename(columns={metric.key: metric.label for metric in metrics}).fillna("–")
    headline = own[own["metric"] == wanted[0]].set_index("name")
    formats = {}
    if (headline["seeds"] > 1).any():
        # Of baselines and controls, which have no seeds or one, there is no deviation.
        spread = f"sd of {metrics[0].label} over seeds"
        wide[spread] = headline["seed_sd"].reindex(wide["name"]).to_numpy()
        formats = {spread: ".4f"}
    return Table(
        "All systems on the test part", wide, interval, formats=formats, file="figures.tsv"
    )


def _baselines(figures: pd.DataFrame, about: Mapping[str, str]) -> Table:
    """What those that ``figures`` name know and do."""
    names = figures[figures["kind"] == "baseline"]["name"].unique()
    return Table(
        "What the baselines are",
        pd.DataFrame(
            {"baseline": names, "what it knows and does": [about[name] for name in names]}
        ),
        "All are fitted on the training part; what there is to choose is chosen on the validation "
        "part.",
        download=False,
    )


def stated(value: float, low: float, high: float, sign: str = "") -> str:
    """``0.503 (0.464–0.538)``, with ``sign`` "+" ``+0.503 (+0.464 to +0.538)``."""
    if np.isnan(value):
        return "–"
    if np.isnan(low):
        return f"{value:{sign}.3f}"
    between = " to " if sign else "–"
    return f"{value:{sign}.3f} ({low:{sign}.3f}{between}{high:{sign}.3f})"


def _curves(runs: Sequence[TrainedRun]) -> Chart:
    tables = [
        run.history.rename(columns={"train_loss": "train", "validation_loss": "validation"}).assign(
            run=run.label, model=run.model, chosen=run.card["best_epoch"]
        )
        for run in runs
    ]
    kept = "A dot is the kept epoch, that of the lowest validation loss"
    if len(runs) <= FEW_RUNS:
        stated = "; ".join(
            f"{run.label}: epoch {run.card['best_epoch']}, "
            f"validation loss {run.card['validation_loss']:.3f}"
            for run in runs
        )
        caption = f"{kept}. {stated}."
    else:
        losses: dict[str, list[float]] = {}
        for run in runs:
            losses.setdefault(run.model, []).append(run.card["validation_loss"])
        stated = "Lowest validation loss, mean over runs: " + "; ".join(
            f"{model} {np.mean(own):.3f}" for model, own in losses.items()
        )
        caption = f"One line a run, all on the same scales. {kept}."
    return Chart(
        "Learning curves",
        learning_curves(pd.concat(tables, ignore_index=True)),
        caption,
        f"Training and validation loss by epoch. {stated}.",
    )


def _bands(bands: pd.DataFrame, metric: Metric, chosen: str) -> list[Panel]:
    measured = bands[bands["records"] > 0].assign(
        name=lambda table: _with_n(
            [f"{low:.0%} to {high:.0%}" for low, high in table[["from", "to"]].to_numpy(float)],
            table["records"],
        ),
        kind="model",
    )
    return [
        Chart(
            f"{metric.label} by similarity to training",
            intervals(measured, label=metric.label),
            f"{chosen}, test records by identity to their nearest training record; "
            "the lowest band tells most. Bands without test records are left out: "
            "there nothing was measured.",
            "; ".join(
                f"{row['name']}: {row['value']:.3f}, {row['records']} records"
                for _, row in measured.iterrows()
            ),
            half=True,
        )
    ]


def _strata(strata: pd.DataFrame, metric: Metric, chosen: str, interval: str) -> list[Panel]:
    return [
        Chart(
            f"{metric.label} by {by}",
            intervals(
                own.assign(name=_with_n(own["stratum"], own["records"]), kind="model"),
                label=metric.label,
            ),
            f"{chosen}, test records by {by}. Each part is scored by itself, so that a figure that "
            f"rests on differences between records can be lower in every part than in all. "
            f"{interval}",
            "; ".join(
                f"{row.stratum}: {row.value:.3f}, {row.records} records" for row in own.itertuples()
            ),
            half=True,
        )
        for by, own in strata.groupby("by", sort=False)
    ]


def _with_n(names: Iterable[str], records: pd.Series) -> list[str]:
    return [f"{name} (n = {n:,.0f})" for name, n in zip(names, records, strict=True)]
