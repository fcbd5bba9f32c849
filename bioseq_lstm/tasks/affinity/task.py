"""Drug-target affinity: one value for each pair of a molecule and a protein."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.batching import pair_blocks
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.leakage import Side
from bioseq_lstm.data.molecules import fingerprints
from bioseq_lstm.data.records import Reading
from bioseq_lstm.data.similarity import Kind, nearest
from bioseq_lstm.data.splitting import SplitSettings, split_pairs
from bioseq_lstm.metrics.affinity import METRICS, AffinityScorer
from bioseq_lstm.metrics.intervals import conformal_half_width
from bioseq_lstm.model_settings import ModelSettings, TrainingSettings
from bioseq_lstm.newfiles import fasta_files, molecule_files
from bioseq_lstm.nn.network import PooledEncoder
from bioseq_lstm.settings import AffinityDataset
from bioseq_lstm.tasks.affinity.network import SIDES, AffinityNetwork
from bioseq_lstm.tasks.affinity.reading import read_new_pairs, read_pairs
from bioseq_lstm.tasks.base import Batch, Task, padded_tensors
from bioseq_lstm.tasks.outcomes import (
    Nearest,
    NewPredictions,
    Results,
    Trust,
    measured_in_band,
    surprise_column,
)


class AffinityTask(Task):
    name = "affinity"
    metrics = tuple(sorted(METRICS, key=lambda metric: metric.key != "concordance"))
    overview = tuple(metric.key for metric in metrics)
    columns: ClassVar[dict[str, str]] = {"drug": "drug", "target": "target"}
    kinds: ClassVar[dict[str, Kind]] = {"drug": "molecule", "target": "protein"}
    chance = 0.5
    lookup = "nearest training pair"

    def read(self, settings: AffinityDataset) -> Reading:
        return read_pairs(settings)

    def read_new(
        self, paths: Sequence[Path], settings: AffinityDataset, letters: float = inf
    ) -> Iterator[tuple[str, Reading]]:
        """All molecules against all proteins, as one reading in one part."""
        if (reading := read_new_pairs(paths, settings)) is not None:
            yield "pairs", reading

    def reads(self, paths: Sequence[Path]) -> list[Path]:
        return sorted([*fasta_files(paths).values(), *molecule_files(paths).values()])

    def encode(self, reading: Reading, settings: AffinityDataset) -> Encoded:
        """Without measurements, the pairs are all drugs with all targets, target by target."""
        by_side = {side: reading.records.query("entity == @side") for side in SIDES}
        codes = {
            side: SIDES[side].encode_all(list(table["sequence"])) for side, table in by_side.items()
        }
        bits = fingerprints(list(by_side["drug"]["sequence"])).astype(np.uint8)
        if not len(reading.measurements):
            drugs, targets = (np.arange(len(table), dtype=np.int32) for table in by_side.values())
            pairs = np.stack([np.tile(drugs, len(targets)), np.repeat(targets, len(drugs))], axis=1)
            return Encoded(codes, {"pairs": pairs, "drug_substructures": bits})
        columns = [
            pd.Index(table["id"]).get_indexer(reading.measurements[side])
            for side, table in by_side.items()
        ]
        return Encoded(
            codes,
            {
                "pairs": np.stack(columns, axis=1).astype(np.int32),
                "drug_substructures": bits,
                "values": reading.measurements["value"].to_numpy(np.float32),
            },
        )

    def shuffled(self, encoded: Encoded, rows: np.ndarray, rng: np.random.Generator) -> Encoded:
        values = encoded.arrays["values"].copy()
        values[rows] = values[rng.permutation(rows)]
        return encoded.with_arrays(values=values)

    def count_read(self, reading: Reading) -> int:
        """Molecules, proteins, and rows of the table of affinities."""
        return super().count_read(reading) + len(reading.measurements)

    def split(
        self, reading: Reading, how: SplitSettings, threads: int
    ) -> tuple[pd.DataFrame, list[Side]]:
        drugs, targets = (self.entries(reading.records, side) for side in SIDES)
        splits = split_pairs(how, reading.measurements, drugs, targets, threads)
        sides = [
            Side(side, side, entries, promised_new=tests_new(how, side))
            for side, entries in zip(SIDES, (drugs, targets), strict=True)
        ]
        return splits, sides

    def count(self, encoded: Encoded) -> int:
        return len(encoded.arrays["pairs"])

    def batches(
        self,
        encoded: Encoded,
        rows: np.ndarray,
        training: TrainingSettings,
        rng: np.random.Generator | None,
    ) -> list[np.ndarray]:
        block = training.block
        pairs = encoded.arrays["pairs"][rows]
        return [rows[members] for members in pair_blocks(pairs, block.drugs, block.targets, rng)]

    def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
        inputs: dict[str, Tensor] = {}
        for column, side in enumerate(SIDES):
            members, index = np.unique(encoded.arrays["pairs"][rows, column], return_inverse=True)
            inputs[side], inputs[f"{side}_lengths"] = padded_tensors(encoded, side, members)
            inputs[f"{side}_index"] = torch.from_numpy(index.reshape(-1))
            if side == "drug":
                bits = encoded.arrays["drug_substructures"][members]
                inputs["drug_substructures"] = torch.from_numpy(bits.astype(np.float32))
        values = encoded.arrays.get("values")
        target = torch.zeros(len(rows)) if values is None else torch.from_numpy(values[rows])
        return Batch(rows, inputs, target, torch.ones(len(rows), dtype=torch.bool))

    def network(self, settings: ModelSettings, encoded: Encoded, rows: np.ndarray) -> nn.Module:
        network = AffinityNetwork(settings)
        if len(rows):
            values = encoded.arrays["values"][rows]
            network.centre.fill_(float(values.mean()))
            network.scale.fill_(float(values.std()) or 1.0)
            members = np.unique(encoded.arrays["pairs"][rows, 1])
            encoder = network.encoders["target"]
            assert isinstance(encoder, PooledEncoder)
            encoder.fit_composition(*padded_tensors(encoded, "target", members))
        return network

    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        assert isinstance(network, AffinityNetwork)
        standard = (batch.target - network.centre) / network.scale
        return nn.functional.mse_loss(outputs.float(), standard)

    def decode(self, network: nn.Module, outputs: Tensor, batch: Batch) -> list[np.ndarray]:
        """One value () of each pair, in the unit of the table."""
        assert isinstance(network, AffinityNetwork)
        return list((outputs.float() * network.scale + network.centre).numpy())

    def calibrate(
        self, encoded: Encoded, rows: np.ndarray, decoded: Sequence[np.ndarray]
    ) -> dict[str, Any]:
        """The half-width that holds 95 % of the residuals of ``rows``."""
        residuals = encoded.arrays["values"][rows] - np.array(decoded)
        return {"half_width": conformal_half_width(residuals)}

    def sequence_encoders(self, network: nn.Module) -> dict[str, nn.Module]:
        assert isinstance(network, AffinityNetwork)
        return {side: network.encoders[side].get_submodule("encoder") for side in SIDES}

    def members(self, encoded: Encoded) -> dict[str, np.ndarray]:
        pairs = encoded.arrays["pairs"]
        return {side: pairs[:, column] for column, side in enumerate(SIDES)}

    def table(
        self,
        encoded: Encoded,
        splits: pd.DataFrame,
        rows: np.ndarray,
        decoded: Sequence[np.ndarray],
        calibration: Mapping[str, Any],
    ) -> pd.DataFrame:
        return pair_table(encoded, splits, rows, np.array(decoded)).assign(
            half_width=np.float32(calibration["half_width"])
        )

    def scorer(self, predictions: pd.DataFrame, splits: pd.DataFrame) -> AffinityScorer:
        groups = splits.iloc[predictions["sample"]]
        return AffinityScorer(
            predictions["truth"].to_numpy(float),
            predictions["predicted"].to_numpy(float),
            predictions["drug"].to_numpy(),
            predictions["target"].to_numpy(),
            groups["drug_group"].to_numpy(),
            groups["target_group"].to_numpy(),
        )

    def similarity(self, leakage: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
        """Of a pair's two sides, the one less like anything in training tells how far it is."""
        tested = splits.filter(regex=r"^fold\d+$").to_numpy() == "test"
        fold = tested.argmax(axis=1)  # a side may be tested in several folds, a pair in one
        sides = []
        for side in SIDES:
            own = leakage[leakage["entity"] == side].set_index(["fold", "id"])
            own = own.reindex(pd.MultiIndex.from_arrays([fold, splits[side]]))
            sides.append(
                self.likeness(own["identity"].to_numpy(float), own["coverage"].to_numpy(float))
            )
        return np.minimum(*np.nan_to_num(sides))

    def nearest(
        self,
        reading: Reading,
        training: pd.DataFrame,
        settings: AffinityDataset,
        threads: int,
    ) -> Nearest:
        sides = {
            side: nearest(
                self.entries(reading.records, side), self.entries(training, side), threads
            )
            for side in SIDES
        }
        pairs = self.encode(reading, settings).arrays["pairs"]
        similarity, names, comparable = [], [], []
        for column, (side, hits) in enumerate(sides.items()):
            rows = pairs[:, column]
            likeness = self.likeness(
                hits["identity"].to_numpy(float), hits["coverage"].to_numpy(float)
            )
            similarity.append(np.nan_to_num(likeness)[rows])
            names.append(hits["reference"].fillna("none").to_numpy()[rows])
            # A side whose members all train was never tested on new ones.
            comparable.append(tests_new(settings.split, side) | (similarity[-1] == 1.0))
        joined = [f"{drug} {target}" for drug, target in zip(*names, strict=True)]
        return Nearest(joined, np.minimum(*similarity), np.logical_and(*comparable))

    def new_tables(
        self,
        reading: Reading,
        decoded: Sequence[np.ndarray],
        nearest: Nearest | None,
        trust: Trust,
        settings: AffinityDataset,
    ) -> NewPredictions:
        """One row per pair, the strongest binder of each target first."""
        unit = re.sub(r"\W+", "_", settings.unit).strip("_")
        half_width = float(np.mean([run["half_width"] for run in trust.calibration]))
        by_side = {side: reading.records.query("entity == @side") for side in SIDES}
        drugs, targets = (table["id"].to_numpy() for table in by_side.values())
        values = np.array(decoded, dtype=float)
        near: dict[str, Any] = {}
        if nearest is not None:
            near = {
                "nearest_training_drug_and_target": nearest.id,
                "similarity_fraction": np.round(nearest.similarity, 3),
                **surprise_column(nearest),
                **measured_in_band(trust.bands, nearest, self.metrics[0].key),
            }
        pairs = pd.DataFrame(
            {
                "target": np.repeat(targets, len(drugs)),
                "drug": np.tile(drugs, len(targets)),
                f"predicted_{unit}": values.round(3),
                f"interval_low_{unit}": (values - half_width).round(3),
                f"interval_high_{unit}": (values + half_width).round(3),
                **near,
                "drug_smiles": np.tile(by_side["drug"]["sequence"].to_numpy(), len(targets)),
            }
        )
        order = pairs.groupby("target", sort=False)[f"predicted_{unit}"]
        rank = order.rank(ascending=not settings.higher_binds_stronger, method="first").astype(int)
        pairs.insert(2, "rank_for_target", rank)
        target_order = pd.Categorical(pairs["target"], categories=list(dict.fromkeys(targets)))
        ranked = pairs.assign(order=target_order).sort_values(["order", "rank_for_target"])
        return NewPredictions({".tsv": ranked.drop(columns="order").reset_index(drop=True)})

    def describe(self, results: Results) -> tuple[str, str]:
        test = results.splits[results.splits.filter(regex=r"^fold").eq("test").any(axis=1)]
        return (
            f"Affinity of drugs and targets, {results.settings.unit}",
            f"{len(test):,} test pairs of {test['drug'].nunique():,} drugs and "
            f"{test['target'].nunique():,} targets",
        )


def tests_new(split: Any, side: str) -> bool:
    """Whether the split promises test members of ``side`` that training never saw."""
    return split.strategy == "cold" and split.cold in (f"{side}s", "both")


def pair_table(
    encoded: Encoded, splits: pd.DataFrame, rows: np.ndarray, predicted: np.ndarray
) -> pd.DataFrame:
    """Columns sample, drug, target, truth, predicted."""
    return pd.DataFrame(
        {
            "sample": rows,
            "drug": splits["drug"].to_numpy()[rows],
            "target": splits["target"].to_numpy()[rows],
            "truth": encoded.arrays["values"][rows],
            "predicted": predicted.astype(np.float32),
        }
    )
