"""Which bases raise expression: the mean over conditions, or one of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DNA, Alphabet
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.explain_settings import ExplainSettings
from bioseq_lstm.settings import ExpressionDataset
from bioseq_lstm.tasks.explained import Explained, Question, Side
from bioseq_lstm.tasks.expression.network import ExpressionNetwork


class ExpressionExplained(Explained):
    sides: ClassVar[dict[str, Alphabet]] = {"gene": DNA}
    mutated = "gene"
    letters = "bases"
    kmer = 4

    def parts(self, network: nn.Module) -> dict[str, Side]:
        assert isinstance(network, ExpressionNetwork)
        return {"gene": Side(network.encoder, network.composition)}

    def question(
        self,
        asked: ExplainSettings,
        settings: ExpressionDataset,
        encoded: Encoded,
        decoded: np.ndarray,
    ) -> Question:
        names = encoded.about["conditions"]
        if asked.condition is None:
            label, places = f"mean over {len(names)} conditions", list(range(len(names)))
        elif asked.condition in names:
            label, places = f"condition {asked.condition}", [names.index(asked.condition)]
        else:
            raise UserError(
                f"explain.condition: the table of expression has no condition "
                f"{asked.condition!r}{nearest(asked.condition, names)}"
            )
        return Question(label, settings.unit, partial(_of_conditions, places=places))

    def sequences(self, encoded: Encoded, row: int) -> dict[str, np.ndarray]:
        return {"gene": encoded.sequences["gene"][row]}

    def mutants(
        self, encoded: Encoded, row: int, side: str, sequences: Sequence[np.ndarray]
    ) -> Encoded:
        values = np.zeros((len(sequences), len(encoded.about["conditions"])), np.float32)
        return Encoded({"gene": Ragged.from_list(sequences)}, {"values": values}, encoded.about)

    def effects(
        self,
        settings: ExpressionDataset,
        about: Mapping[str, Any],
        wild: np.ndarray,
        mutant: np.ndarray,
        site: tuple[int, int, int],
    ) -> dict[str, Any]:
        unit = re.sub(r"\W+", "_", settings.unit).strip("_").lower()
        change = mutant - wild
        most = int(np.abs(change).argmax())
        return {
            f"mean_{unit}": round(float(wild.mean()), 4),
            f"mutant_mean_{unit}": round(float(mutant.mean()), 4),
            f"change_mean_{unit}": round(float(change.mean()), 4),
            f"largest_change_{unit}": round(float(change[most]), 4),
            "largest_change_condition": about["conditions"][most],
        }


def _of_conditions(network: nn.Module, outputs: Tensor, places: list[int]) -> Tensor:
    assert isinstance(network, ExpressionNetwork)
    return (outputs.float() * network.scale + network.centre)[:, places].mean(dim=1)


EXPLAINED = ExpressionExplained()
