"""The interface that a task fills in; training, evaluation and reporting know only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading
from bioseq_lstm.metrics.bands import band_numbers
from bioseq_lstm.metrics.base import Metric, Scorer
from bioseq_lstm.settings import ModelSettings, TrainingSettings

if TYPE_CHECKING:
    from bioseq_lstm.reporting.panels import Section


@dataclass(frozen=True)
class Batch:
    """Padded tensors of some samples; ``mask`` is true where a target counts."""

    rows: np.ndarray
    inputs: dict[str, Tensor]
    target: Tensor
    mask: Tensor

    def to(self, *args: Any, **kwargs: Any) -> Batch:
        inputs = {name: tensor.to(*args, **kwargs) for name, tensor in self.inputs.items()}
        target, mask = self.target.to(*args, **kwargs), self.mask.to(*args, **kwargs)
        return Batch(self.rows, inputs, target, mask)


@dataclass(frozen=True)
class Parts:
    """Rows of the samples in one fold's parts."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @classmethod
    def of(cls, splits: pd.DataFrame, fold: int) -> Parts:
        part = splits[f"fold{fold}"].to_numpy()
        return cls(*(np.flatnonzero(part == name) for name in ("train", "validation", "test")))


@dataclass(frozen=True)
class Trust:
    """How far predictions can be believed, as measured on records that were held out.

    Attributes:
        calibration: what ``Task.calibrate`` learned on the validation parts, one a run.
        bands: ``bands.tsv``: the headline figure in bands of similarity to the training part.
        about: facts of the encoded data set, such as the names of its conditions.
    """

    calibration: list[dict[str, Any]]
    bands: pd.DataFrame
    about: dict[str, Any]


@dataclass(frozen=True)
class Nearest:
    """The nearest training record of each sample: its id, and how similar it is (0 to 1)."""

    id: list[str]
    similarity: np.ndarray


@dataclass(frozen=True)
class NewPredictions:
    """Predictions of one file: tables by suffix (``.tsv`` first), and texts by suffix."""

    tables: dict[str, pd.DataFrame]
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """What the report of a dataset is made of, read from its folder.

    ``predictions`` are test predictions of the first seed by model; ``new`` the tables of
    predictions of new files by file and suffix.
    """

    settings: Any
    profile: dict[str, Any]
    splits: pd.DataFrame
    figures: pd.DataFrame
    chosen: str
    predictions: dict[str, pd.DataFrame]
    similarity: np.ndarray
    new: dict[str, dict[str, pd.DataFrame]]


class Task(ABC):
    """Everything that differs between one kind of learning problem and another.

    A *sample* is one row of ``measurements.parquet``: a labelled chain, a gene with its values,
    a drug-target pair. All ``rows`` below are numbers of samples. ``decoded`` predictions are
    one array per sample, in the units of the data.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]  # the first is the headline
    entity: ClassVar[str]  # whose nearest training record is looked up, and in what alphabet
    kind: ClassVar[str]

    # --- files to numbers
    @abstractmethod
    def read(self, settings: Any) -> Reading:
        """Files to checked records, measurements and refusals."""

    @abstractmethod
    def read_new(self, folder: Path, settings: Any) -> dict[str, Reading]:
        """What was dropped into ``folder``, by the stem of its file; no measurements."""

    @abstractmethod
    def encode(self, reading: Reading) -> Encoded:
        """Records and measurements to codes and arrays; rows as in ``measurements``."""

    @abstractmethod
    def shuffled(self, encoded: Encoded, rows: np.ndarray, rng: np.random.Generator) -> Encoded:
        """The same data with the targets of ``rows`` permuted among them: nothing to learn."""

    # --- learning
    @abstractmethod
    def batches(
        self,
        encoded: Encoded,
        rows: np.ndarray,
        training: TrainingSettings,
        rng: np.random.Generator | None,
    ) -> list[np.ndarray]:
        """Cut ``rows`` into batches; without ``rng`` in a fixed order."""

    @abstractmethod
    def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
        """Tensors of some samples."""

    @abstractmethod
    def network(self, settings: ModelSettings, encoded: Encoded, rows: np.ndarray) -> nn.Module:
        """A new network; ``rows`` (the training part) fix means and scales, nothing else."""

    @abstractmethod
    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean loss over the targets that count."""

    @abstractmethod
    def decode(self, network: nn.Module, outputs: Tensor, batch: Batch) -> list[np.ndarray]:
        """Outputs to one array per sample of the batch, in the data's units."""

    @abstractmethod
    def calibrate(
        self, encoded: Encoded, rows: np.ndarray, decoded: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """What validation predictions teach about uncertainty, JSON-ready."""

    # --- judging
    @abstractmethod
    def table(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        rows: np.ndarray,
        decoded: Sequence[np.ndarray],
        calibration: Mapping[str, Any],
    ) -> pd.DataFrame:
        """Truth and prediction of ``rows``: the columns of ``test_predictions.parquet``."""

    @abstractmethod
    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> Scorer:
        """Figures of a predictions table, with the independent units to resample."""

    @abstractmethod
    def baselines(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        parts: Parts,
        leakage: pd.DataFrame,
        settings: Any,
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """Fit each baseline on one fold and yield its name and its predictions of the test part."""

    def similarity(self, leakage: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
        """Identity of each sample to its nearest training record, (samples,); NaN: none found."""
        return leakage.set_index("id")["identity"].reindex(splits["id"]).to_numpy(float)

    # --- telling
    @abstractmethod
    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest,
        trust: Trust,
        settings: Any,
    ) -> NewPredictions:
        """Predictions of new records as people read them, units in the column names."""

    @abstractmethod
    def panels(self, results: Results) -> list[Section]:
        """The sections of the report that only this task has."""


def padded_tensors(encoded: Encoded, name: str, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Codes (batch, length) padded with 0, and lengths (batch,)."""
    codes, lengths = encoded.sequences[name].padded(rows)
    return torch.from_numpy(codes), torch.from_numpy(lengths)


def measured_in_band(
    bands: pd.DataFrame, similarity: np.ndarray, metric: str
) -> dict[str, np.ndarray]:
    """Columns that tell what was measured on test records about as similar to training.

    Where no test record lies in a record's band, nothing was measured and the columns are empty.
    """
    band = band_numbers(similarity)
    of = {name: bands[name].to_numpy()[band] for name in ("value", "low", "high", "records")}
    return {
        f"{metric}_measured_in_band": np.round(of["value"], 3),
        f"{metric}_interval_low": np.round(of["low"], 3),
        f"{metric}_interval_high": np.round(of["high"], 3),
        "test_records_in_band": of["records"],
    }
