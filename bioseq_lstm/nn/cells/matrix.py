"""The LSTM whose memory is a matrix of keys and values, computed in chunks of steps."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import layer_norm, linear, logsigmoid, pad

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.recurrence import Cell, State


class MatrixCell(Cell):
    """mLSTM (Beck et al. 2024, equations 19 to 27): a matrix memory per head.

    Query ``q``, key ``k`` and value ``v`` of each head, and the gates, are linear in the input
    alone. With input gate ``i`` = exp, forget gate ``f`` and output gate ``o`` = sigmoid,

    ``C = f C' + i v k^T``, ``n = f n' + i k``, ``h = o * C q / max(|n q|, 1)``

    (primes: a step before). All is kept divided by exp(``m``), ``m`` being the largest logarithm
    of a weight that a value has in the memory, so that no exponential overflows. Since no state
    enters a gate, the states of all steps are one causal attention whose weights the gates give
    (the parallel form); a chunk of steps costs the least at once (chunkwise form), with the
    memory carried from one to the next. The three forms are equal; ``chunk`` changes speed alone.

    The cell itself is that of the package ``xlstm``, whose keys are scaled by the root of a
    head's size with their bias, and whose denominators are larger by 1e-6. Around it there is
    here the paper's equation 24 to 27 alone: gates see the input, not q, k and v; the output gate
    is a sigmoid; there is no norm per head, no convolution, no wider inner layer.

    Initialised as in ``xlstm``: small normal q, k, v and output gate (Nguyen & Salazar 2019);
    exponential gates blind at first, forget biases from 3 to 6, one for each head, so that heads
    keep their memory over 20 to 400 steps, input biases around 0. There is no recurrent weight
    that could be orthogonal.

    Raises ``UserError`` if ``hidden_size`` is no multiple of ``heads``.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4, chunk: int = 64) -> None:
        if hidden_size % heads:
            raise UserError(
                f"encoder matrix: hidden_size {hidden_size} must be a multiple of heads, {heads}"
            )
        size = hidden_size // heads
        super().__init__(hidden_size, states=(hidden_size, heads * size * (size + 1), heads))
        self.heads, self.size, self.chunk = heads, size, chunk
        # Query, key, value, output gate; then an input and a forget gate for each head.
        self.weight = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads, input_size))
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size + 2 * heads))
        nn.init.normal_(self.weight[: 4 * hidden_size], std=math.sqrt(2 / (5 * input_size)))
        with torch.no_grad():
            nn.init.normal_(self.bias[-2 * heads : -heads], std=0.1)
            self.bias[-heads:] = torch.linspace(3, 6, heads)

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)

    def start(self, inputs: Tensor) -> State:
        heads = (inputs.shape[0], self.heads)
        return (
            inputs.new_zeros(inputs.shape[0], self.hidden_size),
            inputs.new_zeros(*heads, self.size, self.size + 1),
            inputs.new_full((*heads, 1, 1), -math.inf),  # nothing has a weight yet
        )

    def step(self, inputs: Tensor, state: State) -> State:
        """The recurrent form."""
        _, memory, top_before = state
        query, key, value, leave, enter, keep = self._parts(inputs.unsqueeze(1))
        top = torch.maximum(keep + top_before, enter)
        entering = (enter - top).exp() * self.size**-0.5 * key
        memory = (keep + top_before - top).exp() * memory + entering.mT @ value
        return self._read_out(query @ memory, top, leave).squeeze(1), memory, top

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        if torch.compiler.is_exporting():
            return super().forward(x, mask)
        # Under bf16 autocast a product may be bf16; the memory is kept in full precision.
        x = x.to(torch.promote_types(x.dtype, torch.float32))
        _, memory, top = self.start(x)
        states = []
        for part in x.split(self.chunk, dim=1):
            now, memory, top = self._together(self.project(part).to(x.dtype), memory, top)
            states.append(now)
        return torch.cat(states, dim=1)

    def _together(self, inputs: Tensor, memory: Tensor, top_before: Tensor) -> State:
        """The chunkwise form: states of a chunk, and the memory after it with its ``m``."""
        query, key, value, leave, enter, keep = self._parts(inputs)
        kept = keep.cumsum(2)  # logarithm of what is left of the chunk's start
        # Logarithms of weights as of the chunk's start, that is without ``kept``.
        weight = enter - kept
        top = torch.maximum(weight.cummax(2).values, top_before)
        scaled = weight - math.log(self.size) / 2  # the scale of the keys
        flat = (part.flatten(0, 1) for part in (query, key, value, scaled, top, top_before, memory))
        read, memory = _Attention.apply(*flat)
        heads = (len(inputs), self.heads)
        states = self._read_out(read.unflatten(0, heads), top + kept, leave)
        return states, memory.unflatten(0, heads), (top + kept)[:, :, -1:]

    def _parts(self, inputs: Tensor) -> State:
        """Query, key, value with a 1 at its end, output gate; logarithms of the other gates.

        ``(batch, heads, steps, size)``, the output gate ``(batch, steps, heads, size)``; the 1
        makes the normaliser ``n`` the last column of the memory.
        """
        width = self.hidden_size
        *wide, gates = inputs.split([width, width, width, width, 2 * self.heads], dim=2)
        query, key, value, leave = (part.unflatten(2, (self.heads, self.size)) for part in wide)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        enter, keep = gates.transpose(1, 2).unsqueeze(3).chunk(2, dim=1)
        return query, key, pad(value, (0, 1), value=1.0), leave, enter, logsigmoid(keep)

    def _read_out(self, read: Tensor, top: Tensor, leave: Tensor) -> Tensor:
        value, count = read.split([self.size, 1], dim=3)
        # Weights below e^-80 read as zero in any case; a larger bound would overflow.
        bound = (-top).clamp(max=80).exp()
        value = layer_norm(value / (torch.maximum(count.abs(), bound) + 1e-6), (self.size,))
        return (leave.sigmoid() * value.transpose(1, 2)).flatten(2)


class _Attention(torch.autograd.Function):
    """What the queries of a chunk read, and the memory after it, both divided by exp(``top``).

    ``read(t) = exp(before - top(t)) q(t) memory + sum over s <= t of exp(weight(s) - top(t))
    (q(t) k(s)) v(s)``, all ``(rows, steps, features)``; ``memory`` ``(rows, keys, values)``.

    By hand, since autograd would take several passes over the squares of steps. Whatever scales
    a quantity has as its gradient the product of that quantity with its own gradient: of
    ``weight`` that is v(s), of ``before`` the memory, of ``top``, inversely, what is read.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        weight: Tensor,
        top: Tensor,
        before: Tensor,
        memory: Tensor,
    ) -> tuple[Tensor, Tensor]:
        with torch.autocast(query.device.type, enabled=False):
            last = top[:, -1:]
            decay = (
                (weight.mT - top).exp_().tril_()
            )  # later steps may overflow: set to 0, not multiplied
            scores = torch.bmm(query, key.mT).mul_(decay)
            read = torch.bmm(scores, value).baddbmm_(query * (before - top).exp(), memory)
            after = ((before - last).exp() * memory).baddbmm_(
                (key * (weight - last).exp()).mT, value
            )
        ctx.save_for_backward(
            query, key, value, weight, top, before, memory, decay, scores, read, after
        )
        return read, after

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_read: Tensor, d_after: Tensor) -> tuple[Tensor, ...]:
        query, key, value, weight, top, before, memory, decay, scores, read, after = (
            ctx.saved_tensors
        )
        with torch.autocast(query.device.type, enabled=False):
            last = top[:, -1:]
            leaving, entering = d_read * (before - top).exp(), (weight - last).exp()
            d_scores = torch.bmm(d_read, value.mT).mul_(decay)
            d_query = torch.bmm(d_scores, key).baddbmm_(leaving, memory.mT)
            d_key = torch.bmm(d_scores.mT, query).baddbmm_(value * entering, d_after.mT)
            d_value = torch.bmm(scores.mT, d_read).baddbmm_(key * entering, d_after)
            d_memory = ((before - last).exp() * d_after).baddbmm_(query.mT, leaving)
        d_top = -(d_read * read).sum(2, keepdim=True)
        d_top[:, -1:] -= (d_after * after).sum((1, 2), keepdim=True)
        return (
            *(d_query, d_key, d_value, (d_value * value).sum(2, keepdim=True), d_top),
            *((d_memory * memory).sum((1, 2), keepdim=True), d_memory),
        )
