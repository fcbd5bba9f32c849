"""Which residues and atoms drive an affinity."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import PROTEIN, Alphabet
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.data.records import Reading
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.nn.network import PooledEncoder
from bioseq_lstm.settings import AffinityDataset
from bioseq_lstm.tasks.affinity.network import SIDES, AffinityNetwork
from bioseq_lstm.tasks.explained import Explained, Question, Side


class AffinityExplained(Explained):
    sides: ClassVar[dict[str, Alphabet]] = {"target": PROTEIN, "drug": SIDES["drug"]}
    mutated = "target"
    letters = "residues"
    kmer = 2

    def parts(self, network: nn.Module) -> dict[str, Side]:
        assert isinstance(network, AffinityNetwork)
        sides = {}
        for name in self.sides:
            pooled, seen = network.encoders[name], name == "drug" and network.with_substructures
            assert isinstance(pooled, PooledEncoder)
            sides[name] = Side(pooled.encoder, pooled.composition, seen)
        return sides

    def question(
        self,
        asked: ExplainSettings,
        settings: AffinityDataset,
        encoded: Encoded,
        decoded: np.ndarray,
    ) -> Question:
        return Question(f"predicted {settings.unit}", settings.unit, _value)

    def sequences(self, encoded: Encoded, row: int) -> dict[str, np.ndarray]:
        drug, target = encoded.arrays["pairs"][row]
        return {
            "target": encoded.sequences["target"][target],
            "drug": encoded.sequences["drug"][drug],
        }

    def mutants(
        self, encoded: Encoded, row: int, side: str, sequences: Sequence[np.ndarray]
    ) -> Encoded:
        """Mutated drugs keep the substructures of sample ``row``."""
        drug = int(encoded.arrays["pairs"][row, 0])
        places = np.arange(len(sequences), dtype=np.int32)
        own = {"drug": 0 * places, "target": 0 * places, side: places}
        wild = self.sequences(encoded, row)
        codes = {name: Ragged.from_list([wild[name]]) for name in self.sides}
        bits = encoded.arrays["drug_substructures"][[drug]]
        if side == "drug":
            bits = np.repeat(bits, len(places), axis=0)
        return Encoded(
            {**codes, side: Ragged.from_list(sequences)},
            {
                "pairs": np.stack([own["drug"], own["target"]], axis=1),
                "drug_substructures": bits,
            },
            encoded.about,
        )

    def few(self, encoded: Encoded, rows: np.ndarray, count: int) -> np.ndarray:
        """Pairs of other drugs and other targets, as far as there are such."""
        pairs = encoded.arrays["pairs"]
        chosen: list[int] = []
        for shared in (0, 1):
            for row in rows.tolist():
                if len(chosen) >= count:
                    break
                if row in chosen:
                    continue
                if all((pairs[row] == pairs[other]).sum() <= shared for other in chosen):
                    chosen.append(row)
        return np.array(chosen, dtype=int)

    def named(self, reading: Reading, encoded: Encoded) -> pd.DataFrame:
        ids = {
            side: reading.records.loc[reading.records["entity"] == side, "id"].to_numpy()
            for side in SIDES
        }
        pairs = encoded.arrays["pairs"]
        return pd.DataFrame(
            {"drug": ids["drug"][pairs[:, 0]], "target": ids["target"][pairs[:, 1]]}
        )

    def effects(
        self,
        settings: AffinityDataset,
        about: Mapping[str, Any],
        wild: np.ndarray,
        mutant: np.ndarray,
        site: tuple[int, int, int],
    ) -> dict[str, Any]:
        unit = re.sub(r"\W+", "_", settings.unit).strip("_")
        return {
            f"predicted_{unit}": round(float(wild), 4),
            f"mutant_predicted_{unit}": round(float(mutant), 4),
            f"change_{unit}": round(float(mutant - wild), 4),
        }


def _value(network: nn.Module, outputs: Tensor) -> Tensor:
    assert isinstance(network, AffinityNetwork)
    return outputs.float() * network.scale + network.centre


EXPLAINED = AffinityExplained()
