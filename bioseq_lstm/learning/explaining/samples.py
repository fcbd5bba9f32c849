"""Which samples are explained, and the trained networks that are asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import read_json
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.study import listed
from bioseq_lstm.newfiles import visible_files
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import Explained, Sample

MOST_RUNS = 5  # folds and seeds that are averaged
LONGEST = 2_000  # letters; longer records take minutes each
LETTERS = 500_000  # of new files that are read


@dataclass(frozen=True)
class Trained:
    """The chosen model's runs: networks, and the model.json of each."""

    model: str
    networks: list[nn.Module]
    cards: list[dict[str, Any]]
    runs: int  # that there are

    @classmethod
    def chosen(cls, task: Task, settings: DatasetSettings, layout: Layout) -> Trained:
        name = read_json(layout.evaluation)["chosen"]
        runs = list(layout.runs(name, settings.split.folds, settings.seeds))
        loaded = [load_network(task, run) for run in runs[:MOST_RUNS]]
        networks, cards = zip(*loaded, strict=True)
        return cls(name, list(networks), list(cards), len(runs))

    @property
    def stacked_on(self) -> str | None:
        """What the networks are stacked on, if anything."""
        stack = self.cards[0].get("stack")
        return None if stack is None else listed(list(stack["baselines"]))


def new_samples(
    task: Task,
    explained: Explained,
    settings: DatasetSettings,
    new: Path,
    about: dict[str, Any],
    passed_over: Counter[str],
) -> Iterator[Sample]:
    """New samples, file by file, the first part of each; too long ones are counted."""
    seen = set()
    for file, reading in task.read_new(visible_files(new), settings, LETTERS):
        if file in seen:
            continue
        seen.add(file)
        encoded = task.encode(reading, settings)
        if not task.count(encoded):
            continue
        encoded.about.update(about)
        rows = _short_enough(explained, encoded, np.arange(task.count(encoded)), passed_over)
        names = explained.named(reading, encoded)
        for row in explained.few(encoded, rows, settings.explain.records).tolist():
            yield Sample(_called(names.iloc[row].tolist()), encoded, row)


def held_out_samples(
    task: Task,
    explained: Explained,
    layout: Layout,
    count: int,
    about: dict[str, Any],
    passed_over: Counter[str],
) -> list[Sample]:
    """At most ``count`` test samples of the first fold, spread over the whole of it."""
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    encoded.about.update(about)
    tested = np.flatnonzero(splits["fold0"].to_numpy() == "test")
    rows = _short_enough(explained, encoded, tested, passed_over)
    rows = np.random.default_rng(0).permutation(rows)
    names = splits[list(task.columns.values())]
    return [
        Sample(_called(names.iloc[row].tolist()), encoded, row)
        for row in explained.few(encoded, rows, count).tolist()
    ]


def _short_enough(
    explained: Explained, encoded: Encoded, rows: np.ndarray, passed_over: Counter[str]
) -> np.ndarray:
    """Rows none of whose sequences is longer than ``LONGEST``."""
    long = np.array(
        [
            max(map(len, explained.sequences(encoded, row).values())) > LONGEST
            for row in rows.tolist()
        ],
        dtype=bool,
    )
    if long.any():
        passed_over[f"samples with a sequence of more than {LONGEST:,} letters"] += int(long.sum())
    return rows[~long]


def _called(ids: list[Any]) -> str:
    return " with ".join(map(str, ids))
