"""Stacking: a network that learns what baselines leave, and whose predictions are their sum.

A baseline has seen the labels of its own training rows, so what it leaves there is too small to
learn from. The network is therefore trained on what is left *out of fold*: the training part is cut
into folds, and each is predicted by the baseline fitted on the others (Wolpert 1992, Neural
Networks 5, 241-259). Several baselines are averaged with the weights that best fit those
predictions (Breiman 1996, Machine Learning 24, 49-64). Validation rows are predicted by the
baseline fitted on the whole training part. So are test rows and new records, or, when the baseline
can take its choices as given, by one fitted on the training and the validation part.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

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
    """Baselines and the mean ``centre`` (), or (conditions,), of the values they were fitted on.

    What a network is to add to is how far the baselines are above that mean: so the network still
    predicts values around it, and its loss is that of the sum, as of any other network.
    """

    bases: Sequence[StackBase]
    centre: np.ndarray

    @classmethod
    def on(cls, bases: Sequence[StackBase], encoded: Encoded, parts: Parts) -> Fitted:
        values = encoded.arrays["values"][parts.train].astype(float)
        known = np.isfinite(values)
        centre = np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        return cls([base.fit(parts.train, parts.validation) for base in bases], centre)

    def on_fold(self, known: np.ndarray, parts: Parts) -> Fitted:
        """Refitted on ``known`` rows of the training part."""
        return Fitted([base.refit(known, parts.validation) for base in self.bases], self.centre)

    def final(self, parts: Parts) -> Fitted:
        """What predicts test rows and new records: fitted on all that the choices leave free."""
        both = np.concatenate([parts.train, parts.validation])
        bases = [
            base.refit(both, parts.validation) if base.settled else base for base in self.bases
        ]
        return Fitted(bases, self.centre)

    def offsets(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """(baselines, samples) or (baselines, samples, conditions), in the unit of the data."""
        return np.stack([base.predict(asked, rows) - self.centre for base in self.bases])


def adds_nothing(cards: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the networks of one model, told by their ``model.json``, leave their baselines as
    they are.
    """
    return all("stack" in card and card["stack"]["share"] == 0 for card in cards)


def weighted(offsets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The sum over baselines, the first axis."""
    return np.tensordot(weights, offsets, axes=1).astype(np.float32)


def weights_of(offsets: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weights (baselines,) of out-of-fold ``offsets`` that best fit ``values`` above their mean.

    By least squares, none below 0, their sum 1. One weight serves all conditions. The sum is bound
    because a fit on a part of the rows is nearer to the mean than one on all, which larger weights
    would make up for once too often.
    """
    known = np.isfinite(values)
    own, asked = offsets[:, known].T.astype(float), values[known].astype(float)
    # That the sum is 1 is one more equation, which weighs far more than all others.
    scale = 1e4 * float(np.hypot(np.linalg.norm(own), np.linalg.norm(asked))) or 1.0
    system = np.vstack([own, np.full(own.shape[1], scale)])
    found: np.ndarray = nnls(system, np.append(asked, scale))[0]
    return found / found.sum()


@dataclass(frozen=True)
class Stack:
    """What lies under the network: an offset for every sample, and how it was made.

    ``offset`` is out of fold on training rows, of the whole training part on validation rows, of
    the final baselines on test rows, 0 on others.
    """

    offset: np.ndarray
    record: dict[str, Any]

    def left(self, encoded: Encoded) -> Encoded:
        """The same data with what the baselines leave as values."""
        return encoded.with_arrays(values=encoded.arrays["values"] - self.offset)

    def sum(self, rows: np.ndarray, decoded: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Predictions of ``rows``: the baselines', and what the network says they leave."""
        return _added(self.offset[rows], decoded)


def stack(
    task: Task,
    names: Sequence[str],
    encoded: Encoded,
    splits: pd.DataFrame,
    parts: Parts,
    seed: int,
) -> Stack:
    """Fit the baselines ``names`` under a network: as a whole, and once a fold."""
    values = encoded.arrays["values"]
    whole = Fitted.on(task.stack_bases(encoded, {name: {} for name in names}), encoded, parts)
    offsets = np.zeros((len(names), *values.shape))
    offsets[:, parts.validation] = whole.offsets(encoded, parts.validation)
    offsets[:, parts.test] = whole.final(parts).offsets(encoded, parts.test)
    unseen = cold_columns(task, splits, parts)
    fits = 0
    for known, held in inner_folds(splits, parts.train, unseen, np.random.default_rng(seed)):
        offsets[:, held] = whole.on_fold(known, parts).offsets(encoded, held)
        fits += 1
    weights = weights_of(offsets[:, parts.train], values[parts.train] - whole.centre)
    record = {
        "baselines": {
            name: {"weight": float(weight), "choices": base.choices}
            for name, weight, base in zip(names, weights, whole.bases, strict=True)
        },
        "folds": fits,
        "unseen": unseen,
    }
    print(
        f"stacked on {formula(record)}: {fits} folds of the training part, "
        f"unseen in each: {' and '.join(unseen) or 'single rows'}",
        file=sys.stderr,
    )
    return Stack(weighted(offsets, weights), record)


def formula(record: Mapping[str, Any]) -> str:
    """The baselines of a ``stack`` in model.json; several with the weight of each."""
    own = record["baselines"]
    if len(own) == 1:
        return str(*own)
    return " + ".join(f"{about['weight']:.2f} {name}" for name, about in own.items())


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
    """Checksums of what baselines are fitted on."""
    return {path.name: sha256(path) for path in (layout.encoded, layout.splits)}


def refitted(task: Task, layout: Layout, cards: Sequence[Mapping[str, Any]]) -> dict[int, Fitted]:
    """The baselines under trained networks, fitted once more on the data of their runs: by fold.

    Not the fits are stored but what they chose: the data lie in the same folder. Raises UserError
    if they are not those that a network was trained with.
    """
    by_fold = {card["stack"]["fold"]: card["stack"] for card in cards if "stack" in card}
    if not by_fold:
        return {}
    known = inputs(layout)
    for record in by_fold.values():
        if record["inputs"] != known:
            raise UserError(
                f"is not what the model on {formula(record)} was trained with: train again",
                file=layout.encoded,
            )
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    found = {}
    for fold, record in by_fold.items():
        own = {name: about["choices"] for name, about in record["baselines"].items()}
        parts = Parts.of(splits, fold)
        found[fold] = Fitted.on(task.stack_bases(encoded, own), encoded, parts).final(parts)
    return found


def with_baselines(
    card: Mapping[str, Any], offsets: Mapping[int, np.ndarray], decoded: Sequence[np.ndarray]
) -> Sequence[np.ndarray]:
    """What the network of ``card`` says, and its baselines if it has any.

    ``offsets`` are those of the baselines of each fold, (baselines, samples) and so on. Networks of
    one fold share them; how they weigh them is their own.
    """
    if "stack" not in card:
        return decoded
    weights = np.array([about["weight"] for about in card["stack"]["baselines"].values()])
    return _added(weighted(offsets[card["stack"]["fold"]], weights), decoded)


def _added(offset: np.ndarray, decoded: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(base + own) for base, own in zip(offset, decoded, strict=True)]
