"""The parts of a model card that the files of a dataset know, packed or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.files import read_json
from bioseq_lstm.learning.card import Figure, Member, Test
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.tasks.base import Task


def member(record: dict[str, Any], card: dict[str, Any]) -> Member:
    """One training, by its ``run.yaml`` and ``model.json``."""
    settings = {k: v for k, v in card["settings"].items() if k != "init_from"}
    start = card.get("init_from")
    if start is not None:  # by what it was and not where it lay
        start = {**start, "source": Path(start["source"]).name}
    return Member.model_validate(
        {
            "run": f"{record['model']}, fold {record['fold']}, seed {record['seed']}",
            "settings": settings,
            "init_from": start,
            **{
                key: card[key]
                for key in ("weights_sha256", "about", "calibration", "invariance", "cost",
                            "validation_loss", "best_epoch")
            },
        }
    )  # fmt: skip


def tested(
    task: Task, figures: pd.DataFrame, samples: int, bands: pd.DataFrame, replicates: int
) -> Test:
    """What was reached on the test part: rows of one system in ``figures``, and ``bands``."""
    by_key = {row["metric"]: row for _, row in figures.iterrows()}
    shown = [metric for metric in task.metrics if metric.key in by_key]
    return Test(
        samples=samples,
        units=str(figures["units"].iloc[0]),
        replicates=replicates,
        figures=[
            Figure(
                metric=metric.key,
                label=metric.label,
                description=metric.description,
                **{k: _number(by_key[metric.key][k]) for k in ("value", "low", "high")},
            )
            for metric in shown
        ],
        bands=[
            {k: v if isinstance(v, str) else _number(v) for k, v in row.items()}
            for row in bands.to_dict("records")
        ],
    )


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def trained_on(layout: Layout) -> dict[str, Any]:
    """What the dataset was: records, refusals, split; names of files without their folders."""
    if not (layout.profile.is_file() and layout.split_report.is_file()):
        return {}
    profile, split = read_json(layout.profile), read_json(layout.split_report)
    parts = read_splits(layout.splits)["fold0"].value_counts()
    return {
        "files": {Path(entry["path"]).name: entry["sha256"] for entry in profile["files"].values()},
        "records": {entity["entity"]: entity["records"] for entity in profile["entities"]},
        "refused": profile["refused"],
        "notes": {note["note"]: note["count"] for note in profile["notes"]},
        "parts": {str(part): int(count) for part, count in parts.items()},
        "split": split["description"],
        "warnings": split["warnings"],
    }
