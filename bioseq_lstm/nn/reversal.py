"""Rows of unequal length: which positions are real, and reading them backwards."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def position_mask(lengths: Tensor, width: int) -> Tensor:
    """True where a position belongs to its row: ``(batch,)`` lengths -> bool ``(batch, width)``."""
    return torch.arange(width, device=lengths.device) < lengths[:, None]


def reverse_within(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row within its own length; what follows the end stays where it is.

    ``x`` is ``(batch, length, ...)``, ``lengths`` is integer ``(batch,)``; the result has the
    shape of ``x``. Applied twice it gives ``x`` back. A bidirectional recurrence needs it
    because a padded row reversed as a whole would begin with its padding.
    """
    positions = torch.arange(x.shape[1], device=x.device)
    mirrored = lengths[:, None] - 1 - positions
    within = torch.where(mirrored >= 0, mirrored, positions)
    starts = torch.arange(x.shape[0], device=x.device)[:, None] * x.shape[1]
    reversed_rows: Tensor = _Reorder.apply(x, (within + starts).flatten())
    return reversed_rows


class _Reorder(torch.autograd.Function):
    """Take the (batch x length) rows in an order that is its own inverse.

    Autograd's gradient of a look-up adds into rows one by one, since an index may repeat. This
    order repeats none and undoes itself, so the gradient is the same look-up once more.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, order: Tensor) -> Tensor:
        ctx.save_for_backward(order)
        return x.flatten(0, 1).index_select(0, order).view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (order,) = ctx.saved_tensors
        return _Reorder.apply(gradients[0], order), None
