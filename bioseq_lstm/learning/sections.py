"""The sections of a report on what was learnt from: data and split."""

from __future__ import annotations

from typing import Any

import pandas as pd

from bioseq_lstm.reporting.charts import histogram
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text, Warning


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


def _groups(splits: pd.DataFrame) -> Table:
    """How many groups of similar records there are, and how large they are."""
    rows = []
    for column in (name for name in splits if name == "group" or name.endswith("_group")):
        kind = str(column).removesuffix("group").removesuffix("_")
        members = splits[[column]] if not kind else splits[[column, kind]].drop_duplicates()
        sizes = members[column].value_counts()
        rows.append(
            {
                "groups of": f"{kind}s" if kind else "samples",
                "groups": len(sizes),
                "of one alone": int((sizes == 1).sum()),
                "median size": float(sizes.median()),
                "largest": int(sizes.max()),
                "share in the largest": sizes.max() / sizes.sum(),
            }
        )
    return Table(
        "Groups",
        pd.DataFrame(rows),
        "Similar records, or neighbours on a chromosome, form a group; groups are what intervals "
        "resample, since what is alike is no independent observation.",
        formats={"share in the largest": ".1%", "median size": ".1f"},
    )


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
        _groups(splits),
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
