"""How often each token occurs in a sequence: what order does not matter for."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Composition(nn.Module):
    """Frequencies of the tokens of a sequence, each standardised over the training part.

    A recurrent net finds composition (codon usage, GC content) only slowly: mean-pooled states
    differ little between sequences, and rare tokens least. Given beside the pooled states, as
    the wide part of a wide-and-deep network (Cheng et al. 2016), it need not be found.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, num_tokens: int) -> None:
        super().__init__()
        self.output_size = num_tokens - 1
        self.register_buffer("mean", torch.zeros(self.output_size))
        self.register_buffer("scale", torch.ones(self.output_size))

    def fit(self, frequencies: Tensor) -> None:
        """Take mean and scale from ``(sequences, num_tokens - 1)``; constant ones are left."""
        self.mean.copy_(frequencies.mean(dim=0))
        spread = frequencies.std(dim=0, unbiased=False)
        self.scale.copy_(torch.where(spread > 0, spread, torch.ones_like(spread)))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens ``(batch, length)``, 0 for padding -> ``(batch, num_tokens - 1)``."""
        # Clamped: a token that training hardly knew must not drown all others.
        standard = (self.frequencies(tokens) - self.mean) / self.scale
        return standard.clamp(-10.0, 10.0)

    def frequencies(self, tokens: Tensor) -> Tensor:
        """Share of each token among the real ones of a row, ``(batch, num_tokens - 1)``."""
        ones = torch.ones(tokens.shape, device=tokens.device)
        counts = torch.zeros(tokens.shape[0], self.output_size + 1, device=tokens.device)
        counts = counts.scatter_add(1, tokens, ones)[:, 1:]
        return counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
