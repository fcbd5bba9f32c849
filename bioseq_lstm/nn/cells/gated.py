"""The LSTM with peepholes, and with coupled input and forget gates."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates


class PeepholeCell(Cell):
    """LSTM whose gates see the memory (Gers & Schmidhuber 2000).

    ``i, f`` = sigmoid(``W x + R h' + p * c' + b``) look at the memory before, the output gate
    ``o`` = sigmoid(``W x + R h' + p * c + b``) at the new one, ``c = f * c' + i * z`` with the
    candidate ``z`` = tanh(``W x + R h' + b``); ``h = o * tanh(c)``. Peepholes ``p`` start at 0,
    so it starts out as the plain LSTM. Gates lie in the order input, forget, candidate, output.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size, states=(hidden_size, hidden_size))
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.peephole = nn.Parameter(torch.zeros(3, hidden_size))  # to input, forget, output
        initialise_gates(self.weight_input, self.weight_hidden, self.bias)
        self.kernel = _GatedKernel("peephole")

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory = state
        gates = inputs + linear(hidden, self.weight_hidden)
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        to_enter, to_forget, to_leave = self.peephole
        entering = (enter + to_enter * memory).sigmoid()
        memory = (forget + to_forget * memory).sigmoid() * memory + entering * candidate.tanh()
        return (leave + to_leave * memory).sigmoid() * memory.tanh(), memory

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return self.weight_hidden, self.peephole


class CoupledCell(Cell):
    """LSTM that forgets as much as it takes in: ``f = 1 - i`` (Greff et al. 2017, CIFG).

    With ``peephole`` the input gate sees the memory before and the output gate the new one.
    Gates lie in the order input, candidate, output.
    """

    def __init__(self, input_size: int, hidden_size: int, peephole: bool = False) -> None:
        super().__init__(hidden_size, states=(hidden_size, hidden_size))
        self.weight_input = nn.Parameter(torch.empty(3 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(3 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(3 * hidden_size))
        to_gates = torch.zeros(2, hidden_size)  # to input and output
        if peephole:
            self.peephole: Tensor = nn.Parameter(to_gates)
        else:
            self.register_buffer("peephole", to_gates, persistent=False)
        initialise_gates(self.weight_input, self.weight_hidden, self.bias, gates=3)
        with torch.no_grad():
            self.bias[:hidden_size] = -1.0  # memory is kept at first, as with a forget bias of 1
        self.kernel = _GatedKernel("coupled")

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory = state
        enter, candidate, leave = (inputs + linear(hidden, self.weight_hidden)).chunk(3, dim=1)
        to_enter, to_leave = self.peephole
        entering = (enter + to_enter * memory).sigmoid()
        memory = (1 - entering) * memory + entering * candidate.tanh()
        return (leave + to_leave * memory).sigmoid() * memory.tanh(), memory

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return self.weight_hidden, self.peephole


class _GatedKernel:
    def __init__(self, name: str) -> None:
        self.name = name

    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        hidden_size = weights[0].shape[1]
        gates, memory = (room(inputs, width, keep) for width in (inputs.shape[2], hidden_size))
        states = room(inputs, hidden_size, keep=True)
        library.call(
            f"{self.name}_forward",
            (*inputs.shape[:2], hidden_size),
            (inputs, gates, memory, states, *weights),
        )
        return (states,), (gates, memory, states)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, memory, states = saved
        d_gates = torch.empty_like(gates)
        parts = library.threads(len(inputs))
        d_peephole = inputs.new_zeros(parts, weights[1].numel())
        library.call(
            f"{self.name}_backward",
            (*inputs.shape[:2], states.shape[2]),
            (gates, *gradients, memory, d_gates, *weights, d_peephole),
        )
        d_weight = weight_gradient(d_gates, before(states))
        return d_gates, d_weight, d_peephole.sum(0).view_as(weights[1])
