"""The network of the expression task: one value per condition from a gene's DNA."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DNA
from bioseq_lstm.nn.heads import SequenceHead
from bioseq_lstm.nn.network import SequenceEncoder
from bioseq_lstm.settings import ModelSettings


class ExpressionNetwork(nn.Module):
    """Codes (batch, length) to standardised values (batch, conditions).

    ``centre`` and ``scale`` (conditions,) turn them back into the table's unit; ``spread`` is
    the variance of a gene's values around its own mean, all of the training part.
    """

    centre: Tensor
    scale: Tensor
    spread: Tensor

    def __init__(self, settings: ModelSettings, conditions: int) -> None:
        super().__init__()
        own = settings.input("gene").model_dump()
        self.encoder = SequenceEncoder(DNA.size, own["embedding"], own["stem"], own["encoder"])
        head = settings.head
        self.head = SequenceHead(
            self.encoder.output_size, conditions, head.hidden, head.dropout, head.rank
        )
        self.register_buffer("centre", torch.zeros(conditions))
        self.register_buffer("scale", torch.ones(conditions))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        outputs: Tensor = self.head(*self.encoder(inputs["gene"], inputs["lengths"]))
        return outputs
