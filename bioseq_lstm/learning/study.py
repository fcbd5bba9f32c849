"""A finished dataset as its files tell it: what texts about it take their numbers from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from bioseq_lstm.files import read_json, read_tsv
from bioseq_lstm.learning.explaining import MANIFEST as EXPLANATIONS
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.prediction import MANIFEST
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.strict_yaml import load_yaml
from bioseq_lstm.tasks.base import Task

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Run:
    """One training: its ``run.yaml`` and its ``model.json``."""

    record: dict[str, Any]
    card: dict[str, Any]

    @property
    def cost(self) -> dict[str, Any]:
        found: dict[str, Any] = self.card["cost"]
        return found

    @property
    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = self.card["settings"]
        return found


@dataclass(frozen=True)
class Study:
    """The tables and records of one dataset; ``runs`` are the trainings by model."""

    name: str
    task: Task
    settings: DatasetSettings
    layout: Layout
    profile: dict[str, Any]
    split_report: dict[str, Any]
    splits: pd.DataFrame
    figures: pd.DataFrame
    differences: pd.DataFrame
    bands: pd.DataFrame
    evaluation: dict[str, Any]
    manifest: dict[str, Any]
    runs: dict[str, list[Run]]

    @property
    def chosen(self) -> str:
        return str(self.evaluation["chosen"])

    @property
    def headline(self) -> Metric:
        return self.task.metrics[0]

    @property
    def overview(self) -> list[Metric]:
        """The metrics of the overview, the headline first."""
        by_key = {metric.key: metric for metric in self.task.metrics}
        return [by_key[key] for key in self.task.overview]

    @property
    def baselines(self) -> list[str]:
        own = self.figures[self.figures["kind"] == "baseline"]
        return list(dict.fromkeys(own["name"].astype(str)))

    @property
    def units(self) -> str:
        """How many independent units were resampled, such as ``175`` or ``102 x 188``."""
        return str(self.figures["units"].iloc[0])

    def figure(self, name: str, metric: str) -> pd.Series | None:
        """The row of ``figures.tsv``, if that system has that figure."""
        rows = self.figures[(self.figures["name"] == name) & (self.figures["metric"] == metric)]
        return None if rows.empty or pd.isna(rows.iloc[0]["value"]) else rows.iloc[0]

    @property
    def explained(self) -> int:
        """How many predictions were explained."""
        if not self.settings.explain.records:
            return 0
        return len(read_json(self.layout.explanations / EXPLANATIONS)["records"])

    def sizes(self) -> dict[str, list[int]]:
        """Samples of each part, fold by fold."""
        folds = [self.splits[column] for column in self.splits.filter(regex=r"^fold\d+$")]
        return {part: [int((fold == part).sum()) for fold in folds] for part in PARTS}

    def all_runs(self) -> list[Run]:
        return [run for own in self.runs.values() for run in own]


def read_study(
    name: str, task: Task, settings: DatasetSettings, models: list[str], layout: Layout
) -> Study:
    """Read what the stages before the report have written."""
    return Study(
        name=name,
        task=task,
        settings=settings,
        layout=layout,
        profile=read_json(layout.profile),
        split_report=read_json(layout.split_report),
        splits=read_splits(layout.splits),
        figures=read_tsv(layout.figures),
        differences=read_tsv(layout.differences),
        bands=read_tsv(layout.bands),
        evaluation=read_json(layout.evaluation),
        manifest=read_json(layout.predictions / MANIFEST),
        runs={
            model: [
                Run(load_yaml(folder / "run.yaml"), read_json(folder / "model.json"))
                for folder in layout.runs(model, settings.split.folds, settings.seeds)
            ]
            for model in models
        },
    )


def interval(row: pd.Series) -> str:
    """``0.680 (95 % interval 0.666 to 0.695)``, as far as there is one."""
    if pd.isna(row["low"]):
        return f"{row['value']:.3f} (no interval: too few independent units)"
    return f"{row['value']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})"


def spread(numbers: list[int]) -> str:
    """``840``, or ``700 to 710`` where they differ."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def listed(words: list[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
