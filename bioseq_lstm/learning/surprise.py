"""Signals of surprise: numbers that are high for sequences unlike those that a network knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.familiarity import MOST_FITTED, Familiarity, crossed, summed_up
from bioseq_lstm.learning.windows import predict_new_rows
from bioseq_lstm.tasks.base import Parts, Task

FEWEST_HELD_OUT = 20  # fewer say too little of what is usual
FEWEST_USUAL = 19  # with fewer, even what is beyond all of them is no rarer than 1 in 20


@dataclass(frozen=True)
class Signal:
    """A measure ``(sequences,)`` of sequences of one kind, and its values on usual ones.

    ``reference`` is ascending. ``held_out``: those sequences were not trained on; else they are
    training sequences, each measured against the others.
    """

    kind: str
    measure: Callable[[Ragged], np.ndarray]
    reference: np.ndarray
    held_out: bool

    def rarity(self, sequences: Ragged) -> np.ndarray:
        """Share ``(sequences,)`` of usual ones at least as high, the sequence itself counted in.

        It is never 0: with n usual sequences the least is 1 / (n + 1).
        """
        lower = np.searchsorted(self.reference, self.measure(sequences), side="left")
        return (1 + len(self.reference) - lower) / (1 + len(self.reference))


@dataclass(frozen=True)
class Surprise:
    """The signals of one network, and what its states are measured by, by kind."""

    signals: list[Signal]
    familiar: dict[str, Familiarity]

    @classmethod
    def fit(cls, task: Task, network: nn.Module, encoded: Encoded, parts: Parts) -> Surprise:
        """Fit on the sequences of the training part; those of the validation part are the usual."""
        signals, familiar = [], {}
        members = task.members(encoded)
        for kind, encoder in task.sequence_encoders(network).items():
            sequences = encoded.sequences[kind]
            trained = np.unique(members[kind][parts.train])
            unseen = np.setdiff1d(members[kind][parts.validation], trained)
            known, held_out = (sequences.take(_some(numbers)) for numbers in (trained, unseen))
            states = summed_up(encoder, known)
            familiar[kind] = Familiarity.fit(states)
            enough = len(held_out) >= FEWEST_HELD_OUT
            distance = _Distance(encoder, familiar[kind])
            reference = distance(held_out) if enough else crossed(states)
            signals.append(Signal(kind, distance, np.sort(reference), enough))
            if enough and task.by_position == kind:
                unsure = _Unsure(task, network, encoded, kind)
                signals.append(Signal(kind, unsure, np.sort(unsure(held_out)), True))
        return cls(signals, familiar)

    def telling(self, kind: str) -> list[Signal]:
        """The signals of a kind whose usual ones are enough to tell anything by."""
        return [
            signal
            for signal in self.signals
            if signal.kind == kind and len(signal.reference) >= FEWEST_USUAL
        ]

    def rarity(self, kind: str, sequences: Ragged) -> np.ndarray:
        """The least rarity by any signal of a kind, times their number (Bonferroni): (sequences,).

        Several signals have several chances that one of them is rare. 1 where none can tell.
        """
        own = [signal.rarity(sequences) for signal in self.telling(kind)]
        if not own:
            return np.ones(len(sequences))
        return np.minimum(len(own) * np.min(own, axis=0), 1.0)

    def least(self, kind: str) -> float:
        """The least rarity that there can be; 0 where no signal can tell."""
        sizes = [len(signal.reference) for signal in self.telling(kind)]
        return len(sizes) / (1 + min(sizes)) if sizes else 0.0


@dataclass(frozen=True)
class _Distance:
    """Distance of a sequence's states from those of training."""

    encoder: nn.Module
    familiar: Familiarity

    def __call__(self, sequences: Ragged) -> np.ndarray:
        return self.familiar.distances(summed_up(self.encoder, sequences))


@dataclass(frozen=True)
class _Unsure:
    """Entropy, mean over positions, of the probabilities that are predicted for a sequence."""

    task: Task
    network: nn.Module
    encoded: Encoded
    kind: str

    def __call__(self, sequences: Ragged) -> np.ndarray:
        asked = Encoded({self.kind: sequences}, {}, self.encoded.about)
        decoded = predict_new_rows(self.task, self.network, asked)
        means = [-(p * np.log(np.maximum(p, 1e-12))).sum(axis=1).mean() for p in decoded]
        return np.array(means, dtype=float)


def _some(numbers: np.ndarray) -> np.ndarray:
    """At most as many as mean and covariance need, drawn the same way each time."""
    if len(numbers) <= MOST_FITTED:
        return numbers
    return np.sort(np.random.default_rng(0).choice(numbers, MOST_FITTED, replace=False))
