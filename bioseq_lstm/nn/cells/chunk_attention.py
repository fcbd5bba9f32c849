"""A chunk of steps with a matrix memory: attention to each other and to what was before."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import room


class ChunkAttention(torch.autograd.Function):
    """What each step of a chunk reads, how much that is in all, and the memory after the chunk.

    With the values ``v`` and a 1 at their end, all divided by exp(``top``):

    ``read(t) = exp(before - top(t)) q(t) memory + sum over s <= t of exp(weight(s) - top(t))
    (q(t) k(s)) v(s)``, of which the last element is the count, and
    ``after = exp(before - top) memory + sum over s of exp(weight(s) - top) k(s) v(s)``, ``top``
    being that of the last step.

    ``query, key, value`` ``(batch, steps, heads * size)``; logarithms ``weight, top`` ``(batch,
    heads, steps)`` and ``before`` ``(batch, heads, 1)``, of which ``top`` must be the largest of
    ``before`` and the weights so far; ``memory`` ``(batch, heads, size, size + 1)``, keys by
    values. Gives ``read`` as the query, ``count`` ``(batch, steps, heads)``, ``after`` as memory.

    The gradient is by hand, since autograd would take several passes over the squares of steps.
    What scales a quantity has as its gradient that quantity times its gradient: of ``weight`` it
    is ``v``, of ``before`` the memory, and of ``top``, negative, all that is read and kept.
    """

    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        with torch.autocast(given[0].device.type, enabled=False):
            read, count, after, scores = _forward(*given)
        ctx.save_for_backward(*given, read, count, after, scores)
        return read, count, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        with torch.autocast(gradients[0].device.type, enabled=False):
            return _backward(*ctx.saved_tensors, *gradients)


class ChunkInCpp(torch.autograd.Function):
    """``ChunkAttention`` and then the cell's read-out, in C++: the states and the memory after.

    Takes in addition the output gate before its sigmoid ``leave``, as the query, after ``value``;
    and last what the count must be at the least, ``bound`` ``(batch, heads, steps)``.
    """

    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, Tensor]:
        given = tuple(tensor if tensor.stride(-1) == 1 else tensor.contiguous() for tensor in given)
        query, memory = given[0], given[7]
        batch, steps, hidden = query.shape
        heads, size = memory.shape[1:3]
        keep = any(ctx.needs_input_grad)
        states, after = query.new_empty(query.shape), torch.empty_like(memory)
        kept = room(query, hidden, keep), query.new_empty(batch, steps, heads)
        sizes = (batch, 1, steps, heads, size)
        library.call("matrix_forward", sizes, (*given, states, after, *kept))
        if keep:
            ctx.sizes = sizes
            ctx.save_for_backward(*given, after, *kept)
        return states, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        saved = ctx.saved_tensors
        ready = (gradient.contiguous() for gradient in gradients)
        d_given = tuple(given.new_empty(given.shape) for given in saved[:9])
        library.call("matrix_backward", ctx.sizes, (*saved, *ready, *d_given))
        return d_given


def _forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor,
    top: Tensor,
    before: Tensor,
    memory: Tensor,
) -> tuple[Tensor, ...]:
    query, key, value = (_by_head(part, memory) for part in (query, key, value))
    value = pad(value, (0, 1), value=1.0)
    decay, enter, leave, last = _weights(weight, top, before)
    scores = (query @ key.mT).mul_(decay)
    read = ((scores @ value) + (leave * query) @ memory).transpose(1, 2)
    after = last * memory + (enter * key).mT @ value
    return read[..., :-1].flatten(2), read[..., -1].contiguous(), after, scores


def _backward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weight: Tensor,
    top: Tensor,
    before: Tensor,
    memory: Tensor,
    read: Tensor,
    count: Tensor,
    after: Tensor,
    scores: Tensor,
    d_read: Tensor,
    d_count: Tensor,
    d_after: Tensor,
) -> tuple[Tensor, ...]:
    query, key, value, read, d_out = (
        _by_head(part, memory) for part in (query, key, value, read, d_read)
    )
    value = pad(value, (0, 1), value=1.0)
    read, d_out = (
        torch.cat([part, last.mT.unsqueeze(3)], dim=3)
        for part, last in ((read, count), (d_out, d_count))
    )
    decay, enter, leave, last = _weights(weight, top, before)
    d_scores = (d_out @ value.mT).mul_(decay)
    d_query = d_scores @ key + (leave * d_out) @ memory.mT
    d_key = d_scores.mT @ query + (enter * value) @ d_after.mT
    d_value = scores.mT @ d_out + (enter * key) @ d_after
    d_memory = last * d_after + (leave * query).mT @ d_out
    d_top = -(d_out * read).sum(3)
    d_top[..., -1] -= (d_after * after).sum((2, 3))
    return (
        *(part.transpose(1, 2).flatten(2) for part in (d_query, d_key, d_value[..., :-1])),
        *((d_value * value).sum(3), d_top),
        *((d_memory * memory).sum((2, 3)).unsqueeze(2), d_memory),
    )


def _by_head(part: Tensor, memory: Tensor) -> Tensor:
    """``(batch, steps, heads * size)`` -> ``(batch, heads, steps, size)``."""
    return part.unflatten(2, memory.shape[1:3]).transpose(1, 2)


def _weights(weight: Tensor, top: Tensor, before: Tensor) -> tuple[Tensor, ...]:
    """Of each step at each later one; of each as of the end; of what was before, and at last."""
    weight, top, before = (part.unsqueeze(3) for part in (weight, top, before))
    # What comes later may overflow, so it is replaced, not multiplied by zero.
    decay = (weight.mT - top).exp_().tril_()
    end = top[:, :, -1:]
    return decay, (weight - end).exp(), (before - top).exp(), (before - end).exp()
