"""Secondary structure: one of DSSP's eight states for every residue of a protein chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.batching import token_batches
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.data.records import Reading
from bioseq_lstm.data.similarity import Kind
from bioseq_lstm.errors import UserError
from bioseq_lstm.metrics.base import unit_codes
from bioseq_lstm.metrics.structure import (
    METRICS,
    STATES3,
    STATES8,
    StructureScorer,
    best_three,
    three_probabilities,
    three_states,
)
from bioseq_lstm.metrics.temperature import at_temperature, fit_temperature
from bioseq_lstm.model_settings import ModelSettings, TrainingSettings
from bioseq_lstm.settings import StructureDataset, StructureSet
from bioseq_lstm.tasks.base import Batch, Task, padded_tensors
from bioseq_lstm.tasks.outcomes import Nearest, NewPredictions, Results, Trust, nearest_columns
from bioseq_lstm.tasks.reading import (
    MAX_IN_WINDOWS,
    new_sequences,
    records_table,
    with_external_test,
)
from bioseq_lstm.tasks.structure.network import STATES, StructureNetwork
from bioseq_lstm.tasks.structure.psipred import horizontal, vertical

LITTLE = 0.1  # share of residues below which a chain is said to have little helix or strand


class StructureTask(Task):
    name = "structure"
    metrics = tuple(sorted(METRICS, key=lambda metric: metric.key != "q3"))
    overview = ("q3", "q8", "sov")
    columns: ClassVar[dict[str, str]] = {"chain": "id"}
    kinds: ClassVar[dict[str, Kind]] = {"chain": "protein"}
    blind = "majority state"
    by_position = "chain"
    calibrated_by = "temperature"

    def read(self, settings: StructureDataset) -> Reading:
        reading = self._read(settings.files, settings.max_length)
        if settings.files.test is None:
            return reading
        return with_external_test(reading, self._read(settings.files.test, settings.max_length))

    def _read(self, files: StructureSet, max_length: int) -> Reading:
        parsed = read_labelled_chains(files.sequences, files.labels, max_length=max_length)
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

    def read_new(
        self, paths: Sequence[Path], settings: StructureDataset, letters: float = inf
    ) -> Iterator[tuple[str, Reading]]:
        return new_sequences("chain", paths, PROTEIN, letters, MAX_IN_WINDOWS)

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
        assert isinstance(network, StructureNetwork)
        logits, target = outputs[batch.mask].float(), batch.target[batch.mask]
        # The validation loss is that of the labels as they are, so that models can be compared.
        smoothing = network.label_smoothing if network.training else 0.0
        return nn.functional.cross_entropy(logits, target, label_smoothing=smoothing)

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
                "predicted_3": [best_three(three_probabilities(p)) for p in calibrated],
                "confidence": [p.max(axis=1).astype(np.float32) for p in calibrated],
                "probabilities": [p.astype(np.float32).ravel() for p in calibrated],
            }
        )

    def averaged(self, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        runs = zip(*(table["probabilities"] for table in tables), strict=True)
        means = [np.mean(same, axis=0).reshape(-1, STATES) for same in runs]
        return tables[0].assign(
            predicted=[most_probable(p) for p in means],
            predicted_3=[best_three(three_probabilities(p)) for p in means],
            confidence=[p.max(axis=1) for p in means],
            probabilities=[p.ravel() for p in means],
        )

    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> StructureScorer:
        groups = splits["group"].to_numpy()[predictions["sample"]]
        return StructureScorer(
            list(predictions["truth"]),
            list(predictions["predicted"]),
            unit_codes(groups),
            list(predictions["predicted_3"]),
        )

    def classes(self, predictions: pd.DataFrame) -> dict[str, list[str]]:
        return {"class": [_class_of(three_states(truth)) for truth in predictions["truth"]]}

    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest | None,
        trust: Trust,
        settings: StructureDataset,
    ) -> NewPredictions:
        temperature = float(np.mean([run["temperature"] for run in trust.calibration]))
        eight = [at_temperature(p, temperature) for p in decoded]
        three = [three_probabilities(p) for p in eight]
        ids, sequences = list(reading.records["id"]), list(reading.records["sequence"])
        states8, states3 = [most_probable(p) for p in eight], [best_three(p) for p in three]
        chains = pd.DataFrame(
            {
                "id": ids,
                "length_residues": [len(sequence) for sequence in sequences],
                "mean_confidence_probability": [round(float(p.max(1).mean()), 3) for p in eight],
                **nearest_columns(nearest, trust.bands, "q3", "nearest_training_chain"),
                "sequence": sequences,
                "states_8": states8,
                "states_3": states3,
            }
        )
        all8, all3 = np.concatenate(eight).round(3), np.concatenate(three).round(3)
        residues = pd.DataFrame(
            {
                "id": np.repeat(np.array(ids, dtype=object), chains["length_residues"]),
                "position": np.concatenate([np.arange(1, len(s) + 1) for s in sequences]),
                "residue": list("".join(sequences)),
                "state_8": list("".join(states8)),
                "state_3": list("".join(states3)),
                "confidence_probability": all8.max(axis=1),
                "confidence_3_probability": all3.max(axis=1),
                **{f"probability_8_{state}": all8[:, n] for n, state in enumerate(STATES8)},
                **{f"probability_3_{state}": all3[:, n] for n, state in enumerate(STATES3)},
            }
        )
        lines = [
            f">{name}\n{sequence}\n{states}\n"
            for name, sequence, states in zip(ids, sequences, states8, strict=True)
        ]
        told = list(zip(ids, sequences, three, strict=True))
        return NewPredictions(
            {".tsv": chains, ".residues.tsv": residues},
            {
                ".3line": "".join(lines),
                ".ss2": "".join(vertical(*chain) for chain in told),
                ".horiz": "".join(horizontal(*chain) for chain in told),
            },
        )

    def describe(self, results: Results) -> tuple[str, str]:
        test = results.splits[results.splits.filter(regex=r"^fold").eq("test").any(axis=1)]
        return (
            "Secondary structure of protein chains",
            f"{len(test):,} test chains in {test['group'].nunique():,} groups of similar chains",
        )


def _class_of(states: str) -> str:
    """What a chain is made of, by its observed states of three; a tenth of either is little."""
    known = max(len(states) - states.count("."), 1)
    helix, strand = (states.count(state) / known >= LITTLE for state in "HE")
    if helix and strand:
        return "helix and strand"
    return (
        "helix, little strand" if helix else "strand, little helix" if strand else "little of both"
    )


def most_probable(probabilities: np.ndarray) -> str:
    """Probabilities (length, 8) to a string of DSSP states."""
    return DSSP8.decode(probabilities.argmax(axis=1) + 1)
