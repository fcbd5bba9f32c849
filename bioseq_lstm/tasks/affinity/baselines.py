"""The honest floors of affinity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.baselines.affinity import (
    DrugOnly,
    DrugTargetMean,
    NearestPair,
    NeighbourMean,
    Pairs,
    Similarities,
    TargetOnly,
)
from bioseq_lstm.baselines.kronecker import KroneckerRidge
from bioseq_lstm.baselines.similarity_kernels import kmer_similarity
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
    "nearest training pair": NearestPair,
}


def fit_baselines(
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    leakage: pd.DataFrame,
    settings: AffinityDataset,
) -> Iterator[tuple[str, pd.DataFrame]]:
    prints = fingerprints([SMILES.decode(drug) for drug in encoded.sequences["drug"]])
    similar = Similarities(
        tanimoto(prints, prints).astype(float), kmer_similarity(encoded.sequences["target"])
    )
    train, validation = (_pairs(encoded, rows) for rows in (parts.train, parts.validation))
    test = encoded.arrays["pairs"][parts.test]
    for name, baseline in BASELINES.items():
        fitted = baseline().fit(train, validation, similar)
        predicted = fitted.predict(test[:, 0], test[:, 1])
        yield name, pair_table(encoded, splits, parts.test, predicted)


def _pairs(encoded: Encoded, rows: np.ndarray) -> Pairs:
    pairs = encoded.arrays["pairs"][rows]
    return Pairs(pairs[:, 0], pairs[:, 1], encoded.arrays["values"][rows].astype(float))
