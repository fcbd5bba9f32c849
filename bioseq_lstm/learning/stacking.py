"""Stacking: a network that learns what a baseline leaves, and whose predictions are their sum.

A baseline has seen the labels of its own training rows, so what it leaves there is too small to
learn from. The network is therefore trained on what is left *out of fold*: the training part is cut
into folds, and each is predicted by the baseline fitted on the others (Wolpert 1992, Neural
Networks 5, 241-259; Breiman 1996, Machine Learning 24, 49-64). Validation rows are predicted by the
baseline fitted on the whole training part. So are test rows and new records, or, when the baseline
can take its choices as given, by one fitted on the training and the validation part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.data.assignment import assign
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.tasks.base import Parts, StackBase, Task

FOLDS = 5
FOLDS_OF_BOTH = 3  # of drugs, and of targets, where the test part holds neither: nine fits
NEW = 0.5  # share of test rows whose drug (target, group) is unseen that makes a split cold


@dataclass(frozen=True)
class Fitted:
    """A baseline and the mean ``centre`` (), or (conditions,), of the values it was fitted on.

    What a network is to add to is how far the baseline is above that mean: so the network still
    predicts values around it, and its loss is that of the sum, as of any other network.
    """

    base: StackBase
    centre: np.ndarray

    @classmethod
    def on(cls, base: StackBase, encoded: Encoded, parts: Parts) -> Fitted:
        values = encoded.arrays["values"][parts.train].astype(float)
        known = np.isfinite(values)
        centre = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return cls(base.fit(parts.train, parts.validation), centre)

    def final(self, parts: Parts) -> Fitted:
        """What predicts test rows and new records: fitted on all that the choices leave free."""
        if not self.base.settled:
            return self
        rows = np.concatenate([parts.train, parts.validation])
        return Fitted(self.base.refit(rows, parts.validation), self.centre)

    def offset(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """(samples,) or (samples, conditions), in the unit of the data."""
        return np.asarray(self.base.predict(asked, rows) - self.centre, dtype=np.float32)


@dataclass(frozen=True)
class Stack:
    """What lies under the network: an offset for every sample, and how it was made.

    ``offset`` is out of fold on training rows, of the whole training part on validation rows, of
    the final baseline on test rows, 0 on others.
    """

    offset: np.ndarray
    record: dict[str, Any]

    def left(self, encoded: Encoded) -> Encoded:
        """The same data with what the baseline leaves as values."""
        return encoded.with_arrays(values=encoded.arrays["values"] - self.offset)

    def sum(self, rows: np.ndarray, decoded: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predictions of ``rows``: the baseline's, and what the network says it leaves."""
        return added(self.offset[rows], decoded)


def stack(
    task: Task, name: str, encoded: Encoded, splits: pd.DataFrame, parts: Parts, seed: int
) -> Stack:
    """Fit the baseline ``name`` under a network: as a whole, and once a fold."""
    whole = Fitted.on(task.stack_base(name, encoded), encoded, parts)
    offset = np.zeros_like(encoded.arrays["values"])
    offset[parts.validation] = whole.offset(encoded, parts.validation)
    offset[parts.test] = whole.final(parts).offset(encoded, parts.test)
    unseen = cold_columns(task, splits, parts)
    fits = 0
    for known, held in inner_folds(splits, parts.train, unseen, np.random.default_rng(seed)):
        fold = Fitted(whole.base.refit(known, parts.validation), whole.centre)
        offset[held] = fold.offset(encoded, held)
        fits += 1
    print(
        f"stacked on {name}: {fits} folds of the training part, "
        f"unseen in each: {' and '.join(unseen) or 'single rows'}",
        file=sys.stderr,
    )
    record = {"baseline": name, "choices": whole.base.choices, "folds": fits, "unseen": unseen}
    return Stack(offset, record)


def cold_columns(task: Task, splits: pd.DataFrame, parts: Parts) -> list[str]:
    """Columns of ``splits`` of which most test rows have a value that training never saw.

    For every kind of sequence its group, else its id, else nothing. Inner folds that hold out the
    same make what is left in them like what will be left in the test part. No label is looked at.
    """
    found = []
    for column in task.columns.values():
        group = "group" if column == "id" else f"{column}_group"
        for name in (group, column):
            values = splits[name].to_numpy()
            if (~np.isin(values[parts.test], values[parts.train])).mean() > NEW:
                found.append(name)
                break
    return found


def inner_folds(
    splits: pd.DataFrame, train: np.ndarray, cold: Sequence[str], generator: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training rows to fit on, and training rows to predict; every row is predicted once.

    With one column the folds are of its values. With two, a block of both is predicted from the
    rows that share neither fold with it. With none, the folds are of single rows.

    Raises UserError when the training part has too few different values to hold some out.
    """
    count = FOLDS if len(cold) < 2 else FOLDS_OF_BOTH
    columns = [splits[name].to_numpy()[train] for name in cold] or [np.arange(len(train))]
    folds = []
    for name, values in zip(cold or ["row"], columns, strict=True):
        groups = np.unique(values, return_inverse=True)[1].reshape(-1)
        own = min(count, int(groups.max()) + 1)
        if own < 2:
            raise UserError(
                f"stack_on needs training rows of at least two values of {name!r}, to hold one out"
            )
        folds.append(assign(groups, [1 / own] * own, generator))
    for block in product(*(range(fold.max() + 1) for fold in folds)):
        inside = [fold == number for fold, number in zip(folds, block, strict=True)]
        held = np.logical_and.reduce(inside)
        known = ~np.logical_or.reduce(inside)
        if not held.any():
            continue
        if not known.any():
            raise UserError("stack_on: a fold of the training part leaves nothing to fit on")
        yield train[known], train[held]


def inputs(layout: Layout) -> dict[str, str]:
    """Checksums of what a baseline is fitted on."""
    return {path.name: sha256(path) for path in (layout.encoded, layout.splits)}


def refitted(task: Task, layout: Layout, card: dict[str, Any]) -> Fitted:
    """The baseline under a trained network, fitted once more on the data of its run.

    Not the fit is stored but what it chose: the data lie in the same folder. Raises UserError if
    they are not those that the network was trained with.
    """
    record = card["stack"]
    if record["inputs"] != inputs(layout):
        raise UserError(
            f"is not what the model on {record['baseline']!r} was trained with: train again",
            file=layout.encoded,
        )
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    base = task.stack_base(record["baseline"], encoded, record["choices"])
    parts = Parts.of(splits, record["fold"])
    return Fitted.on(base, encoded, parts).final(parts)


def added(offset: np.ndarray, decoded: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(base + own) for base, own in zip(offset, decoded, strict=True)]
