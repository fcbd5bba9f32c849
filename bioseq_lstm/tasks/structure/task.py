"""Secondary structure: one of DSSP's eight states for every residue of a protein chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.batching import token_batches
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.data.records import Reading
from bioseq_lstm.data.similarity import Kind
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.metrics.structure import METRICS, StructureScorer, three_states
from bioseq_lstm.metrics.temperature import at_temperature, fit_temperature
from bioseq_lstm.newfiles import fasta_files
from bioseq_lstm.settings import ModelSettings, StructureDataset, TrainingSettings
from bioseq_lstm.tasks.base import (
    Batch,
    Nearest,
    NewPredictions,
    Results,
    Task,
    Trust,
    measured_in_band,
    padded_tensors,
)
from bioseq_lstm.tasks.reading import MAX_NEW_LENGTH, records_table, sequences_alone
from bioseq_lstm.tasks.structure.network import STATES, StructureNetwork


class StructureTask(Task):
    name = "structure"
    metrics = tuple(sorted(METRICS, key=lambda metric: metric.key != "q3"))
    overview = ("q3", "q8", "sov")
    columns: ClassVar[dict[str, str]] = {"chain": "id"}
    kinds: ClassVar[dict[str, Kind]] = {"chain": "protein"}
    blind = "majority state"

    def read(self, settings: StructureDataset) -> Reading:
        files = settings.files
        parsed = read_labelled_chains(files.sequences, files.labels, max_length=settings.max_length)
        chains = parsed.records
        measurements = pd.DataFrame(
            {
                "id": [chain.id for chain in chains],
                "labels": [chain.labels for chain in chains],
                "set": [chain.set for chain in chains],
            }
        )
        records = records_table("chain", chains)
        return Reading(records, measurements, parsed.refusals, dict(parsed.notes))

    def read_new(self, folder: Path, settings: StructureDataset) -> dict[str, Reading]:
        return {
            name: sequences_alone("chain", read_fasta(path, PROTEIN, max_length=MAX_NEW_LENGTH))
            for name, path in fasta_files(folder).items()
        }

    def encode(self, reading: Reading, settings: StructureDataset) -> Encoded:
        chains = {"chain": PROTEIN.encode_all(list(reading.records["sequence"]))}
        if len(reading.measurements):
            chains["labels"] = DSSP8.encode_all(list(reading.measurements["labels"]))
        return Encoded(chains)

    def shuffled(self, encoded: Encoded, rows: np.ndarray, rng: np.random.Generator) -> Encoded:
        """Known labels of ``rows`` permuted over all their residues; unknown ones stay put."""
        labels = encoded.sequences["labels"]
        codes = labels.codes.copy()
        within = np.isin(np.repeat(np.arange(len(labels)), labels.lengths), rows)
        places = np.flatnonzero(within & (codes <= STATES))
        codes[places] = rng.permutation(codes[places])
        return encoded.with_sequences(labels=Ragged(codes, labels.offsets))

    def count(self, encoded: Encoded) -> int:
        return len(encoded.sequences["chain"])

    def batches(
        self,
        encoded: Encoded,
        rows: np.ndarray,
        training: TrainingSettings,
        rng: np.random.Generator | None,
    ) -> list[np.ndarray]:
        lengths = encoded.sequences["chain"].lengths[rows]
        return [rows[members] for members in token_batches(lengths, training.token_budget, rng)]

    def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
        chain, lengths = padded_tensors(encoded, "chain", rows)
        if "labels" in encoded.sequences:
            states, _ = encoded.sequences["labels"].padded(rows, chain.shape[1])
        else:
            states = np.zeros(chain.shape, np.int64)
        mask = (states > 0) & (states <= STATES)
        target = torch.from_numpy(np.where(mask, states - 1, 0))
        return Batch(rows, {"chain": chain, "lengths": lengths}, target, torch.from_numpy(mask))

    def network(self, settings: ModelSettings, encoded: Encoded, rows: np.ndarray) -> nn.Module:
        embedding = settings.input("chain").embedding
        if (embedding.kmer, embedding.stride) != (1, 1):
            raise UserError("task structure labels every residue: embedding needs kmer 1, stride 1")
        return StructureNetwork(settings)

    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        logits, target = outputs[batch.mask].float(), batch.target[batch.mask]
        return nn.functional.cross_entropy(logits, target)

    def decode(self, network: nn.Module, outputs: Tensor, batch: Batch) -> list[np.ndarray]:
        """Probabilities (length, 8) of each chain."""
        probabilities = outputs.float().softmax(dim=-1).numpy()
        lengths = batch.inputs["lengths"].tolist()
        return [row[:length] for row, length in zip(probabilities, lengths, strict=True)]

    def calibrate(
        self, encoded: Encoded, rows: np.ndarray, decoded: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """One temperature for all residues (Guo et al. 2017), by the likelihood on ``rows``."""
        states = encoded.sequences["labels"].take(rows).codes.astype(int)
        known = states <= STATES
        logits = np.log(np.clip(np.concatenate(list(decoded)), 1e-9, None))[known]
        return {"temperature": fit_temperature(logits, states[known] - 1)}

    def table(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        rows: np.ndarray,
        decoded: Sequence[np.ndarray],
        calibration: Mapping[str, Any],
    ) -> pd.DataFrame:
        labels = encoded.sequences["labels"]
        calibrated = [at_temperature(p, calibration["temperature"]) for p in decoded]
        return pd.DataFrame(
            {
                "sample": rows,
                "id": splits["id"].to_numpy()[rows],
                "truth": [DSSP8.decode(labels[row]) for row in rows],
                "predicted": [most_probable(p) for p in calibrated],
                "confidence": [p.max(axis=1).astype(np.float32) for p in calibrated],
            }
        )

    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> StructureScorer:
        groups = splits["group"].to_numpy()[predictions["sample"]]
        return StructureScorer(
            list(predictions["truth"]), list(predictions["predicted"]), unit_codes(groups)
        )

    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest,
        trust: Trust,
        settings: StructureDataset,
    ) -> NewPredictions:
        temperature = float(np.mean([run["temperature"] for run in trust.calibration]))
        calibrated = [at_temperature(p, temperature) for p in decoded]
        ids, sequences = list(reading.records["id"]), list(reading.records["sequence"])
        states8 = [most_probable(p) for p in calibrated]
        states3 = [three_states(states) for states in states8]
        chains = pd.DataFrame(
            {
                "id": ids,
                "length_residues": [len(sequence) for sequence in sequences],
                "mean_confidence_probability": [
                    round(float(p.max(1).mean()), 3) for p in calibrated
                ],
                "nearest_training_chain": nearest.id,
                "identity_times_coverage_fraction": np.round(nearest.similarity, 3),
                **measured_in_band(trust.bands, nearest, "q3"),
                "sequence": sequences,
                "states_8": states8,
                "states_3": states3,
            }
        )
        residues = pd.DataFrame(
            {
                "id": np.repeat(np.array(ids, dtype=object), chains["length_residues"]),
                "position": np.concatenate([np.arange(1, len(s) + 1) for s in sequences]),
                "residue": list("".join(sequences)),
                "state_8": list("".join(states8)),
                "state_3": list("".join(states3)),
                "confidence_probability": np.concatenate([p.max(1) for p in calibrated]).round(3),
            }
        )
        lines = [
            f">{name}\n{sequence}\n{states}\n"
            for name, sequence, states in zip(ids, sequences, states8, strict=True)
        ]
        return NewPredictions(
            {".tsv": chains, ".residues.tsv": residues}, {".3line": "".join(lines)}
        )

    def describe(self, results: Results) -> tuple[str, str]:
        test = results.splits[results.splits.filter(regex=r"^fold").eq("test").any(axis=1)]
        return (
            "Secondary structure of protein chains",
            f"{len(test):,} test chains in {test['group'].nunique():,} groups of similar chains",
        )


def most_probable(probabilities: np.ndarray) -> str:
    """Probabilities (length, 8) to a string of DSSP states."""
    return DSSP8.decode(probabilities.argmax(axis=1) + 1)
