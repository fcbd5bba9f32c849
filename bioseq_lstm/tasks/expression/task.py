"""Expression of genes: one value per condition, from the DNA around and in the gene."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DNA
from bioseq_lstm.data.batching import token_batches
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.matching import MatchedIds, match_ids
from bioseq_lstm.data.records import Reading, Refusal, check_any_left
from bioseq_lstm.data.similarity import Kind
from bioseq_lstm.data.tables import TableReading, read_annotations, read_expression_table
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.metrics.intervals import conformal_half_width
from bioseq_lstm.metrics.regression import METRICS, ExpressionScorer
from bioseq_lstm.model_settings import ModelSettings, TrainingSettings
from bioseq_lstm.settings import ExpressionDataset, ExpressionSet
from bioseq_lstm.tasks.base import Batch, Task, padded_tensors
from bioseq_lstm.tasks.expression.network import ExpressionNetwork
from bioseq_lstm.tasks.outcomes import Nearest, NewPredictions, Results, Trust, nearest_columns
from bioseq_lstm.tasks.reading import (
    new_sequences,
    records_table,
    with_external_test,
)

# Most of the variance lies between genes (86 % in E. coli), so a plain squared error would leave
# the differences between conditions unlearnt: they enter the loss a second time, by themselves.
DEVIATION_WEIGHT = 1.0


class ExpressionTask(Task):
    name = "expression"
    metrics = METRICS
    overview = tuple(metric.key for metric in METRICS)
    columns: ClassVar[dict[str, str]] = {"gene": "id"}
    kinds: ClassVar[dict[str, Kind]] = {"gene": "dna"}
    chance = 0.0

    def read(self, settings: ExpressionDataset) -> Reading:
        reading = self._read(settings.files, settings)
        if settings.files.test is None:
            return reading
        return with_external_test(reading, self._read(settings.files.test, settings))

    def _read(self, files: ExpressionSet, settings: ExpressionDataset) -> Reading:
        genes = read_fasta(files.sequences, DNA, max_length=settings.max_length)
        table = read_expression_table(files.expression, settings.unit)
        check_any_left(len(genes.records), genes.refusals, files.sequences)
        ids = match_ids(
            table.frame["id"],
            (gene.id for gene in genes.records),
            files.expression,
            files.sequences,
        )
        records = records_table("gene", genes.records).set_index("id", drop=False)
        refusals = [*genes.refusals, *table.refusals]
        refused = {refusal.record for refusal in refusals}
        refusals += _unmatched(ids, table, records, files, refused)
        records = records.loc[ids.matched].reset_index(drop=True)
        notes = Counter(genes.notes) + Counter(table.notes)
        if files.annotations is not None:
            annotations = read_annotations(files.annotations)
            records = _annotated(records, annotations.frame, files.annotations)
            notes += annotations.notes
        measurements = table.frame.set_index("id").loc[ids.matched].reset_index()
        return Reading(records, measurements, refusals, dict(notes))

    def read_new(
        self, paths: Sequence[Path], settings: ExpressionDataset, letters: float = inf
    ) -> Iterator[tuple[str, Reading]]:
        return new_sequences("gene", paths, DNA, letters)

    def encode(self, reading: Reading, settings: ExpressionDataset) -> Encoded:
        genes = {"gene": DNA.encode_all(list(reading.records["sequence"]))}
        if not len(reading.measurements):
            return Encoded(genes)
        values = reading.measurements.drop(columns="id")
        about = {
            "conditions": [str(name) for name in values.columns],
            "coding_start": settings.coding_start,
        }
        return Encoded(genes, {"values": values.to_numpy(np.float32)}, about)

    def shuffled(self, encoded: Encoded, rows: np.ndarray, rng: np.random.Generator) -> Encoded:
        """Whole profiles permuted among the genes ``rows``."""
        values = encoded.arrays["values"].copy()
        values[rows] = values[rng.permutation(rows)]
        return encoded.with_arrays(values=values)

    def count(self, encoded: Encoded) -> int:
        return len(encoded.sequences["gene"])

    def batches(
        self,
        encoded: Encoded,
        rows: np.ndarray,
        training: TrainingSettings,
        rng: np.random.Generator | None,
    ) -> list[np.ndarray]:
        lengths = encoded.sequences["gene"].lengths[rows]
        return [rows[members] for members in token_batches(lengths, training.token_budget, rng)]

    def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
        gene, lengths = padded_tensors(encoded, "gene", rows)
        if "values" in encoded.arrays:
            values = torch.from_numpy(encoded.arrays["values"][rows])
        else:
            values = torch.full((len(rows), len(encoded.about["conditions"])), torch.nan)
        mask = values.isfinite()
        return Batch(rows, {"gene": gene, "lengths": lengths}, values.nan_to_num(0.0), mask)

    def network(self, settings: ModelSettings, encoded: Encoded, rows: np.ndarray) -> nn.Module:
        network = ExpressionNetwork(
            settings, len(encoded.about["conditions"]), encoded.about["coding_start"]
        )
        if len(rows):
            values = encoded.arrays["values"][rows].astype(np.float64)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # a condition without any value
                centre, scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
            centre, scale = np.nan_to_num(centre), np.nan_to_num(scale)
            scale[scale == 0] = 1.0
            standard = (values - centre) / scale
            deviation = standard - np.nanmean(standard, axis=1, keepdims=True)
            network.centre.copy_(torch.from_numpy(centre))
            network.scale.copy_(torch.from_numpy(scale))
            network.spread.fill_(max(float(np.nanmean(deviation**2)), 1e-6))
            if network.composition is not None:
                tokens = network.tokens(self.collate(encoded, rows).inputs)
                network.composition.fit(network.composition.frequencies(tokens))
        return network

    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        """Squared error of the values, and of their deviations from the gene's own mean."""
        assert isinstance(network, ExpressionNetwork)
        mask = batch.mask.float()
        error = ((batch.target - network.centre) / network.scale - outputs.float()) * mask
        count = mask.sum(dim=1, keepdim=True).clamp(min=1)
        deviation = (error - error.sum(dim=1, keepdim=True) / count) * mask
        total = mask.sum().clamp(min=1)
        within = (deviation**2).sum() / total / network.spread
        return (error**2).sum() / total + DEVIATION_WEIGHT * within

    def decode(self, network: nn.Module, outputs: Tensor, batch: Batch) -> list[np.ndarray]:
        """Values (conditions,) of each gene, in the unit of the table."""
        assert isinstance(network, ExpressionNetwork)
        return list((outputs.float() * network.scale + network.centre).numpy())

    def calibrate(
        self, encoded: Encoded, rows: np.ndarray, decoded: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """Half-widths that hold 95 % of the residuals of ``rows``, by condition.

        A condition without a value among ``rows`` gets the half-width over all conditions.
        """
        residuals = encoded.arrays["values"][rows] - np.stack(decoded)
        common = conformal_half_width(residuals.ravel())
        known = np.isfinite(residuals).any(axis=0)
        return {
            "half_width": [
                conformal_half_width(column) if some else common
                for column, some in zip(residuals.T, known, strict=True)
            ]
        }

    def table(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        rows: np.ndarray,
        decoded: Sequence[np.ndarray],
        calibration: Mapping[str, Any],
    ) -> pd.DataFrame:
        conditions = encoded.about["conditions"]
        predicted = np.stack(decoded)
        return long_table(
            splits, rows, conditions, encoded.arrays["values"][rows], predicted
        ).assign(half_width=np.tile(np.array(calibration["half_width"], np.float32), len(rows)))

    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> ExpressionScorer:
        conditions = predictions["condition"].nunique()
        truth, predicted = (
            predictions[name].to_numpy(float).reshape(-1, conditions)
            for name in ("truth", "predicted")
        )
        groups = splits["group"].to_numpy()[predictions["sample"].to_numpy()[::conditions]]
        return ExpressionScorer(truth, predicted, unit_codes(groups))

    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest | None,
        trust: Trust,
        settings: ExpressionDataset,
    ) -> NewPredictions:
        unit = re.sub(r"\W+", "_", settings.unit).strip("_").lower()
        half_width = np.mean([run["half_width"] for run in trust.calibration], axis=0)
        values = np.stack(decoded)
        genes = reading.records[["id"]].assign(
            length_bases=reading.records["sequence"].str.len(),
            **nearest_columns(nearest, trust.bands, "pearson", "nearest_training_gene"),
            **{f"mean_predicted_{unit}": values.mean(axis=1).round(3)},
        )
        conditions = trust.about["conditions"]
        long = pd.DataFrame(
            {
                "id": np.repeat(genes["id"].to_numpy(), len(conditions)),
                "condition": np.tile(np.array(conditions, dtype=object), len(genes)),
                f"predicted_{unit}": values.ravel().round(3),
                f"interval_low_{unit}": (values - half_width).ravel().round(3),
                f"interval_high_{unit}": (values + half_width).ravel().round(3),
            }
        )
        return NewPredictions({".tsv": genes, ".conditions.tsv": long})

    def describe(self, results: Results) -> tuple[str, str]:
        test = results.splits[results.splits.filter(regex=r"^fold").eq("test").any(axis=1)]
        conditions = len(results.profile["measurements"]["columns"])
        return (
            f"Expression of genes under {conditions} conditions, {results.settings.unit}",
            f"{len(test):,} test genes in {test['group'].nunique():,} groups, "
            f"mean over {conditions} conditions",
        )


def long_table(
    splits: pd.DataFrame,
    rows: np.ndarray,
    conditions: Sequence[str],
    truth: np.ndarray,
    predicted: np.ndarray,
) -> pd.DataFrame:
    """Matrices (genes, conditions) as one row per gene and condition."""
    return pd.DataFrame(
        {
            "sample": np.repeat(rows, len(conditions)),
            "id": np.repeat(splits["id"].to_numpy()[rows], len(conditions)),
            "condition": np.tile(np.array(conditions, dtype=object), len(rows)),
            "truth": truth.ravel(),
            "predicted": predicted.astype(np.float32).ravel(),
        }
    )


def _unmatched(
    ids: MatchedIds,
    table: TableReading,
    records: pd.DataFrame,
    files: ExpressionSet,
    refused: Collection[str],
) -> list[Refusal]:
    """Genes that stand in one of the two files only, as refusals; not those already refused."""
    lines = dict(zip(table.frame["id"], table.lines, strict=True))
    in_table = [
        Refusal(files.expression, lines[name], name, f"has no sequence in {files.sequences}")
        for name in ids.only_table
        if name not in refused
    ]
    in_sequences = [
        Refusal(files.sequences, int(line), name, f"has no values in {files.expression}")
        for name, line in zip(
            ids.only_sequences, records.loc[ids.only_sequences, "line"], strict=True
        )
        if name not in refused
    ]
    return in_table + in_sequences


def _annotated(records: pd.DataFrame, annotations: pd.DataFrame, file: str) -> pd.DataFrame:
    """Records with the columns of their annotation; every gene must have one."""
    missing = records.loc[~records["id"].isin(annotations["id"]), "id"]
    if len(missing):
        raise UserError(
            f"{len(missing)} genes have no row here, the first is {missing.iloc[0]!r}; "
            "add them, or take them out of the expression table",
            file=file,
        )
    own = [name for name in annotations.columns if name == "id" or name not in records.columns]
    return records.merge(annotations[own], on="id", how="left", validate="one_to_one")
