"""What a task says of explaining its predictions: of which number, and by which letters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import Alphabet
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.nn.composition import Composition
from bioseq_lstm.nn.network import SequenceEncoder


@dataclass(frozen=True)
class Question:
    """Which number of a prediction is explained: what it is in words, and its unit.

    ``score`` gives it from a network and its outputs, (batch, ...) to (batch,).
    """

    label: str
    unit: str
    score: Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True)
class Sample:
    """One sample of encoded data, and what people call it."""

    name: str
    encoded: Encoded
    row: int


@dataclass(frozen=True)
class Side:
    """How one kind of sequence enters a network; with it, perhaps, a molecule's substructures."""

    encoder: SequenceEncoder
    composition: Composition | None = None
    substructures: bool = False


class Explained(ABC):
    """A sample's sequences are its ``sides``; the letters of ``mutated`` are exchanged in turn.

    ``letters`` are what one of its letters is called.
    """

    sides: ClassVar[dict[str, Alphabet]]
    mutated: ClassVar[str]
    letters: ClassVar[str]
    kmer: ClassVar[int]  # letters of the words that are counted among high attributions

    @abstractmethod
    def parts(self, network: nn.Module) -> dict[str, Side]:
        """The encoder, and the composition beside it, of each side."""

    @abstractmethod
    def question(
        self, asked: ExplainSettings, settings: Any, encoded: Encoded, decoded: np.ndarray
    ) -> Question:
        """What is asked of a sample, given its decoded prediction."""

    @abstractmethod
    def sequences(self, encoded: Encoded, row: int) -> dict[str, np.ndarray]:
        """The codes (length,) of a sample's sides."""

    @abstractmethod
    def mutants(
        self, encoded: Encoded, row: int, side: str, sequences: Sequence[np.ndarray]
    ) -> Encoded:
        """Samples that are sample ``row`` with other codes on one side."""

    def few(self, encoded: Encoded, rows: np.ndarray, count: int) -> np.ndarray:
        """At most ``count`` of the ``rows``, as different from each other as can be."""
        return rows[:count]

    def named(self, reading: Reading, encoded: Encoded) -> pd.DataFrame:
        """The ids of new samples, in the columns of splits.tsv."""
        return reading.records[["id"]].reset_index(drop=True)

    @abstractmethod
    def effects(
        self,
        settings: Any,
        about: Mapping[str, Any],
        wild: np.ndarray,
        mutant: np.ndarray,
        site: tuple[int, int, int],
    ) -> dict[str, Any]:
        """What a variant changes, by column, units in their names.

        ``site``: where it begins, counted from 0, and how many letters it replaces by how many.
        """


def explained(task: str) -> Explained:
    """What the task of that name says."""
    own: Explained = import_module(f"bioseq_lstm.tasks.{task}.explained").EXPLAINED
    return own
