"""The Mogrifier LSTM, whose input and state gate each other before every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, room, weight_gradient
from bioseq_lstm.nn.settings import Count
from bioseq_lstm.nn.stacking import initialise_gates


class DynamicCell(Cell):
    """LSTM step over an input and a state that gated each other (Melis et al. 2020, Mogrifier).

    Round 1 sets ``x = 2 sigmoid(Q1 h) * x``, round 2 ``h = 2 sigmoid(R2 x) * h``, and so on in
    turn for ``rounds``; then ``i, f, o`` = sigmoid(``W x + U h + b``) and so forth. Without
    rounds, or with matrices of zeros, it is the plain LSTM. The matrices are full, not of the
    low rank that the paper also tries. Gates lie in the order input, forget, candidate, output.
    """

    def __init__(self, input_size: int, hidden_size: int, rounds: Count = 4) -> None:
        super().__init__(hidden_size, states=(hidden_size, hidden_size))
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        initialise_gates(self.weight_input, self.weight_hidden, self.bias)
        of_input = torch.empty(input_size, hidden_size)
        self.gating = nn.ParameterList(
            nn.init.xavier_uniform_(torch.empty_like(of_input.T if number % 2 else of_input))
            for number in range(rounds)
        )
        self.kernel = _DynamicKernel()

    def project(self, x: Tensor) -> Tensor:
        """The input itself, since every step changes it; without rounds its share of the gates."""
        return x.contiguous() if self.gating else linear(x, self.weight_input, self.bias)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory = state
        for number, matrix in enumerate(self.gating):
            if number % 2:
                hidden = 2 * linear(inputs, matrix).sigmoid() * hidden
            else:
                inputs = 2 * linear(hidden, matrix).sigmoid() * inputs
        if self.gating:
            inputs = linear(inputs, self.weight_input, self.bias)
        gates = inputs + linear(hidden, self.weight_hidden)
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * memory.tanh(), memory

    def kernel_weights(self) -> tuple[Tensor, ...]:
        if not self.gating:
            return (self.weight_hidden,)
        # Columns in the order in which the last two rounds leave what they made.
        both = (self.weight_input, self.weight_hidden)
        both = both[::-1] if len(self.gating) % 2 else both
        return torch.cat(both, dim=1), *self.gating, self.bias


class _DynamicKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        made_widths, offsets = _made_widths(weights), inputs
        hidden_size = made_widths[0]
        if len(made_widths) > 1:
            offsets = weights[-1].expand(*inputs.shape[:2], 4 * hidden_size)
        gates = room(inputs, 4 * hidden_size, keep)
        memory = room(inputs, hidden_size, keep)
        states = room(inputs, hidden_size, keep=True)
        made, openings = (room(inputs, sum(of), keep) for of in (made_widths, made_widths[1:]))
        library.call(
            "dynamic_forward",
            _sizes(inputs, made_widths),
            (inputs, offsets, gates, memory, states, made, openings, *weights),
        )
        return (states,), (gates, memory, made, openings)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, *kept = saved
        _, made, openings = kept
        made_widths = _made_widths(weights)
        d_gates, d_openings, d_inputs = map(torch.empty_like, (gates, openings, inputs))
        library.call(
            "dynamic_backward",
            _sizes(inputs, made_widths),
            (inputs, gates, *gradients, *kept, d_gates, d_openings, d_inputs, *weights),
        )
        d_weight = weight_gradient(d_gates, made[..., -sum(made_widths[-2:]) :])
        if len(made_widths) == 1:
            return d_gates, d_weight
        d_gating = map(
            weight_gradient, d_openings.split(made_widths[1:], 2), made.split(made_widths, 2)
        )
        return d_inputs, d_weight, *d_gating, d_gates.sum((0, 1))


def _made_widths(weights: Sequence[Tensor]) -> list[int]:
    """Widths of the state before the step and of what each round makes, side by side."""
    hidden_size = weights[0].shape[0] // 4
    return [hidden_size, *(len(matrix) for matrix in weights[1:-1])]


def _sizes(inputs: Tensor, made_widths: Sequence[int]) -> tuple[int, ...]:
    hidden_size, *rounds = made_widths
    return (*inputs.shape[:2], hidden_size, inputs.shape[2] if rounds else 0, len(rounds))
