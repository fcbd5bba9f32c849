"""What the report shows of affinities alone."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.reporting.charts import histogram, scatter
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text
from bioseq_lstm.tasks.affinity.task import AffinityTask
from bioseq_lstm.tasks.outcomes import NewFile, Results
from bioseq_lstm.tasks.telling import coverage_stated, nothing_new, shown_names


def panels(results: Results) -> list[Section]:
    table = results.predictions[results.chosen]
    per_target = AffinityTask().scorer(table, results.splits).per_target()
    groups = results.splits.iloc[table["sample"]]
    units = [unit_codes(groups[f"{side}_group"].to_numpy()) for side in ("drug", "target")]
    named = table.assign(id=table["drug"] + " with " + table["target"])
    ranked = per_target.dropna(subset=["concordance"]).sort_values("concordance")
    errors = Section(
        "errors",
        "What the errors look like",
        "",
        [
            Chart(
                "Predicted against measured",
                scatter(named, label=results.settings.unit),
                f"{len(table):,} test pairs of {results.chosen}, first seed. "
                f"{coverage_stated(table, *units)}",
                f"Scatter of {len(table)} pairs, correlation "
                f"{table['truth'].corr(table['predicted']):.2f}.",
                half=True,
            ),
            Chart(
                "Concordance within each target",
                histogram(
                    ranked.rename(columns={"concordance": "value"}),
                    label="concordance",
                    reference=0.5,
                ),
                f"{len(ranked):,} targets with at least five test pairs; the line is chance.",
                f"Histogram over {len(ranked)} targets, "
                f"median {ranked['concordance'].median():.2f}.",
                half=True,
            ),
            Table(
                "Targets",
                ranked,
                "Hardest first; targets with at least five test pairs, "
                "too few for intervals of their own.",
                formats={"concordance": ".3f"},
            ),
        ],
    )
    return [errors, new_panels(results.new)]


def new_panels(new: Mapping[str, NewFile]) -> Section:
    items: list[Panel] = [
        Table(
            f"{file.rows['.tsv']:,} pairs, ranked for each target",
            shown_names(file.tables[".tsv"]),
            _caption(file.tables[".tsv"]),
            file=f"predictions/{name}.tsv",
            total=file.rows[".tsv"],
        )
        if ".tsv" in file.tables
        else Text(name, ["Every record was refused."])
        for name, file in new.items()
    ]
    if not items:
        items = [nothing_new("tables of SMILES or FASTA files")]
    return Section("new", "New pairs", "Predicted by the chosen model.", items)


def _caption(pairs: pd.DataFrame) -> str:
    said = (
        "All new molecules against all new proteins. "
        "Intervals hold 95 % of the residuals on the validation part."
    )
    if "nearest_training_drug_and_target" not in pairs:
        return said
    return (
        f"{said} Where a folder holds only one of the two, the data set's own are the other side. "
        "The measured columns are empty where the test part held nothing of the kind, such as a "
        "new target when only drugs were unseen."
    )
