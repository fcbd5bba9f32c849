"""Tiny data of each task, in which there is something to learn within seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.data.alphabets import DNA, DSSP8, PROTEIN, SMILES
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.settings import ModelSettings
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Parts, Task


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


def model(encoder: str = "lstm", stride: int = 1) -> ModelSettings:
    size = {"window": 4} if encoder == "convlstm" else {}
    return ModelSettings.model_validate(
        {
            "embedding": {"size": 8, "kmer": stride, "stride": stride},
            "encoder": {"name": encoder, "hidden_size": 8, **size},
            "head": {"hidden": 16, "dropout": 0.1, "composition": stride > 1},
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


def _splits(count: int, **columns: Any) -> pd.DataFrame:
    """Two folds of the same rows: 60 % train, 20 % validation, 20 % test."""
    names = ["train"] * 3 + ["validation", "test"]
    return pd.DataFrame(
        {
            **columns,
            "fold0": np.resize(names, count),
            "fold1": np.resize([*names[1:], names[0]], count),
        }
    )


def _structure(rng: np.random.Generator) -> tuple[Encoded, pd.DataFrame]:
    """The state of a residue follows from its letter; one residue in ten is unknown."""
    chains = _sequences("ACDEFGHIKLMNPQRSTVWY", 60, rng)
    labels = [
        "".join(
            "." if rng.random() < 0.1 else DSSP8.letters[PROTEIN.letters.index(residue) % 8]
            for residue in chain
        )
        for chain in chains
    ]
    ids = [f"c{n}" for n in range(60)]
    encoded = Encoded({"chain": PROTEIN.encode_all(chains), "labels": DSSP8.encode_all(labels)})
    return encoded, _splits(60, id=ids, group=ids)


def _expression(rng: np.random.Generator) -> tuple[Encoded, pd.DataFrame]:
    """Values follow from the share of G and C; some are missing."""
    genes = _sequences("ACGT", 100, rng)
    share = np.array([np.isin(list(gene), ["G", "C"]).mean() for gene in genes])
    values = (10 + 4 * share[:, None] * [1, 2, -1]).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[np.isnan(values).all(axis=1)] = 10.0
    ids = [f"g{n}" for n in range(100)]
    about = {"conditions": ["warm", "cold", "NA"], "coding_start": None}
    return Encoded({"gene": DNA.encode_all(genes)}, {"values": values}, about), _splits(
        100, id=ids, group=ids
    )


def _affinity(rng: np.random.Generator) -> tuple[Encoded, pd.DataFrame]:
    """Values follow from the nitrogens of a drug and the charges of a target."""
    drugs = ["C" * (1 + n % 6) + "N" * (n % 5) for n in range(18)]
    targets = _sequences("KAG", 10, rng)
    pairs = np.stack(np.meshgrid(np.arange(18), np.arange(10)), axis=-1).reshape(-1, 2)
    pairs = rng.permutation(pairs).astype(np.int32)
    strength = np.array([drug.count("N") for drug in drugs])[pairs[:, 0]]
    charge = np.array([target.count("K") for target in targets])[pairs[:, 1]]
    sides = {"drug": SMILES.encode_all(drugs), "target": PROTEIN.encode_all(targets)}
    values = (5 + strength + 0.2 * charge).astype(np.float32)
    columns = {f"{side}_group": pairs[:, n] for n, side in enumerate(sides)}
    columns["drug"] = np.array([f"d{n}" for n in range(18)])[pairs[:, 0]]
    columns["target"] = np.array([f"t{n}" for n in range(10)])[pairs[:, 1]]
    return Encoded(sides, {"pairs": pairs, "values": values}), _splits(len(pairs), **columns)


def make_toy(task: str, encoder: str = "lstm", stride: int = 1) -> Toy:
    make = {"structure": _structure, "expression": _expression, "affinity": _affinity}
    encoded, splits = make[task](np.random.default_rng(7))
    if stride > 1:  # codons, read in the frame of the fifth base
        encoded.about["coding_start"] = 4
    return Toy(TASKS[task], encoded, splits, model(encoder, stride))


@pytest.fixture
def toy() -> Callable[..., Toy]:
    """``toy(task, encoder="lstm", stride=1)`` -> Toy."""
    return make_toy
