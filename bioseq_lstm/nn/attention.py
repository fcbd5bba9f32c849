"""Self-attention over the states of a recurrence: every position looks at every other one."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.reversal import position_mask


class SelfAttention(nn.Module):
    """Multi-head self-attention, a residual around it, then layer norm (Vaswani et al. 2017).

    A layer of their encoder without its feed-forward half, which the recurrence is here. The
    states tell where they are, so no positional encoding is added. ``dropout`` acts on what is
    attended to before it is added to the states (their section 5.4); the attention weights
    themselves are not dropped, which would cost the fast kernels.

    Raises ``UserError`` if ``heads`` does not divide ``input_size``.
    """

    def __init__(self, input_size: int, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        if input_size % heads:
            raise UserError(
                f"attention: heads is {heads} and must divide {input_size}, the encoder's output "
                "size"
            )
        self.heads = heads
        self.project = nn.Linear(input_size, 3 * input_size)  # queries, keys, values
        self.join = nn.Linear(input_size, input_size)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(input_size)
        self.output_size = input_size
        for layer in (self.project, self.join):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, input_size)`` -> the same shape; pads are 0."""
        within: Tensor | None = position_mask(lengths, x.shape[1])
        # Without a mask the kernels are faster. A traced program serves ragged batches as well.
        if not torch.compiler.is_compiling() and bool((lengths == x.shape[1]).all()):
            within = None
        if within is not None:
            x = x.masked_fill(~within.unsqueeze(-1), 0.0)
        states: Tensor = self.norm(x + self.dropout(self.attend(x, within)))
        return states if within is None else states.masked_fill(~within.unsqueeze(-1), 0.0)

    def attend(self, x: Tensor, within: Tensor | None) -> Tensor:
        """What each position gathers from all, heads joined: ``(batch, length, input_size)``.

        ``within`` (bool, ``(batch, length)``) is False at positions no one may look at.
        """
        parts = self.project(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if within is None else within[:, None, None, :]
        queries, keys, values = parts.unbind()
        found = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        gathered: Tensor = self.join(found.transpose(1, 2).flatten(2))
        return gathered
