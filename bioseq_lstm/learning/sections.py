"""The sections of a report that every task has: data, split, models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.reporting.charts import histogram, intervals, learning_curves
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text, Warning

INTERVAL = (
    "Intervals are 95 % percentile intervals of {replicates} bootstrap replicates over {units} "
    "independent units; how much another training would differ is not in them, only in the "
    "spread over seeds, where there are several."
)


def data_section(profile: dict[str, Any], records: pd.DataFrame, rejected: pd.DataFrame) -> Section:
    """What was read, what was done to it, and what was refused."""
    measured = profile["measurements"]
    counts = pd.DataFrame(
        [
            {
                "kind": entity["entity"],
                "records": entity["records"],
                "letters": entity["letters_total"],
                "shortest": entity["length"]["min"],
                "median length": entity["length"]["median"],
                "longest": entity["length"]["max"],
                "identical to another": entity["identical"]["records"],
            }
            for entity in profile["entities"]
        ]
    )
    items: list[Panel] = [
        Table("Records", counts, f"{measured['samples']:,} samples to learn from.",
              formats={"letters": ",d", "records": ",d", "median length": ",.1f"})
    ]  # fmt: skip
    for entity in profile["entities"]:
        own = records[records["entity"] == entity["entity"]]
        items.append(
            Chart(
                f"Lengths: {entity['entity']}",
                histogram(pd.DataFrame({"value": own["sequence"].str.len()}), label="characters"),
                f"{len(own):,} records.",
                f"Histogram of the lengths of {len(own)} records; "
                f"median {entity['length']['median']:.0f} letters.",
                half=True,
            )
        )
        letters = pd.DataFrame(entity["letters"])
        items.append(
            Table(f"Letters: {entity['entity']}", letters, "Counts over all records.",
                  formats={"count": ",d", "share": ".1%"})
        )  # fmt: skip
    if "labels" in measured:
        items.append(
            Table("Labels", pd.DataFrame(measured["labels"]), "A dot is a residue without label.",
                  formats={"count": ",d", "share": ".1%"})
        )  # fmt: skip
    if "values" in measured:
        values = measured["values"]
        items.append(
            Text("Values", [
                f"From {values['min']:.3g} to {values['max']:.3g}, median {values['median']:.3g}; "
                f"{values['missing']:,} missing ({values['missing_share']:.1%})."
            ])
        )  # fmt: skip
    items += _notes(profile)
    items += _refused(profile, rejected)
    return Section("data", "Data", "What was read from your files, and what was not.", items)


def _notes(profile: dict[str, Any]) -> list[Panel]:
    items: list[Panel] = []
    if profile["notes"]:
        items.append(
            Table("Done to records while reading", pd.DataFrame(profile["notes"]),
                  "Nothing else was changed.", formats={"count": ",d"})
        )  # fmt: skip
    identical = profile["measurements"].get("identical", {})
    if identical.get("groups_measured_differently"):
        examples = "; ".join(", ".join(ids) for ids in identical["examples"])
        items.append(
            Warning(
                f"{identical['groups_measured_differently']} groups of identical sequences have "
                f"different labels or values, for example {examples}. No model can tell them apart."
            )
        )
    return items


def _refused(profile: dict[str, Any], rejected: pd.DataFrame) -> list[Panel]:
    if not profile["refused"]:
        return [Text("Refused records", ["No record was refused."])]
    return [
        Table(
            f"Refused records: {profile['refused']:,}",
            rejected,
            "Every refused record with file, line and reason.",
            file="rejected.tsv",
        )
    ]


def split_section(
    settings: Any, splits: pd.DataFrame, leakage: pd.DataFrame, split_report: dict[str, Any]
) -> Section:
    """How training and test were kept apart, and how far apart they are."""
    rows = []
    group = "group" if "group" in splits else None
    for column in splits.filter(regex=r"^fold\d+$"):
        for part in ("train", "validation", "test", "unused"):
            chosen = splits[splits[column] == part]
            row = {"fold": column.removeprefix("fold"), "part": part, "samples": len(chosen)}
            if group:
                row["groups"] = chosen[group].nunique()
            else:
                row["drugs"] = chosen["drug"].nunique()
                row["targets"] = chosen["target"].nunique()
            if len(chosen):
                rows.append(row)
    items: list[Panel] = [Warning(text) for text in split_report["warnings"]]
    items += [
        Text("How it was split", split_report["description"]),
        Table("Parts", pd.DataFrame(rows), "Samples in each part.", formats={"samples": ",d"}),
    ]
    for entity, own in leakage.groupby("entity", sort=False):
        found = own["identity"].notna()
        items.append(
            Chart(
                f"Nearest training record of each test {entity}",
                histogram(
                    pd.DataFrame({"value": own["identity"].fillna(0.0)}),
                    label="identity to the nearest training record",
                    reference=settings.leakage.near_duplicate,
                ),
                f"{len(own):,} test records; {int((~found).sum()):,} without any similar training "
                "record are drawn at 0. The line is where a record counts as a near copy.",
                f"Histogram of identity to the nearest training record, {len(own)} test records, "
                f"largest {own['identity'].max():.2f}.",
                half=True,
            )
        )
    return Section("split", "Split and leakage", "What the test part shares with training.", items)


def models_section(
    metrics: tuple[Metric, ...],
    shown: tuple[str, ...],
    figures: pd.DataFrame,
    differences: pd.DataFrame,
    bands: pd.DataFrame,
    histories: dict[str, tuple[pd.DataFrame, dict[str, Any]]],
    replicates: int,
    chosen: str,
) -> Section:
    """Models beside baselines, differences, learning curves, identity bands, cost.

    Args:
        shown: keys of the metrics that stand in the overview; the first is the headline.
        histories: by run, its ``history.tsv`` and its ``model.json``.
    """
    units = str(figures["units"].iloc[0])
    interval = INTERVAL.format(replicates=f"{replicates:,}", units=units)
    labels = {metric.key: metric for metric in metrics}
    items: list[Panel] = []
    for key in shown[:2]:
        items.append(_interval_chart(labels[key], figures, interval))
    items.append(_figures_table([labels[key] for key in shown], figures, interval))
    items.append(
        Table(
            "Models minus the best baseline",
            differences[differences["metric"].isin(shown)].drop(columns=["better"]),
            f"Paired: both are scored on the same replicates. {interval} The best baseline is "
            "picked on the test part, figure by figure, which favours the baselines.",
            formats=dict.fromkeys(("difference", "low", "high"), ".3f"),
        )
    )
    items.append(_curves(histories))
    items += _bands(bands, labels[shown[0]], chosen)
    items.append(_cost(histories))
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
            f"{value:.3f}" if np.isnan(low) else f"{value:.3f} ({low:.3f}–{high:.3f})"
            for value, low, high in own[["value", "low", "high"]].to_numpy(float)
        ]
    )
    wide = text.pivot_table(index=["kind", "name"], columns="metric", values="figure",
                            aggfunc="first", sort=False)[wanted].reset_index()  # fmt: skip
    wide = wide.rename(columns={metric.key: metric.label for metric in metrics}).fillna("–")
    spread = own[(own["metric"] == wanted[0]) & (own["seeds"] > 1)]
    seeds = "".join(
        f" Standard deviation of {row['name']} over {row['seeds']} seeds: {row['seed_sd']:.3f}."
        for _, row in spread.iterrows()
    )
    return Table("All systems on the test part", wide, interval + seeds, file="figures.tsv")


def _curves(histories: dict[str, tuple[pd.DataFrame, dict[str, Any]]]) -> Chart:
    tables = [
        history.rename(columns={"train_loss": "train", "validation_loss": "validation"}).assign(
            run=run, model=run.split(" ")[0], chosen=card["best_epoch"]
        )
        for run, (history, card) in histories.items()
    ]
    stated = "; ".join(
        f"{run}: epoch {card['best_epoch']}, validation loss {card['validation_loss']:.3f}"
        for run, (_, card) in histories.items()
    )
    return Chart(
        "Learning curves",
        learning_curves(pd.concat(tables, ignore_index=True)),
        f"The kept epoch has the lowest validation loss. {stated}.",
        f"Training and validation loss by epoch. {stated}.",
    )


def _bands(bands: pd.DataFrame, metric: Metric, chosen: str) -> list[Panel]:
    measured = bands[bands["records"] > 0].assign(
        name=lambda table: [
            f"{low:.0%} to {high:.0%} (n = {records:.0f})"
            for low, high, records in table[["from", "to", "records"]].to_numpy(float)
        ],
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


def _cost(histories: dict[str, tuple[pd.DataFrame, dict[str, Any]]]) -> Table:
    rows = []
    for run, (history, card) in histories.items():
        cost = card["cost"]
        rows.append(
            {
                "run": run,
                "parameters": cost["parameters"],
                "epochs": len(history),
                "kept epoch": card["best_epoch"],
                "training seconds": cost["training_seconds"],
                "precision": cost["precision"],
                "device": cost["device"],
            }
        )
    return Table("Cost", pd.DataFrame(rows), "Wall time of training.", formats={"parameters": ",d"})
