"""Which new records lie outside what a model has learnt from, and how well that is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.learning.familiarity import summed_up
from bioseq_lstm.learning.standing_out import Ordinary
from bioseq_lstm.learning.surprise import Surprise
from bioseq_lstm.metrics.bands import band_numbers
from bioseq_lstm.tasks.base import Parts, Task
from bioseq_lstm.tasks.outcomes import Nearest

RARE = 0.01  # share of usual records that are marked as surprising too


@dataclass(frozen=True)
class Judged:
    """Of each sample: how surprising, whether marked for it, and where its states lie.

    ``surprise`` (samples,) is the share of usual records that are less surprising; ``marked``
    (samples,) tells those that 1 % or fewer of the usual ones equal. ``members`` has the number of
    the sequence of each kind that a sample is made of, ``whitened`` the states of the sequences.
    """

    surprise: np.ndarray
    marked: np.ndarray
    members: Mapping[str, np.ndarray]
    whitened: Mapping[str, np.ndarray]

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Where samples lie, ``(rows, features)``: distances between them mean something."""
        sides = [states[self.members[kind][rows]] for kind, states in self.whitened.items()]
        return np.concatenate(sides, axis=1)


@dataclass(frozen=True)
class Novelty:
    """The chosen model's networks with what is usual to each of them, by kind of sequence."""

    task: Task
    networks: Sequence[nn.Module]
    surprises: Sequence[Surprise]
    ordinary: Mapping[str, Ordinary]

    @classmethod
    def fit(
        cls,
        task: Task,
        networks: Sequence[nn.Module],
        folds: Sequence[int],
        encoded: Encoded,
        splits: pd.DataFrame,
        training: pd.DataFrame,
    ) -> Novelty:
        """Fit on the training part of each network's fold; its validation part is the usual.

        Args:
            training: the training records of all folds, for the words on what stands out.
        """
        surprises = [
            Surprise.fit(task, network, encoded, Parts.of(splits, fold))
            for network, fold in zip(networks, folds, strict=True)
        ]
        ordinary = {kind: Ordinary.of(kind, training) for kind in task.kinds}
        return cls(task, networks, surprises, ordinary)

    def judge(self, encoded: Encoded) -> Judged:
        members = self.task.members(encoded)
        shares = [
            self._rarest(
                [
                    own.rarity(kind, encoded.sequences[kind])[numbers]
                    for kind, numbers in members.items()
                ]
            )
            for own in self.surprises
        ]
        rare = np.mean(shares, axis=0)
        # A mean of equal numbers can be larger than they are, by a rounding.
        marked = rare <= self.threshold * (1 + 1e-9)
        return Judged(1.0 - rare, marked, members, self._whitened(encoded))

    def _rarest(self, sides: list[np.ndarray]) -> np.ndarray:
        """Of two sides the rarer; they have twice the chance that one of them is (Bonferroni)."""
        return np.minimum(len(sides) * np.min(sides, axis=0), 1.0)

    def _whitened(self, encoded: Encoded) -> dict[str, np.ndarray]:
        """States of every sequence by the first network, (sequences, features)."""
        encoders = self.task.sequence_encoders(self.networks[0])
        return {
            kind: familiar.whitened(summed_up(encoders[kind], encoded.sequences[kind])).astype(
                np.float32
            )
            for kind, familiar in self.surprises[0].familiar.items()
        }

    @property
    def threshold(self) -> float:
        """A sample is marked where so few usual ones are as surprising; with few, where none is."""
        kinds = self.task.kinds
        least = max(own.least(kind) for own in self.surprises for kind in kinds)
        return max(RARE, len(kinds) * least)

    def reasons(
        self, reading: Reading, encoded: Encoded, judged: Judged, near: Nearest, bands: pd.DataFrame
    ) -> pd.DataFrame:
        """The samples outside: columns ``sample``, ``id``, and ``why`` in words."""
        records = records_of(self.task, reading, encoded)
        names = sample_names(self.task, reading, encoded)
        likeness = np.nan_to_num(near.similarity)  # NaN: nothing similar was found
        in_band = bands["records"].to_numpy()[band_numbers(likeness)]
        comparable = np.ones(len(names), bool) if near.comparable is None else near.comparable
        tested = comparable & (in_band > 0)
        rows = []
        for sample in np.flatnonzero(judged.marked | ~tested).tolist():
            why = []
            if not tested[sample]:
                why.append(_untested(float(likeness[sample]), bool(comparable[sample])))
            if judged.marked[sample]:
                texts = {kind: str(own["sequence"].iloc[sample]) for kind, own in records.items()}
                why.append(self._surprising(float(judged.surprise[sample]), texts))
            rows.append({"sample": sample, "id": names[sample], "why": ". ".join(why)})
        return pd.DataFrame(rows, columns=["sample", "id", "why"])

    def _surprising(self, share: float, texts: Mapping[str, str]) -> str:
        """Why a sample was marked, in words; ``texts`` are its sequences by kind."""
        parts = [
            f"{kind}: {self.ordinary[kind].unlike(text)}"
            if len(texts) > 1
            else self.ordinary[kind].unlike(text)
            for kind, text in texts.items()
        ]
        return (
            f"more surprising to the networks than {share:.1%} of usual records: {'; '.join(parts)}"
        )

    def as_dict(self) -> dict[str, Any]:
        """What was usual, for the record: by kind, how many and which sequences."""
        by_kind = {
            kind: [
                signal for own in self.surprises for signal in own.signals if signal.kind == kind
            ]
            for kind in self.task.kinds
        }
        return {
            "threshold": self.threshold,
            "unsure": any(len(own) > len(self.surprises) for own in by_kind.values()),
            "reference": {
                kind: {
                    "sequences": [len(signal.reference) for signal in own],
                    "held_out": all(signal.held_out for signal in own),
                    "telling": all(surprise.telling(kind) for surprise in self.surprises),
                }
                for kind, own in by_kind.items()
            },
        }


def records_of(task: Task, reading: Reading, encoded: Encoded) -> dict[str, pd.DataFrame]:
    """The record of each kind that each sample is made of, a row a sample."""
    return {
        kind: reading.records[reading.records["entity"] == kind].iloc[numbers]
        for kind, numbers in task.members(encoded).items()
    }


def sample_names(task: Task, reading: Reading, encoded: Encoded) -> list[str]:
    """The id of each sample; those of the two sides of a pair, with a space between."""
    sides = [records["id"].astype(str) for records in records_of(task, reading, encoded).values()]
    return [" ".join(names) for names in zip(*sides, strict=True)]


def _untested(similarity: float, comparable: bool) -> str:
    """Why no test record speaks for a sample."""
    if not comparable:
        return "the test part held nothing of its sort, such as a new target with a new drug"
    if similarity == 0.0:
        return "no similar training record was found, and no test record was so far from training"
    return f"likeness to training {similarity:.0%}: no test record was in the same band of likeness"
