"""The section of a report on new records that are unlike what was learnt from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.files import read_json
from bioseq_lstm.learning.predicted import text_tsv
from bioseq_lstm.learning.prediction import MANIFEST, OUTSIDE
from bioseq_lstm.learning.surprise import FEWEST_HELD_OUT
from bioseq_lstm.reporting.panels import Panel, Section, Table, Text
from bioseq_lstm.reporting.tables import MOST_ROWS

SURPRISE = (
    "Surprise is the share of usual records that are less surprising to the networks than a "
    "record: those of the validation part, which were not trained on. It is measured by the "
    "distance of the encoder's states from those of training (Mahalanobis){unsure}."
)


def unlike_section(predictions: Path) -> list[Section]:
    """How many new records lie outside, which, why, and how well planted outliers are told."""
    manifest = read_json(predictions / MANIFEST)
    entries = manifest["files"].values()
    records = sum(entry["rows"].get(".tsv", 0) for entry in entries)
    if not records:
        return []
    outside = sum(entry.get("outside", 0) for entry in entries)
    novelty = manifest["novelty"]
    items: list[Panel] = [Text("How many", _counted(records, outside, novelty))]
    if outside:
        rows = text_tsv(predictions / OUTSIDE, rows=MOST_ROWS).astype(str)
        items.append(
            Table(
                f"Outside: {outside:,} of {records:,}",
                rows,
                "Believe these least. No measured figure of this report speaks for them.",
                file=f"predictions/{OUTSIDE}",
                total=outside,
            )
        )
    items.append(_planted(novelty))
    return [
        Section(
            "outside",
            "New records unlike what was learnt from",
            "A network answers whatever it is asked; here is where its answer is a guess.",
            items,
        )
    ]


def _counted(records: int, outside: int, novelty: Mapping[str, Any]) -> list[str]:
    unsure = ", and by how unsure its predictions are" if novelty["unsure"] else ""
    said = [
        f"{outside:,} of {records:,} new records lie outside: as surprising as at most "
        f"{novelty['threshold']:.1%} of usual ones, or as far from training as no test record was. "
        f"About {novelty['threshold']:.1%} of records like those of training are marked too.",
        SURPRISE.format(unsure=unsure),
    ]
    reference = novelty["reference"]
    silent = [kind for kind, own in reference.items() if not own["telling"]]
    if silent:
        said.append(
            f"Of {' and '.join(f'{kind}s' for kind in silent)} there are too few for anything to "
            "be told by: no record is marked for them."
        )
    few = [kind for kind, own in reference.items() if own["telling"] and not own["held_out"]]
    if few:
        said.append(
            f"Fewer than {FEWEST_HELD_OUT} {' or '.join(f'{kind}s' for kind in few)} were held out "
            "of training, so training's own stand in for the usual, each measured against the "
            "others; that marks too many rather than too few."
        )
    return said


def _planted(novelty: Mapping[str, Any]) -> Panel:
    rows = novelty["planted"]
    if not rows:
        return Text(
            "Planted outliers",
            ["Not measured: too few sequences of each kind, or none in the test part that is new."],
        )
    table = pd.DataFrame(
        [
            {
                "kind": row["kind"],
                "planted outlier": row["planted"],
                "n": row["sequences"],
                "ROC AUC": row.get("auc"),
                "from": row.get("low"),
                "to": row.get("high"),
                "marked": row["marked"],
            }
            for row in rows
        ]
    )
    return Table(
        "Planted outliers: how well are they told?",
        table,
        "Made of test sequences, n of each kind, and scored beside them by the first network. Area "
        "under the ROC curve (.5: chance, 1: always told) with its 95 % bootstrap interval over "
        "sequences; marked: share beyond the threshold. A network that mostly counts letters "
        "cannot tell the same letters in another order.",
        formats={"ROC AUC": ".2f", "from": ".2f", "to": ".2f", "marked": ".1%"},
    )
