"""The honest floors of secondary structure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bioseq_lstm.baselines.nearest import NearestChain
from bioseq_lstm.baselines.structure import (
    LabelledChains,
    MajorityState,
    PredictedStates,
    WindowClassifier,
)
from bioseq_lstm.data.alphabets import DSSP8
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.settings import StructureDataset
from bioseq_lstm.tasks.base import Parts, nearest_rows

ABOUT = {
    "majority state": MajorityState.about,
    "window classifier": WindowClassifier.about,
    "nearest training record": NearestChain.about,
}


def fit_baselines(
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    leakage: pd.DataFrame,
    settings: StructureDataset,
) -> Iterator[tuple[str, pd.DataFrame]]:
    train, validation = (_chains(encoded, rows) for rows in (parts.train, parts.validation))
    test = encoded.sequences["chain"].take(parts.test)
    majority = MajorityState().fit(train).predict(test)
    yield "majority state", _table(encoded, splits, parts.test, majority)
    window = WindowClassifier().fit(train, validation).predict(test)
    yield "window classifier", _table(encoded, splits, parts.test, window)
    nearest = nearest_rows(splits["id"].to_numpy(), parts, leakage)
    copied = NearestChain().fit(train).predict(test, nearest)
    yield "nearest training record", _table(encoded, splits, parts.test, copied)


def _chains(encoded: Encoded, rows: np.ndarray) -> LabelledChains:
    sequences = encoded.sequences
    return LabelledChains(sequences["chain"].take(rows), sequences["labels"].take(rows))


def _table(
    encoded: Encoded, splits: pd.DataFrame, rows: np.ndarray, predicted: PredictedStates
) -> pd.DataFrame:
    labels = encoded.sequences["labels"]
    unsure: list[np.ndarray | None] = [None] * len(rows)
    return pd.DataFrame(
        {
            "sample": rows,
            "id": splits["id"].to_numpy()[rows],
            "truth": [DSSP8.decode(labels[row]) for row in rows],
            "predicted": predicted.states,
            "predicted_3": predicted.states_3,
            "confidence": predicted.confidence or unsure,
        }
    )
