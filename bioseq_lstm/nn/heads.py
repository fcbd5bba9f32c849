"""The way out: from states to what a task predicts."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from bioseq_lstm.nn.pooling import AttentionAndMean
from bioseq_lstm.nn.reversal import position_mask


class ResidueHead(nn.Module):
    """Class scores for each residue."""

    def __init__(self, input_size: int, num_classes: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(input_size, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, states: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, features)`` -> logits ``(batch, length, num_classes)``; pads are 0."""
        mask = position_mask(lengths, states.shape[1]).unsqueeze(-1)
        logits: Tensor = self.layers(states)
        return logits.masked_fill(~mask, 0.0)


class SequenceHead(nn.Module):
    """Numbers for each sequence, from its attention-pooled and its mean state.

    With ``rank`` the last layer is a product of two thin ones (reduced-rank regression, Izenman
    1975): many correlated outputs then share ``rank`` directions.
    """

    def __init__(
        self,
        input_size: int,
        num_outputs: int,
        hidden: int,
        dropout: float,
        rank: int | None = None,
        extra_size: int = 0,
    ) -> None:
        super().__init__()
        self.pooling = AttentionAndMean(input_size)
        self.hidden = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(self.pooling.output_size + extra_size, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
        )
        self.output: nn.Module = nn.Linear(hidden, num_outputs)
        if rank is not None:
            self.output = nn.Sequential(
                nn.Linear(hidden, rank, bias=False), nn.Linear(rank, num_outputs)
            )

    def forward(self, states: Tensor, lengths: Tensor, extra: Tensor | None = None) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, num_outputs)``.

        ``extra`` ``(batch, extra_size)`` are features of the whole sequence from elsewhere.
        """
        pooled: Tensor = self.pooling(states, lengths)
        if extra is not None:
            pooled = torch.cat([pooled, extra], dim=1)
        outputs: Tensor = self.output(self.hidden(pooled))
        return outputs


class PairHead(nn.Module):
    """A number for each pair of two vectors, each vector projected once however many its pairs.

    The first layer over a pair sees both projections and their elementwise product. What it
    makes of the projections alone is linear, so it too is computed per vector, not per pair.
    """

    def __init__(self, input_size_a: int, input_size_b: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.project_a = nn.Linear(input_size_a, hidden)
        self.project_b = nn.Linear(input_size_b, hidden)
        self.from_a = nn.Linear(hidden, hidden)
        self.from_b = nn.Linear(hidden, hidden, bias=False)
        self.from_product = nn.Linear(hidden, hidden, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Sequential(
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, 1),
        )

    def forward(self, a: Tensor, b: Tensor, index_a: Tensor, index_b: Tensor) -> Tensor:
        """Vectors ``a`` ``(D, size_a)``, ``b`` ``(T, size_b)`` -> ``(P,)``.

        Pair p joins row ``index_a[p]`` of ``a`` with row ``index_b[p]`` of ``b``.
        """
        projected_a = self.dropout(gelu(self.project_a(a)))
        projected_b = self.dropout(gelu(self.project_b(b)))
        product = projected_a[index_a] * projected_b[index_b]
        joined = self.from_a(projected_a)[index_a] + self.from_b(projected_b)[index_b]
        outputs: Tensor = self.output(joined + self.from_product(product))
        return torch.squeeze(outputs, dim=1)


@torch.no_grad()
def shrink(head: SequenceHead | PairHead, share: float) -> None:
    """Let a head say ``share`` times what it says: its last layer is multiplied in place."""
    last = list(head.output.modules())[-1]
    assert isinstance(last, nn.Linear)
    last.weight.mul_(share)
    last.bias.mul_(share)
