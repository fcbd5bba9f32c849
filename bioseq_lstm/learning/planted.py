"""How well outliers are told from test records: planted ones, whose place in truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.surprise import Surprise
from bioseq_lstm.metrics.bootstrap import bootstrap
from bioseq_lstm.tasks.base import Parts, Task

MOST = 300  # test sequences of each kind
FEWEST = 10  # of fewer no figure is given
REPLICATES = 200

Plant = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _shuffled(codes: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(codes)


def _random(codes: np.ndarray, letters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(letters, len(codes))


def _repeated(codes: np.ndarray, letters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.full(len(codes), rng.choice(letters), codes.dtype)


PLANTS: dict[str, Plant] = {
    "the same letters in random order": _shuffled,
    "random letters": _random,
    "one letter repeated": _repeated,
}


class _Told:
    """Area under the ROC curve: rarity of records beside that of outliers made of them."""

    def __init__(self, usual: np.ndarray, planted: np.ndarray) -> None:
        self.units = (np.tile(np.arange(len(usual)), 2),)
        self._planted = np.repeat([0, 1], len(usual))
        self._surprise = -np.concatenate([usual, planted])

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        area = roc_auc_score(self._planted, self._surprise, sample_weight=weights)
        return {"auc": float(area)}


def evaluate_planted(
    task: Task, surprise: Surprise, encoded: Encoded, parts: Parts, rare: float
) -> list[dict[str, Any]]:
    """One row for every kind of sequence and of outlier, and one for the test records themselves.

    ``auc`` with its 95 % interval over test sequences: .5 is no better than chance. ``marked``:
    share whose rarity is at most ``rare``. Test sequences that training has too are left out;
    kinds with fewer than ten others have no row.
    """
    return [
        row for kind in task.kinds for row in _of_kind(task, kind, surprise, encoded, parts, rare)
    ]


def _of_kind(
    task: Task, kind: str, surprise: Surprise, encoded: Encoded, parts: Parts, rare: float
) -> Iterator[dict[str, Any]]:
    members = task.members(encoded)[kind]
    rng = np.random.default_rng(0)
    numbers = np.setdiff1d(members[parts.test], members[parts.train])
    if len(numbers) < FEWEST or not surprise.telling(kind):
        return
    if len(numbers) > MOST:
        numbers = np.sort(rng.choice(numbers, MOST, replace=False))
    tested = encoded.sequences[kind].take(numbers)
    letters = np.unique(tested.codes)
    sides = len(task.kinds)  # a pair is judged by both, so each counts twice (Bonferroni)
    usual = np.minimum(sides * surprise.rarity(kind, tested), 1.0)
    row = {"kind": kind, "sequences": len(numbers)}
    yield {**row, "planted": "none: test records as they are", "marked": _marked(usual, rare)}
    for name, plant in PLANTS.items():
        made = Ragged.from_list([plant(codes, letters, rng) for codes in tested])
        planted = np.minimum(sides * surprise.rarity(kind, made), 1.0)
        area = bootstrap({"": [_Told(usual, planted)]}, REPLICATES).estimate("", "auc")
        told = {"auc": area.value, "low": area.low, "high": area.high}
        yield {**row, "planted": name, "marked": _marked(planted, rare), **told}


def _marked(rarity: np.ndarray, rare: float) -> float:
    return float(np.mean(rarity <= rare * (1 + 1e-9)))
