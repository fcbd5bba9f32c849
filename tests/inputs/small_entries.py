"""Small sets of genes, molecules and proteins to split, all of them different."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bioseq_lstm.data.similarity import Entries


def genes(count: int, seed: int = 0) -> Entries:
    generator = np.random.default_rng(seed)
    texts = ["".join(row) for row in generator.choice(list("ACGT"), (count, 40))]
    return Entries("dna", [f"g{i}" for i in range(count)], texts)


def drugs(count: int) -> Entries:
    """Alkanes with a chlorine that wanders along the chain: all of them different molecules."""
    smiles = [f"{'C' * (i % 10)}N{'O' * (i // 10)}Cl" for i in range(count)]
    return Entries("molecule", [f"d{i}" for i in range(count)], smiles)


def targets(count: int, seed: int = 0) -> Entries:
    generator = np.random.default_rng(seed)
    letters = list("ACDEFGHIKLMNPQRSTVWY")
    texts = ["".join(row) for row in generator.choice(letters, (count, 60))]
    return Entries("protein", [f"t{i}" for i in range(count)], texts)


def all_pairs(drug: Entries, target: Entries) -> pd.DataFrame:
    rows = [(d, t) for d in drug.ids for t in target.ids]
    return pd.DataFrame(rows, columns=["drug", "target"])


def given_words(*words: str | None) -> pd.DataFrame:
    """A column that says who trains, validates and tests."""
    return pd.DataFrame({"set": list(words)})
