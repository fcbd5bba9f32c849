"""What the report shows of affinities alone."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.reporting.charts import histogram, scatter
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text
from bioseq_lstm.tasks.affinity.ranking import new_gallery, pair_grid, ranking_section
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
                f"n = {len(table):,} test pairs of {results.chosen}, first seed. "
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
                f"n = {len(ranked):,} targets with at least five test pairs; the line is chance.",
                f"Histogram over {len(ranked)} targets, "
                f"median {ranked['concordance'].median():.2f}.",
                half=True,
            ),
            Table(
                "Targets",
                ranked,
                f"Hardest first; n = {len(ranked):,} targets with at least five test pairs, "
                "too few for intervals of their own.",
                formats={"concordance": ".3f"},
            ),
        ],
    )
    ranking = ranking_section(results, table, per_target)
    return [errors, ranking, new_panels(results.new)]


def new_panels(new: Mapping[str, NewFile]) -> Section:
    items: list[Panel] = []
    for name, file in new.items():
        if ".tsv" in file.tables:
            items += _pairs(name, file)
        else:
            items.append(Text(name, ["Every record was refused."]))
    if not items:
        items = [nothing_new("tables of SMILES or FASTA files")]
    return Section("new", "New pairs", "Predicted by the chosen model.", items)


def _pairs(name: str, file: NewFile) -> list[Panel]:
    pairs, total = file.tables[".tsv"], file.rows[".tsv"]
    items: list[Panel] = [
        Table(
            f"{total:,} pairs, ranked for each target",
            shown_names(pairs.drop(columns="drug_smiles")),
            _caption(pairs),
            file=f"predictions/{name}.tsv",
            total=total,
        ),
        new_gallery(pairs, total),
    ]
    if min(pairs["drug"].nunique(), pairs["target"].nunique()) > 1:
        (predicted,) = pairs.filter(regex="^predicted_")
        unit = predicted.removeprefix("predicted_").replace("_", " ")
        shown = pairs.rename(columns={predicted: "predicted"})
        first = "" if len(pairs) == total else f", the first of {total:,}"
        said = f"n = {len(pairs):,} new pairs{first}; nothing was measured."
        items.append(pair_grid(shown, {"predicted": "predicted"}, unit, said))
    return items


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
