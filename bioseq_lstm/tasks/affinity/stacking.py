"""Baselines of affinity that a network can be stacked on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from bioseq_lstm.baselines.affinity import Choosing, Pairs
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.tasks.affinity.baselines import BASELINES, pairs_of, similarities
from bioseq_lstm.tasks.affinity.network import SIDES
from bioseq_lstm.tasks.base import StackBase


class Related:
    """The data of a fit and how similar their drugs and targets are, with new records or without.

    Baselines and folds of one stack share it, so that similarities are computed once.
    """

    def __init__(self, encoded: Encoded) -> None:
        self.encoded, self.similar = encoded, similarities(encoded)
        self._joined: tuple[Encoded, Related] | None = None  # what was asked last

    def pairs(self, rows: np.ndarray) -> Pairs:
        return pairs_of(self.encoded, rows)

    def with_new(self, asked: Encoded) -> Related:
        """Joined with the records asked about, whose pairs come after these."""
        if self._joined is None or self._joined[0] is not asked:
            self._joined = asked, Related(joined(self.encoded, asked))
        return self._joined[1]


class PairBase(StackBase):
    """One of ``BASELINES``; a ``Choosing`` one has its choices."""

    def __init__(self, name: str, related: Related, choices: Mapping[str, Any]) -> None:
        self.name, self._related, self.choices = name, related, dict(choices)
        self.settled = issubclass(BASELINES[name], Choosing)

    def fit(self, rows: np.ndarray, validation: np.ndarray) -> Self:
        self._rows, self._validation = rows, validation
        kind = BASELINES[self.name]
        baseline = kind.with_choices(self.choices) if self.choices else kind()
        train, held = self._related.pairs(rows), self._related.pairs(validation)
        self._fitted = baseline.fit(train, held, self._related.similar)
        if self.settled:
            self.choices = self._fitted.choices
        return self

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> PairBase:
        return PairBase(self.name, self._related, self.choices).fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """``(samples,)``.

        Other data than those of the fit bring drugs and targets to compare with, so the
        similarities grow by them, and the baseline is fitted once more on the same pairs.
        """
        known = self._related.encoded
        if asked is known:
            pairs = asked.arrays["pairs"][rows]
            return np.asarray(self._fitted.predict(pairs[:, 0], pairs[:, 1]))
        both = self._related.with_new(asked)
        again = PairBase(self.name, both, self.choices).fit(self._rows, self._validation)
        return again.predict(both.encoded, rows + len(known.arrays["pairs"]))


def joined(known: Encoded, asked: Encoded) -> Encoded:
    """Drugs, targets and pairs of both; those asked about come after, without values.

    A drug or target of ``asked`` with the very letters of just one that is known *is* that one, so
    that what was learnt of it alone counts.
    """
    sequences, columns = {}, []
    for column, side in enumerate(SIDES):
        first, second = known.sequences[side], asked.sequences[side]
        sequences[side] = Ragged.from_list([*first, *second])
        places: dict[bytes, list[int]] = {}
        for number, codes in enumerate(first):
            places.setdefault(codes.tobytes(), []).append(number)
        number_of = np.arange(len(second)) + len(first)
        for number, codes in enumerate(second):
            same = places.get(codes.tobytes(), [])
            if len(same) == 1:
                number_of[number] = same[0]
        columns.append(number_of[asked.arrays["pairs"][:, column]])
    pairs = np.concatenate([known.arrays["pairs"], np.stack(columns, axis=1)])
    values = np.concatenate([known.arrays["values"], np.zeros(len(columns[0]), np.float32)])
    return Encoded(sequences, {"pairs": pairs, "values": values})


def stack_bases(encoded: Encoded, choices: Mapping[str, Mapping[str, Any]]) -> list[PairBase]:
    """Those that ``choices`` names, with what each chose, if it did."""
    related = Related(encoded)
    return [PairBase(name, related, own) for name, own in choices.items()]
