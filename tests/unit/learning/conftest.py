"""Tiny data of each task, in which there is something to learn within seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Parts, Task

FILES = {
    "structure": {"sequences": "a"},
    "expression": {"sequences": "a", "expression": "b"},
    "affinity": {"drugs": "a", "targets": "b", "affinities": "c"},
}


@dataclass(frozen=True)
class Toy:
    """A task's data, its split as a table, and a small model for it."""

    task: Task
    encoded: Encoded
    splits: pd.DataFrame
    model: ModelSettings

    @property
    def parts(self) -> Parts:
        return Parts.of(self.splits, 0)

    def told(self, **training: Any) -> Toy:
        """The same with other settings of training."""
        settings = self.model.training.model_copy(update=training)
        return replace(self, model=self.model.model_copy(update={"training": settings}))


def model(
    encoder: str = "lstm", stride: int = 1, composition: bool = False, both_strands: bool = False
) -> ModelSettings:
    size = {"window": 4} if encoder == "convlstm" else {}
    stem = {"kernels": [3, 5], "channels": 4, "both_strands": True} if both_strands else None
    return ModelSettings.model_validate(
        {
            "embedding": {"size": 8, "kmer": stride, "stride": stride},
            "stem": stem,
            "encoder": {"name": encoder, "hidden_size": 8, **size},
            "head": {"hidden": 16, "dropout": 0.1, "composition": composition},
            "training": {
                "epochs": 6,
                "patience": 6,
                "learning_rate": 0.02,
                "token_budget": 120,
                "block": {"drugs": 6, "targets": 4},
                "precision": "float32",
            },
        }
    )


def _sequences(alphabet: str, count: int, rng: np.random.Generator) -> list[str]:
    lengths = rng.integers(6, 30, count)
    return ["".join(rng.choice(list(alphabet), length)) for length in lengths]


def _records(entity: str, sequences: list[str]) -> pd.DataFrame:
    ids = [f"{entity[0]}{number}" for number in range(len(sequences))]
    return pd.DataFrame(
        {"entity": entity, "id": ids, "sequence": sequences, "file": "toy", "line": 1}
    )


def _structure(rng: np.random.Generator) -> Reading:
    """The state of a residue follows from its letter; one residue in ten is unknown."""
    records = _records("chain", _sequences("ACDEFGHIKLMNPQRSTVWY", 60, rng))
    labels = [
        "".join(
            "." if rng.random() < 0.1 else DSSP8.letters[PROTEIN.letters.index(residue) % 8]
            for residue in chain
        )
        for chain in records["sequence"]
    ]
    return Reading(records, records[["id"]].assign(labels=labels))


def _expression(rng: np.random.Generator) -> Reading:
    """Values follow from the share of G and C; some are missing."""
    records = _records("gene", _sequences("ACGT", 100, rng))
    share = records["sequence"].str.count("[GC]") / records["sequence"].str.len()
    values = 10 + 4 * share.to_numpy()[:, None] * [1, 2, -1]
    values[rng.random(values.shape) < 0.1] = np.nan
    values[np.isnan(values).all(axis=1)] = 10.0
    columns = dict(zip(("warm", "cold", "NA"), values.T, strict=True))
    return Reading(records, records[["id"]].assign(**columns))


def _affinity(rng: np.random.Generator) -> Reading:
    """Values follow from the nitrogens of a drug and the charges of a target."""
    drugs = _records("drug", ["C" * (1 + n % 6) + "N" * (n % 5) for n in range(18)])
    targets = _records("target", _sequences("KAG", 10, rng))
    pairs = drugs.merge(targets, how="cross", suffixes=("_drug", "_target"))
    pairs = pairs.sample(frac=1, random_state=0)
    strength = pairs["sequence_drug"].str.count("N") + 0.2 * pairs["sequence_target"].str.count("K")
    measurements = pd.DataFrame(
        {"drug": pairs["id_drug"], "target": pairs["id_target"], "value": 5 + strength}
    )
    return Reading(pd.concat([drugs, targets], ignore_index=True), measurements.reset_index())


def _splits(task: Task, measurements: pd.DataFrame) -> pd.DataFrame:
    """Two folds of the same rows: 60 % train, 20 % validation, 20 % test; all rows independent."""
    ids = list(task.columns.values())
    names = ["train"] * 3 + ["validation", "test"]
    splits = measurements[ids].copy()
    for name in ids:
        splits["group" if name == "id" else f"{name}_group"] = splits[name]
    splits["fold0"] = np.resize(names, len(splits))
    splits["fold1"] = np.resize([*names[1:], names[0]], len(splits))
    return splits


def make_toy(task: str, encoder: str = "lstm", stride: int = 1, **how: bool) -> Toy:
    make = {"structure": _structure, "expression": _expression, "affinity": _affinity}
    reading = make[task](np.random.default_rng(7))
    start = {"coding_start": 4} if stride > 1 else {}  # codons in the frame of the fifth base
    _, settings = parse_settings({"task": task, "files": FILES[task], **start})
    encoded = TASKS[task].encode(reading, settings)
    splits = _splits(TASKS[task], reading.measurements)
    return Toy(TASKS[task], encoded, splits, model(encoder, stride, **how))


@pytest.fixture(scope="session")
def toy() -> Callable[..., Toy]:
    """``toy(task, encoder="lstm", stride=1, composition=False, both_strands=False)`` -> Toy."""
    return make_toy
