"""The expression task's network, ready to be exported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from bioseq_lstm.data.alphabets import DNA, Alphabet
from bioseq_lstm.tasks.exported import Axes, Exported, example_codes
from bioseq_lstm.tasks.expression.network import ExpressionNetwork


class ExportedNetwork(Exported):
    """Values (batch, conditions), in the unit of the table."""

    network: ExpressionNetwork
    output = "values"
    alphabets: ClassVar[dict[str, Alphabet]] = {"gene": DNA}

    def axes(self) -> dict[str, Axes]:
        return {"gene": ("batch", "length"), "lengths": ("batch",)}

    def finish(self, outputs: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        return outputs * self.network.scale + self.network.centre

    def example(self, rows: int, length: int) -> dict[str, Tensor]:
        gene, lengths = example_codes(DNA, rows, length)
        return {"gene": gene, "lengths": lengths}

    def about(self) -> dict[str, Any]:
        return {**self.card["about"], "half_width": self.card["calibration"]["half_width"]}
