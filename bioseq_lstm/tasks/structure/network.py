"""The network of the structure task: states along the chain, eight scores per residue."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.heads import ResidueHead
from bioseq_lstm.nn.network import SequenceEncoder

STATES = len(DSSP8.letters)


class StructureNetwork(nn.Module):
    """Codes (batch, length) to logits of the eight states (batch, length, 8)."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        own = settings.input("chain").model_dump()
        self.encoder = SequenceEncoder(
            PROTEIN.size, own["embedding"], own["stem"], own["encoder"], own["attention"]
        )
        self.label_smoothing = settings.training.label_smoothing
        head = settings.head
        self.head = ResidueHead(self.encoder.output_size, STATES, head.hidden, head.dropout)

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        states, lengths = self.encoder(inputs["chain"], inputs["lengths"])
        logits: Tensor = self.head(states, lengths)
        return logits
