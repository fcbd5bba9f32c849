"""The network of the expression task: one value per condition from a gene's DNA."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import DNA, complement
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.composition import Composition
from bioseq_lstm.nn.heads import SequenceHead
from bioseq_lstm.nn.network import SequenceEncoder


class ExpressionNetwork(nn.Module):
    """Codes (batch, length) to standardised values (batch, conditions).

    ``centre`` and ``scale`` (conditions,) turn them back into the table's unit; ``spread`` is
    the variance of a gene's values around its own mean, all of the training part.
    """

    centre: Tensor
    scale: Tensor
    spread: Tensor

    def __init__(
        self, settings: ModelSettings, conditions: int, coding_start: int | None = None
    ) -> None:
        super().__init__()
        own = settings.input("gene").model_dump()
        embedding = {**own["embedding"], "landmark": coding_start}
        self.encoder = SequenceEncoder(
            DNA.size,
            embedding,
            own["stem"],
            own["encoder"],
            own["attention"],
            complement=DNA.encode(complement("".join(DNA.letters))).tolist(),
        )
        head = settings.head
        self.composition: Composition | None = None
        if head.composition:
            self.composition = Composition(self.encoder.embedding.num_tokens)
        self.head = SequenceHead(
            self.encoder.output_size,
            conditions,
            head.hidden,
            head.dropout,
            head.rank,
            extra_size=self.composition.output_size if self.composition else 0,
        )
        self.register_buffer("centre", torch.zeros(conditions))
        self.register_buffer("scale", torch.ones(conditions))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        gene, lengths = inputs["gene"], inputs["lengths"]
        extra = None
        if self.composition is not None:
            extra = self.composition(self.tokens(inputs))
        outputs: Tensor = self.head(*self.encoder(gene, lengths), extra)
        return outputs

    def tokens(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The k-mers (batch, tokens) that the embedding reads, 0 for padding."""
        return self.encoder.embedding.tokens(inputs["gene"], inputs["lengths"])[0]
