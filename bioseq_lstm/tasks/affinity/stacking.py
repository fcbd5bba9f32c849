"""Baselines of affinity that a network can be stacked on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from bioseq_lstm.baselines.affinity import Similarities
from bioseq_lstm.baselines.kronecker import KernelForm, KroneckerRidge
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.tasks.affinity.baselines import BASELINES, pairs_of, similarities
from bioseq_lstm.tasks.affinity.network import SIDES
from bioseq_lstm.tasks.base import StackBase


class PairBase(StackBase):
    """One of ``BASELINES``; of the Kronecker ridge form and strength are the choices."""

    def __init__(
        self,
        name: str,
        encoded: Encoded,
        choices: Mapping[str, Any],
        similar: Similarities | None = None,
    ) -> None:
        self._name, self._encoded, self.choices = name, encoded, dict(choices)
        self.settled = name == "Kronecker ridge"
        self._similar = similarities(encoded) if similar is None else similar

    def fit(self, rows: np.ndarray, validation: np.ndarray) -> Self:
        self._rows, self._validation = rows, validation
        if self.settled:
            form = KernelForm(**self.choices["form"]) if self.choices else None
            baseline = KroneckerRidge(form, self.choices.get("strength"))
        else:
            baseline = BASELINES[self._name]()
        train, held = (pairs_of(self._encoded, some) for some in (rows, validation))
        self._fitted = baseline.fit(train, held, self._similar)
        if isinstance(baseline, KroneckerRidge):
            assert baseline.form is not None
            self.choices = {"form": asdict(baseline.form), "strength": baseline.strength}
        return self

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> PairBase:
        again = PairBase(self._name, self._encoded, self.choices, self._similar)
        return again.fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """``(samples,)``.

        Other data than those of the fit bring drugs and targets to compare with, so the
        similarities grow by them, and the baseline is fitted once more on the same pairs.
        """
        if asked is self._encoded:
            pairs = asked.arrays["pairs"][rows]
            return np.asarray(self._fitted.predict(pairs[:, 0], pairs[:, 1]))
        both = joined(self._encoded, asked)
        again = PairBase(self._name, both, self.choices).fit(self._rows, self._validation)
        return again.predict(both, rows + len(self._encoded.arrays["pairs"]))


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


def stack_base(name: str, encoded: Encoded, choices: Mapping[str, Any]) -> PairBase:
    return PairBase(name, encoded, choices)
