"""The interface that a task fills in; training, evaluation and reporting know only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.leakage import Side
from bioseq_lstm.data.records import EXTERNAL_TEST, Reading
from bioseq_lstm.data.similarity import Entries, Kind, nearest
from bioseq_lstm.data.splitting import SplitSettings, split_around_test, split_records
from bioseq_lstm.metrics.base import Metric, Scorer
from bioseq_lstm.model_settings import ModelSettings, TrainingSettings
from bioseq_lstm.newfiles import fasta_files
from bioseq_lstm.tasks.outcomes import Nearest, NewFile, NewPredictions, Results, Trust

if TYPE_CHECKING:
    from bioseq_lstm.reporting.panels import Section


@dataclass(frozen=True)
class Batch:
    """Padded tensors of some samples; ``mask`` is true where a target counts.

    ``weight``: what the loss counts, of a share of a batch.
    """

    rows: np.ndarray
    inputs: dict[str, Tensor]
    target: Tensor
    mask: Tensor
    weight: float = 1.0

    def to(self, *args: Any, **kwargs: Any) -> Batch:
        inputs = {name: tensor.to(*args, **kwargs) for name, tensor in self.inputs.items()}
        target, mask = self.target.to(*args, **kwargs), self.mask.to(*args, **kwargs)
        return Batch(self.rows, inputs, target, mask, self.weight)


@dataclass(frozen=True)
class Parts:
    """Rows of the samples in one fold's parts.

    ``groups`` (samples,) names what is alike among all samples; pairs have none. ``ids`` has the
    columns that name a sample.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    groups: np.ndarray | None = None
    ids: pd.DataFrame | None = None

    def name(self, row: int) -> str:
        """What a message calls a sample."""
        if self.ids is None:
            return f"sample {row}"
        return " x ".join(repr(str(part)) for part in self.ids.iloc[row])

    @classmethod
    def of(cls, splits: pd.DataFrame, fold: int) -> Parts:
        part = splits[f"fold{fold}"].to_numpy()
        rows = {name: np.flatnonzero(part == name) for name in ("train", "validation", "test")}
        named = [name for name in ("id", "drug", "target") if name in splits]
        groups = splits["group"].to_numpy() if "group" in splits else None
        return cls(**rows, groups=groups, ids=splits[named])


class StackBase(ABC):
    """A baseline of a task, fitted on some rows, for a network to be stacked on.

    ``choices`` are what it chose on validation rows, JSON-ready; given to ``Task.stack_bases`` they
    are not chosen again. ``settled`` says that a fit with choices takes nothing else from the
    validation rows, so that it may be fitted on them too.
    """

    name: str
    choices: dict[str, Any]
    settled: bool = False

    @abstractmethod
    def fit(self, rows: np.ndarray, validation: np.ndarray) -> Self:
        """Fit on the training ``rows``; what there is to choose is chosen on ``validation``."""

    @abstractmethod
    def refit(self, rows: np.ndarray, validation: np.ndarray) -> StackBase:
        """Another one with the same ``choices``, fitted on other rows; others are made anew."""

    @abstractmethod
    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        """Predictions in the unit of the data, (samples,) or (samples, conditions).

        ``asked`` are the data that it was fitted on, or new records.
        """


class Task(ABC):
    """Everything that differs between one kind of learning problem and another.

    A *sample* is one row of ``measurements.parquet``: a labelled chain, a gene with its values,
    a drug-target pair. All ``rows`` below are numbers of samples. ``decoded`` predictions are
    one array per sample, in the units of the data.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]  # the first is the headline
    overview: ClassVar[tuple[str, ...]]  # keys of the metrics that stand in the overview
    columns: ClassVar[dict[str, str]]  # kind of sequence -> column of splits.tsv with its id
    kinds: ClassVar[dict[str, Kind]]  # kind of sequence -> how two of them are compared
    blind: ClassVar[str | None] = None  # the baseline that looks at nothing, if it has a figure
    chance: ClassVar[float | None] = None  # else the headline figure that chance gives
    lookup: ClassVar[str] = "nearest training record"
    calibrated_by: ClassVar[str] = "half_width"  # key of what `calibrate` learns: numbers from 0 on
    by_position: ClassVar[str | None] = None  # the sequence whose every letter gets a prediction

    # --- files to numbers
    @abstractmethod
    def read(self, settings: Any) -> Reading:
        """Files to checked records, measurements and refusals."""

    @abstractmethod
    def read_new(
        self, paths: Sequence[Path], settings: Any, letters: float = inf
    ) -> Iterator[tuple[str, Reading]]:
        """New records, without measurements, under the stem of their file.

        A file comes in parts of about ``letters``, one after another, so that it need not fit into
        memory. Its faults are raised before the first part.
        """

    def reads(self, paths: Sequence[Path]) -> list[Path]:
        """The files among ``paths`` that ``read_new`` takes."""
        return sorted(fasta_files(paths).values())

    @abstractmethod
    def encode(self, reading: Reading, settings: Any) -> Encoded:
        """Records and measurements to codes and arrays; rows as in ``measurements``."""

    @abstractmethod
    def shuffled(self, encoded: Encoded, rows: np.ndarray, rng: np.random.Generator) -> Encoded:
        """The same data with the targets of ``rows`` permuted among them: nothing to learn."""

    @abstractmethod
    def count(self, encoded: Encoded) -> int:
        """Number of samples."""

    def count_read(self, reading: Reading) -> int:
        """Number of records that stood in the files, refused ones included."""
        return len(reading.records) + len(reading.refusals)

    def entries(self, records: pd.DataFrame, entity: str) -> Entries:
        """The records of one kind, ready to be compared."""
        own = records[records["entity"] == entity]
        return Entries(self.kinds[entity], list(own["id"]), list(own["sequence"]))

    def split(
        self, reading: Reading, how: SplitSettings, threads: int
    ) -> tuple[pd.DataFrame, list[Side]]:
        """The table of the splits, and the kinds of records to look for leaks in."""
        (entity,) = self.kinds
        entries = self.entries(reading.records, entity)
        annotations = reading.records
        if "set" in reading.measurements:
            annotations = annotations.assign(set=reading.measurements["set"].to_numpy())
        if EXTERNAL_TEST in reading.records:
            tested = reading.records[EXTERNAL_TEST].to_numpy(bool)
            splits = split_around_test(how, entries, annotations, tested, threads)
        else:
            splits = split_records(how, entries, annotations, threads)
        return splits, [Side(entity, self.columns[entity], entries)]

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

    def sequence_encoders(self, network: nn.Module) -> dict[str, nn.Module]:
        """The ``SequenceEncoder`` that reads each kind of sequence."""
        (name,) = self.kinds
        encoder = network.encoder
        assert isinstance(encoder, nn.Module)
        return {name: encoder}

    def members(self, encoded: Encoded) -> dict[str, np.ndarray]:
        """Number of the sequence of each kind that each sample is made of."""
        (name,) = self.kinds
        return {name: np.arange(self.count(encoded))}

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

    def averaged(self, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """One table of predictions from those of several seeds: the mean of what they say."""
        columns = [name for name in ("predicted", "half_width") if name in tables[0]]
        means = {
            name: np.mean([table[name].to_numpy(float) for table in tables], axis=0)
            for name in columns
        }
        return tables[0].assign(**means)

    @abstractmethod
    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> Scorer:
        """Figures of a predictions table, with the independent units to resample."""

    def similarity(self, leakage: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
        """Likeness of each sample to its nearest training record, (samples,); NaN: none found."""
        own = leakage.drop_duplicates("id").set_index("id").reindex(splits["id"])
        return self.likeness(own["identity"].to_numpy(float), own["coverage"].to_numpy(float))

    def classes(self, predictions: pd.DataFrame) -> dict[str, list[str]]:
        """Names for what test rows may be grouped by beside length, and the group of each row."""
        return {}

    def likeness(self, identity: np.ndarray, coverage: np.ndarray) -> np.ndarray:
        """What the bands of similarity are made of: identity times the aligned share, 0 to 1.

        Ten residues of full identity do not make a relative. Molecules have no coverage.
        """
        return identity * np.where(np.isnan(coverage), 1.0, coverage)

    def nearest(
        self, reading: Reading, training: pd.DataFrame, settings: Any, threads: int
    ) -> Nearest:
        """The nearest training record of each new sample."""
        (entity,) = self.kinds
        hits = nearest(
            self.entries(reading.records, entity), self.entries(training, entity), threads
        )
        likeness = self.likeness(hits["identity"].to_numpy(float), hits["coverage"].to_numpy(float))
        return Nearest(list(hits["reference"].fillna("")), likeness)

    # --- telling
    @abstractmethod
    def describe(self, results: Results) -> tuple[str, str]:
        """What the data set is (subtitle of the report), and what was tested (for the verdict)."""

    @abstractmethod
    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest | None,
        trust: Trust,
        settings: Any,
    ) -> NewPredictions:
        """Predictions of new records as people read them, units in the column names.

        Without ``nearest`` the columns on the nearest training record are left out.
        """

    # Baselines and panels stand in modules of their own, which training need not load.
    def baselines(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        parts: Parts,
        leakage: pd.DataFrame,
        settings: Any,
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """Fit each baseline on one fold; yield its name and its predictions of the test part."""
        own = import_module(f"bioseq_lstm.tasks.{self.name}.baselines")
        yield from own.fit_baselines(encoded, splits, parts, leakage, settings)

    def about_baselines(self) -> Mapping[str, str]:
        """What each baseline knows and does, in a line, by its name."""
        own = import_module(f"bioseq_lstm.tasks.{self.name}.baselines")
        about: dict[str, str] = own.ABOUT
        return about

    def stack_bases(
        self, encoded: Encoded, choices: Mapping[str, Mapping[str, Any]]
    ) -> list[StackBase]:
        """The baselines that ``stack_on`` names, with what each of them chose, or nothing yet.

        Tasks whose settings allow none have no such.
        """
        own = import_module(f"bioseq_lstm.tasks.{self.name}.stacking")
        bases: list[StackBase] = own.stack_bases(encoded, choices)
        return bases

    def panels(self, results: Results) -> list[Section]:
        """The sections of the report that only this task has."""
        own = import_module(f"bioseq_lstm.tasks.{self.name}.panels")
        sections: list[Section] = own.panels(results)
        return sections

    def new_panels(self, new: Mapping[str, NewFile]) -> Section:
        """The section on predictions of new files, by the name of the file."""
        own = import_module(f"bioseq_lstm.tasks.{self.name}.panels")
        section: Section = own.new_panels(new)
        return section


def padded_tensors(encoded: Encoded, name: str, rows: np.ndarray) -> tuple[Tensor, Tensor]:
    """Codes (batch, length) padded with 0, and lengths (batch,)."""
    codes, lengths = encoded.sequences[name].padded(rows)
    return torch.from_numpy(codes), torch.from_numpy(lengths)


def nearest_rows(ids: np.ndarray, parts: Parts, leakage: pd.DataFrame) -> np.ndarray:
    """Position in the training part of each test record's nearest, -1 where none was found."""
    found = leakage.set_index("id")["nearest"].reindex(ids[parts.test])
    return pd.Index(ids[parts.train]).get_indexer(found)
