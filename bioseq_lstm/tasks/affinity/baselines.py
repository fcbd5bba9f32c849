"""The honest floors of affinity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.baselines.affinity import (
    Choosing,
    DrugOnly,
    DrugTargetMean,
    NearestPair,
    NeighbourMean,
    Pairs,
    Similarities,
    TargetOnly,
)
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.profiles import ProfileRidge
from bioseq_lstm.baselines.similarity_kernels import alignment_similarity
from bioseq_lstm.data.alphabets import SMILES
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.molecules import fingerprints, tanimoto
from bioseq_lstm.settings import AffinityDataset
from bioseq_lstm.tasks.affinity.task import pair_table
from bioseq_lstm.tasks.base import Parts

BASELINES: dict[str, Any] = {
    "drug mean + target mean": DrugTargetMean,
    "drug alone": DrugOnly,
    "target alone": TargetOnly,
    "weighted neighbours": NeighbourMean,
    "Kronecker ridge": KroneckerRidge,
    "profile ridge": ProfileRidge,
    "nearest training pair": NearestPair,
}
ABOUT: dict[str, str] = {name: baseline.about for name, baseline in BASELINES.items()}


def fit_baselines(
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    leakage: pd.DataFrame,
    settings: AffinityDataset,
) -> Iterator[tuple[str, pd.DataFrame]]:
    similar = similarities(encoded)
    train, validation = (pairs_of(encoded, rows) for rows in (parts.train, parts.validation))
    test = encoded.arrays["pairs"][parts.test]
    for name, baseline in BASELINES.items():
        fitted = baseline().fit(train, validation, similar)
        if isinstance(fitted, Choosing):  # the floor is as strong as its data allow
            fitted = fitted.on_both(train, validation, similar)
        predicted = fitted.predict(test[:, 0], test[:, 1])
        yield name, pair_table(encoded, splits, parts.test, predicted)


def similarities(encoded: Encoded) -> Similarities:
    """Of all drugs (Tanimoto coefficients) and of all targets (local alignments)."""
    prints = fingerprints([SMILES.decode(drug) for drug in encoded.sequences["drug"]])
    drugs = tanimoto(prints, prints).astype(float)
    return Similarities(drugs, alignment_similarity(encoded.sequences["target"]))


def pairs_of(encoded: Encoded, rows: np.ndarray) -> Pairs:
    pairs = encoded.arrays["pairs"][rows]
    return Pairs(pairs[:, 0], pairs[:, 1], encoded.arrays["values"][rows].astype(float))
