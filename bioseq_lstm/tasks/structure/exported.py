"""The structure task's network, ready to be exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN, Alphabet
from bioseq_lstm.nn.reversal import position_mask
from bioseq_lstm.tasks.exported import Axes, Exported, example_codes
from bioseq_lstm.tasks.structure.network import StructureNetwork


class ExportedNetwork(Exported):
    """Probabilities (batch, length, 8) of the states, calibrated on the validation part."""

    network: StructureNetwork
    output = "probabilities"
    alphabets: ClassVar[dict[str, Alphabet]] = {"chain": PROTEIN}

    def axes(self) -> dict[str, Axes]:
        return {"chain": ("batch", "length"), "lengths": ("batch",)}

    def finish(self, outputs: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        mask = position_mask(inputs["lengths"], outputs.shape[1]).unsqueeze(-1)
        calibrated = outputs / self.card["calibration"]["temperature"]
        return calibrated.softmax(dim=-1).masked_fill(~mask, 0.0)

    def example(self, rows: int, length: int) -> dict[str, Tensor]:
        chain, lengths = example_codes(PROTEIN, rows, length)
        return {"chain": chain, "lengths": lengths}

    def about(self) -> dict[str, Any]:
        return {"states": list(DSSP8.letters)}
