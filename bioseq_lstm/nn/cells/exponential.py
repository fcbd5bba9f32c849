"""The LSTM with exponential gates (sLSTM)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, logsigmoid

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates


class ExponentialCell(Cell):
    """LSTM that can revise what it stored, by an exponential input gate (Beck et al. 2024, sLSTM).

    ``c = f * c' + i * z`` and its normaliser ``n = f * n' + i``, with ``i`` = exp, ``f`` =
    sigmoid, ``z`` = tanh of ``W x + R h' + b``; ``h = o * c / n`` with a sigmoid output gate
    ``o`` (equations 8 to 14). ``exp`` would overflow, so ``c`` and ``n`` are held divided by
    ``exp(m)`` (equations 15 to 17), which cancels in ``h``.

    Units form ``heads``, and ``R`` leads from a head to itself alone: ``weight_hidden`` is
    ``(heads, 4 * width, width)``. Rows of ``weight_input`` and ``bias`` lie head by head, within
    a head in the order input, forget, candidate, output.

    Raises ``UserError`` if the hidden size is not a multiple of ``heads``.
    """

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4) -> None:
        super().__init__(hidden_size, states=(hidden_size,) * 4)
        if hidden_size % heads:
            raise UserError(
                f"encoder exponential: hidden_size {hidden_size} must be a multiple of "
                f"heads, {heads}"
            )
        self.heads, width = heads, hidden_size // heads
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(heads, 4 * width, width))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        for to_head, within, bias in zip(
            self.weight_input.chunk(heads), self.weight_hidden, self.bias.chunk(heads), strict=True
        ):
            initialise_gates(to_head, within, bias)
        self.kernel = _ExponentialKernel()

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def start(self, inputs: Tensor) -> State:
        """Nothing is stored: all 0, and the logarithm ``m`` of the scale at minus infinity."""
        hidden, memory, normaliser, scale = super().start(inputs)
        return hidden, memory, normaliser, torch.full_like(scale, -torch.inf)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory, normaliser, scale = state
        by_head = hidden.unflatten(1, (self.heads, -1))
        recurrent = torch.einsum("bhj,hgj->bhg", by_head, self.weight_hidden)
        gates = inputs + recurrent.flatten(1)
        enter, forget, candidate, leave = (
            gate.flatten(1) for gate in gates.unflatten(1, (self.heads, 4, -1)).unbind(2)
        )
        kept = logsigmoid(forget) + scale
        # The output does not depend on the scale, so no gradient has to pass through it.
        scale = torch.maximum(enter, kept).detach()
        entering, forgetting = (enter - scale).exp(), (kept - scale).exp()
        memory = forgetting * memory + entering * candidate.tanh()
        normaliser = forgetting * normaliser + entering
        return leave.sigmoid() * memory / normaliser, memory, normaliser, scale

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return (self.weight_hidden,)


class _ExponentialKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        heads, _, width = weights[0].shape
        gates, ratio = (room(inputs, size, keep) for size in (inputs.shape[2], heads * width))
        states = room(inputs, heads * width, keep=True)
        library.call(
            "exponential_forward",
            (*inputs.shape[:2], heads, width),
            (inputs, gates, ratio, states, *weights),
        )
        return (states,), (gates, ratio, states)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, ratio, states = saved
        heads, _, width = weights[0].shape
        d_gates = torch.empty_like(gates)
        library.call(
            "exponential_backward",
            (*inputs.shape[:2], heads, width),
            (gates, *gradients, ratio, d_gates, *weights),
        )
        by_head = zip(d_gates.chunk(heads, 2), before(states).chunk(heads, 2), strict=True)
        return d_gates, torch.stack([weight_gradient(*of_head) for of_head in by_head])
