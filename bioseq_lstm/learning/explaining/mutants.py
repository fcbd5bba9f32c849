"""Predicting many mutants of one sequence: each once, in batches that share the wild type."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import Alphabet
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.nn.sharing import sharing
from bioseq_lstm.tasks.base import Batch, Task
from bioseq_lstm.tasks.explained import Explained, Question

ROWS = 128  # mutants in a batch: few enough to begin near each other
LETTERS = 64_000  # of a batch, at most


@dataclass(frozen=True)
class Wild:
    """A sample, one side of which is mutated."""

    task: Task
    explained: Explained
    encoded: Encoded
    row: int
    side: str

    @property
    def codes(self) -> np.ndarray:
        """The codes (length,) of that side."""
        return self.explained.sequences(self.encoded, self.row)[self.side]

    def read(
        self, network: nn.Module, mutants: np.ndarray, share: bool = True
    ) -> Iterator[tuple[np.ndarray, Batch, Tensor]]:
        """Outputs of mutants (count, length) that are as long as the wild type, batch by batch.

        Yields rows of ``mutants``, their batch and the network's outputs. Rows that are equal are
        to be made one before (``each_once``).
        """
        network.eval()
        wild = self.codes
        order = np.argsort((mutants != wild).argmax(axis=1), kind="stable")
        size = max(1, min(ROWS, LETTERS // len(wild)))
        encoder = self.explained.parts(network)[self.side].encoder
        own = torch.from_numpy(wild.astype(np.int64))[None]
        context = sharing(encoder, own) if share else nullcontext()
        with torch.inference_mode(), context:
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                some = list(mutants[rows])
                encoded = self.explained.mutants(self.encoded, self.row, self.side, some)
                batch = self.task.collate(encoded, np.arange(len(rows)))
                yield rows, batch, network(batch.inputs)

    def scores(
        self, network: nn.Module, question: Question, mutants: np.ndarray, share: bool = True
    ) -> np.ndarray:
        """The score (count,) of each mutant (count, length); equal ones are predicted once."""
        unique, places = each_once(mutants)
        found = np.zeros(len(unique))
        for rows, _, outputs in self.read(network, unique, share):
            found[rows] = question.score(network, outputs).numpy()
        return found[places]

    def decoded(self, network: nn.Module, mutants: np.ndarray) -> list[np.ndarray]:
        """Decoded predictions of each mutant (count, length); equal ones are predicted once."""
        unique, places = each_once(mutants)
        found: dict[int, np.ndarray] = {}
        for rows, batch, outputs in self.read(network, unique):
            found.update(zip(rows.tolist(), self.task.decode(network, outputs, batch), strict=True))
        return [found[place] for place in places.tolist()]


def each_once(mutants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different rows, and for every row which of them it is."""
    unique, places = np.unique(mutants, axis=0, return_inverse=True)
    return unique, places.reshape(-1)


def single_mutants(
    wild: np.ndarray, alphabet: Alphabet, positions: Sequence[int] | np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every letter at every position but the one that stands there: sequences, places, codes."""
    letters = np.arange(1, len(alphabet.letters) + 1)
    places = np.repeat(np.asarray(positions, dtype=int), len(letters))
    codes = np.tile(letters, len(positions))
    other = codes != wild[places]
    places, codes = places[other], codes[other]
    mutants = np.repeat(wild[None], len(places), axis=0)
    mutants[np.arange(len(places)), places] = codes
    return mutants, places, codes


def most_that_count(weights: np.ndarray, most: int, letters: int) -> np.ndarray:
    """The positions to mutate, in order: all, or those of the greatest weight if too many."""
    count = max(1, most // (letters - 1))
    if len(weights) <= count:
        return np.arange(len(weights))
    return np.sort(np.argsort(-np.abs(weights), kind="stable")[:count])


def saturation(
    wild: Wild,
    networks: Sequence[nn.Module],
    question: Question,
    positions: np.ndarray,
    progress: Callable[[int], None] = lambda mutants: None,
) -> pd.DataFrame:
    """What each exchange of a letter changes: columns position (from 1), wild, letter, effect.

    The effect is the mutant's score minus the wild type's, mean over ``networks``.
    """
    alphabet = wild.explained.sides[wild.side]
    mutants, places, codes = single_mutants(wild.codes, alphabet, positions)
    asked = np.concatenate([wild.codes[None], mutants])
    scores = np.mean([wild.scores(network, question, asked) for network in networks], axis=0)
    progress(len(mutants))
    shown = np.array([*alphabet.letters, alphabet.unknown])
    return pd.DataFrame(
        {
            "position": places + 1,
            "wild": shown[wild.codes[places] - 1],
            "letter": shown[codes - 1],
            "effect": scores[1:] - scores[0],
        }
    )
