"""Test genes as the report shows them: by condition, by gene, and all of them as a heat map."""

from __future__ import annotations

import pandas as pd

from bioseq_lstm.reporting.charts import profile
from bioseq_lstm.reporting.ordering import clustered
from bioseq_lstm.reporting.panels import Chart, Choice, Grid, Section, Table
from bioseq_lstm.tasks.outcomes import Results

MOST_CELLS = 60_000  # values of a heat map, and of the profiles, that the page carries
MOST_CLUSTERED = 4_000  # genes: the memory of linkage grows with the square


def genes_section(results: Results, table: pd.DataFrame) -> Section:
    """Residuals, profiles and the heat map of the chosen model's test genes."""
    named = table.assign(name=gene_names(table["id"], results.records))
    residuals = residual_table(named, results)
    return Section(
        "genes",
        "Genes and conditions",
        "Single genes of the test part, and all of them together.",
        [
            Table(
                "Genes by the size of their residuals",
                residuals.drop(columns="sample"),
                f"n = {len(residuals):,} test genes of {results.chosen}, first seed, in "
                f"{results.settings.unit}. A residual is measured minus predicted; RMS is the root "
                "mean square over the conditions. Single genes have no interval.",
                formats=dict.fromkeys(residuals.filter(regex="measured|predicted|residual"), ".2f")
                | {"identity × coverage": ".0%"},
            ),
            _profiles(named, results, residuals),
            # Of one condition every centred value is 0.
            *([_heat_map(named, results)] if named["condition"].nunique() > 1 else []),
        ],
    )


def gene_names(ids: pd.Series, records: pd.DataFrame) -> pd.Series:
    """Ids, with the name beside them where the annotation has a column ``name``."""
    if "name" not in records:
        return ids
    known = records.drop_duplicates("id").set_index("id")["name"].dropna().astype(str)
    names = ids.map(known[known != ""])
    return ids.where(names.isna() | (names == ids), ids + " " + names.fillna(""))


def residual_table(named: pd.DataFrame, results: Results) -> pd.DataFrame:
    """One row a gene, the largest root mean squared residual first."""
    known = named.dropna(subset=["truth"])
    known = known.assign(residual=known["truth"] - known["predicted"])
    largest = known.loc[known["residual"].abs().groupby(known["id"]).idxmax()].set_index("id")
    genes = known.groupby("id", sort=False)
    nearest = results.leakage.drop_duplicates("id").set_index("id")["nearest"]
    likeness = pd.Series(results.similarity, results.splits["id"])
    ids = pd.Index(list(genes.groups), name="id")
    rows = pd.DataFrame(
        {
            "gene": genes["name"].first(),
            "conditions": genes.size(),
            "mean measured": genes["truth"].mean(),
            "mean predicted": genes["predicted"].mean(),
            "mean residual": genes["residual"].mean(),
            "RMS residual": genes["residual"].agg(lambda r: float((r**2).mean()) ** 0.5),
            "largest residual": largest["residual"],
            "in condition": largest["condition"],
            "nearest training gene": nearest.reindex(ids),
            "identity × coverage": likeness.reindex(ids),
            "sample": genes["sample"].first(),
        }
    )
    return rows.sort_values("RMS residual", ascending=False).reset_index(drop=True)


def _heat_map(named: pd.DataFrame, results: Results) -> Grid:
    matrices = {
        layer: named.pivot_table(index="sample", columns="condition", values=column, sort=False,
                                 dropna=False)
        for layer, column in (("measured", "truth"), ("predicted", "predicted"))
    }  # fmt: skip
    measured, predicted = matrices["measured"], matrices["predicted"]
    predicted = predicted.where(measured.notna())
    centred = [values.sub(values.mean(axis=1), axis=0) for values in (measured, predicted)]
    spread = centred[0].var(axis=1).fillna(0.0)
    kept = spread.nlargest(max(1, min(MOST_CELLS // measured.shape[1], MOST_CLUSTERED))).index
    shown = [values.loc[[row for row in values.index if row in set(kept)]] for values in centred]
    rows, columns = clustered(shown[0].to_numpy()), clustered(shown[0].to_numpy().T)
    ordered = [values.iloc[rows, columns] for values in shown]
    names = named.drop_duplicates("sample").set_index("sample")["name"]
    said = f"n = {len(rows):,} test genes" + (
        f", of {len(measured):,} those that vary most," if len(rows) < len(measured) else ""
    )
    correlation = shown[0].stack().corr(shown[1].stack())
    return Grid(
        "Genes by conditions: each gene's values minus its own mean",
        [str(name) for name in names.reindex(ordered[0].index)],
        [str(name) for name in ordered[0].columns],
        {"measured": ordered[0].to_numpy(), "predicted": ordered[1].to_numpy()},
        f"{results.settings.unit}, centred",
        f"{said} and {len(columns):,} conditions, {results.chosen}, first seed. Both sides are in "
        "the order in which average linkage puts the measured values, like beside like; the colour "
        "is full for the hundredth part of the values that lies farthest from 0. Not measured is "
        "blank.",
        f"Heat map of {len(rows)} genes by {len(columns)} conditions, measured beside predicted; "
        f"correlation of the centred values {correlation:.2f}.",
        "gene",
        "condition",
        0.0,
    )


def _profiles(named: pd.DataFrame, results: Results, residuals: pd.DataFrame) -> Chart:
    conditions = named["condition"].nunique()
    kept = residuals.head(max(1, MOST_CELLS // conditions))
    own = named[named["sample"].isin(kept["sample"])]
    notes = {
        row.gene: f"RMS residual {row.rms:.2f}; largest residual {row.largest:.2f} "
        f"in {row.condition}"
        for row in kept.rename(
            columns={
                "RMS residual": "rms",
                "largest residual": "largest",
                "in condition": "condition",
            }
        ).itertuples()
    }
    rounded = own.assign(
        predicted=own["predicted"].astype(float).round(4),
        half_width=own["half_width"].astype(float).round(4),
    )
    all_of_them = (
        "" if len(kept) == len(residuals) else
        f" Of {len(residuals):,} those with the largest residuals; all are in "
        f"{results.predicted_in}."
    )  # fmt: skip
    return Chart(
        "One gene over all conditions",
        profile(rounded, label=results.settings.unit),
        f"Type a gene's name. Diamonds are measured, discs predicted, bars 95 % intervals of "
        f"single predictions, from the residuals on the validation part. n = {len(kept):,} test "
        f"genes, {results.chosen}, first seed."
        f"{all_of_them}",
        "Measured and predicted values of the gene that is chosen.",
        choice=Choice("Gene", "name", notes),
    )
