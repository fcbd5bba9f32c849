"""What the report shows of expression alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.metrics.bootstrap import bootstrap
from bioseq_lstm.metrics.regression import ExpressionScorer
from bioseq_lstm.reporting.charts import bars_with_interval, scatter
from bioseq_lstm.reporting.panels import Chart, Choice, Panel, Section, Table, Text
from bioseq_lstm.tasks.expression.genes import gene_names, genes_section
from bioseq_lstm.tasks.expression.task import ExpressionTask
from bioseq_lstm.tasks.outcomes import NewFile, Results
from bioseq_lstm.tasks.telling import coverage_stated, nothing_new, shown_names

REPLICATES = 200  # of the intervals of single conditions, which are many


class ConditionScorer:
    """Pearson correlation across genes of each condition by itself, under row weights."""

    def __init__(self, scorer: ExpressionScorer, conditions: list[str]) -> None:
        self.units, self._scorer, self._conditions = scorer.units, scorer, conditions

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        table = self._scorer.per_condition(self._conditions, weights)
        return dict(zip(self._conditions, table["pearson"], strict=True))


def panels(results: Results) -> list[Section]:
    table = results.predictions[results.chosen]
    per_condition = _per_condition(results, table)
    known = table.dropna(subset=["truth"])
    unit = results.settings.unit
    groups = unit_codes(results.splits["group"].to_numpy()[known["sample"]])
    mean = known.groupby("id")[["truth", "predicted"]].mean().reset_index()
    errors = Section(
        "errors",
        "What the errors look like",
        "",
        [
            Chart(
                "Predicted against measured, mean of each gene",
                scatter(mean, label=unit),
                f"n = {len(mean):,} test genes of {results.chosen}, first seed, mean over "
                "conditions.",
                f"Scatter of {len(mean)} genes, correlation "
                f"{mean['truth'].corr(mean['predicted']):.2f}.",
                half=True,
            ),
            Chart(
                "Predicted against measured, every value",
                scatter(known, label=unit),
                f"n = {len(known):,} values of test genes, first seed. "
                f"{coverage_stated(known, groups)}",
                f"Density of {len(known)} values.",
                half=True,
            ),
            _by_condition(results, known, per_condition),
            Chart(
                "Correlation by condition",
                bars_with_interval(per_condition, label="Pearson r across test genes"),
                f"{results.chosen}, first seed, n = {len(per_condition):,} conditions; 95 % "
                f"intervals of {REPLICATES} bootstrap replicates over gene groups.",
                f"From {per_condition['value'].min():.2f} to {per_condition['value'].max():.2f}.",
                half=True,
            ),
            Table(
                "Conditions",
                per_condition,
                f"Pearson r across the n test genes measured in each, with its 95 % interval "
                f"({REPLICATES} bootstrap replicates over gene groups).",
                formats=dict.fromkeys(("value", "low", "high"), ".3f"),
            ),
        ],
    )
    return [errors, genes_section(results, table), new_panels(results.new)]


def _per_condition(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """Columns name, value, low, high, n: the chosen model's correlation in each condition."""
    conditions = list(pd.unique(table["condition"]))
    scorer = ConditionScorer(ExpressionTask().scorer(table, results.splits), conditions)
    figures = bootstrap({"": [scorer]}, min(REPLICATES, results.settings.bootstrap)).table()
    genes = table.dropna(subset=["truth"]).groupby("condition", sort=False).size()
    per_condition = figures.rename(columns={"name": "system", "metric": "name"})[
        ["name", "value", "low", "high"]
    ].assign(n=genes.reindex(figures["metric"]).to_numpy())
    return per_condition.sort_values("value", ascending=False)


def _by_condition(results: Results, known: pd.DataFrame, per_condition: pd.DataFrame) -> Chart:
    notes = {
        row.name: f"n = {row.n:,.0f} genes, Pearson r {row.value:.2f} "
        + (
            f"(95 % interval {row.low:.2f} to {row.high:.2f})"
            if np.isfinite(row.low)
            else "(no interval: too few independent groups)"
        )
        for row in per_condition.dropna(subset=["n"]).itertuples(index=False)
    }
    return Chart(
        "Predicted against measured, by condition",
        scatter(
            known.assign(id=gene_names(known["id"], results.records)),
            label=results.settings.unit,
            by="condition",
        ),
        f"Test genes of {results.chosen}, first seed; all conditions on the same axes. Intervals "
        f"are those of {REPLICATES} bootstrap replicates over gene groups.",
        f"Scatter of the genes in the condition that is chosen, of {len(notes)} conditions.",
        half=True,
        choice=Choice("Condition", "condition", notes),
    )


def new_panels(new: Mapping[str, NewFile]) -> Section:
    items: list[Panel] = []
    for name, file in new.items():
        if ".tsv" not in file.tables:
            items.append(Text(name, ["Every record of this file was refused."]))
            continue
        genes = file.tables[".tsv"]
        items += [
            Table(
                f"{name}: {file.rows['.tsv']:,} genes",
                shown_names(genes),
                "The measured columns tell how test genes about as similar to training fared."
                if "nearest_training_gene" in genes
                else "",
                file=f"predictions/{name}.tsv",
                total=file.rows[".tsv"],
            ),
            Table(
                f"{name}: every condition",
                shown_names(file.tables[".conditions.tsv"]),
                "Intervals hold 95 % of the residuals on the validation part.",
                file=f"predictions/{name}.conditions.tsv",
                total=file.rows[".conditions.tsv"],
            ),
        ]
    if not items:
        items = [nothing_new("FASTA files")]
    return Section("new", "New genes", "Predicted by the chosen model.", items)
