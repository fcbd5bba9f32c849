"""The honest floors of expression."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bioseq_lstm.baselines.expression import (
    CodonRidge,
    Genes,
    KmerBoosting,
    KmerRidge,
    MeanExpression,
)
from bioseq_lstm.baselines.nearest import NearestRecord
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.settings import ExpressionDataset
from bioseq_lstm.tasks.base import Parts, nearest_rows
from bioseq_lstm.tasks.expression.task import long_table

ABOUT = {
    "mean of each condition": MeanExpression.about,
    "codon ridge": CodonRidge.about,
    "k-mer ridge": KmerRidge.about,
    "k-mer boosting": KmerBoosting.about,
    "nearest training record": NearestRecord.about,
}


def fit_baselines(
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    leakage: pd.DataFrame,
    settings: ExpressionDataset,
) -> Iterator[tuple[str, pd.DataFrame]]:
    conditions = encoded.about["conditions"]
    truth = encoded.arrays["values"][parts.test]
    for name, predicted in _predictions(encoded, splits, parts, leakage, settings.coding_start):
        yield name, long_table(splits, parts.test, conditions, truth, predicted)


def _predictions(
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    leakage: pd.DataFrame,
    coding: int | None,
) -> Iterator[tuple[str, np.ndarray]]:
    """Values (test genes, conditions) that each baseline gives."""
    train, validation = (genes_of(encoded, rows) for rows in (parts.train, parts.validation))
    test = encoded.sequences["gene"].take(parts.test)
    yield "mean of each condition", MeanExpression().fit(train).predict(test)
    if coding is not None:
        yield "codon ridge", CodonRidge(coding).fit(train, validation).predict(test)
    yield "k-mer ridge", KmerRidge(coding).fit(train, validation).predict(test)
    yield "k-mer boosting", KmerBoosting(coding).fit(train, validation).predict(test)
    nearest = nearest_rows(splits["id"].to_numpy(), parts, leakage)
    yield "nearest training record", NearestRecord().fit(train.values).predict(nearest)


def genes_of(encoded: Encoded, rows: np.ndarray) -> Genes:
    return Genes(encoded.sequences["gene"].take(rows), encoded.arrays["values"][rows])
