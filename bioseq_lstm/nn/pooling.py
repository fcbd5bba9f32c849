"""From states along a sequence to one vector per sequence, blind to padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioseq_lstm.nn.reversal import position_mask


def masked_mean(x: Tensor, lengths: Tensor) -> Tensor:
    """Mean over each row's positions: ``(batch, length, features)`` -> ``(batch, features)``."""
    mask = position_mask(lengths, x.shape[1]).unsqueeze(-1)
    return x.masked_fill(~mask, 0.0).sum(dim=1) / lengths[:, None]


def masked_max(x: Tensor, lengths: Tensor) -> Tensor:
    """Maximum over each row's positions: ``(batch, length, features)`` -> ``(batch, features)``."""
    mask = position_mask(lengths, x.shape[1]).unsqueeze(-1)
    return x.masked_fill(~mask, float("-inf")).amax(dim=1)


class AttentionPooling(nn.Module):
    """Additive attention (Bahdanau et al. 2015) with a learned query.

    The score of a position is ``v . tanh(W x + b)``; the weights are their softmax over the
    row's own positions, exactly 0 on padding. ``v`` starts at zero: at first it is the mean.
    """

    def __init__(self, input_size: int, hidden: int = 64) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, hidden)
        self.query = nn.Parameter(torch.zeros(hidden))
        self.output_size = input_size

    def weights(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Attention of each position, rows sum to 1: ``(batch, length)``."""
        scores = (torch.tanh(self.projection(x)) * self.query).sum(dim=-1)
        mask = position_mask(lengths, x.shape[1])
        return scores.masked_fill(~mask, float("-inf")).softmax(dim=1)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, features)``."""
        weights = self.weights(x, lengths).to(x.dtype)
        return torch.bmm(weights.unsqueeze(1), x).squeeze(1)


class AttentionAndMean(nn.Module):
    """Attention pooling and the mean, concatenated."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.attention = AttentionPooling(input_size)
        self.output_size = 2 * input_size

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, 2 x features)``."""
        return torch.cat([self.attention(x, lengths), masked_mean(x, lengths)], dim=1)
