"""The multiplicative LSTM, whose input decides by which matrix the state goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize, pad

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates


class MultiplicativeCell(Cell):
    """LSTM over ``m = (W_f x) * (W_r h')`` in place of the state (Krause et al. 2016).

    ``i, f, o`` = sigmoid(``W x + M m + b``), candidate ``z`` = tanh(``W x + M m + b``),
    ``c = f * c' + i * z``, ``h = o * tanh(c)``, as in UniRep (Alley et al. 2019). What an input
    gives are the four gates, in the order input, forget, candidate, output, and then the factor
    ``W_f x``, which has no bias. With ``weight_norm`` every matrix is ``g * v / |v|`` per row.

    Either way it starts as the same function: ``M W_r`` orthogonal per gate, and rows of ``W_f``
    of length 1, so that inputs of unit variance on average keep the size of what comes back.
    """

    def __init__(self, input_size: int, hidden_size: int, weight_norm: bool = True) -> None:
        super().__init__(hidden_size, states=(hidden_size, hidden_size))
        gates = torch.empty(4 * hidden_size, input_size)
        mixed = torch.empty(4 * hidden_size, hidden_size)
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        initialise_gates(gates, mixed, self.bias)
        factor = normalize(torch.randn(hidden_size, input_size), dim=1)
        state = nn.init.orthogonal_(torch.empty(hidden_size, hidden_size))
        self.from_input = Weight(torch.cat([gates, factor]), weight_norm)
        self.from_state = Weight(state, weight_norm)
        self.from_mixed = Weight(mixed, weight_norm)
        self.kernel = _MultiplicativeKernel()

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.from_input(), pad(self.bias, (0, self.hidden_size)))

    def start(self, inputs: Tensor) -> State:
        """Matrices to be normalised come along with the state, so that they are but once."""
        matrices = () if self.from_state.gain is None else self.kernel_weights()
        return (*super().start(inputs), *matrices)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory, *matrices = state
        from_state, from_mixed = matrices or self.kernel_weights()
        sums, factor = inputs.split([4 * self.hidden_size, self.hidden_size], dim=1)
        sums = sums + linear(factor * linear(hidden, from_state), from_mixed)
        enter, forget, candidate, leave = sums.chunk(4, dim=1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * memory.tanh(), memory, *matrices

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return self.from_state(), self.from_mixed()


class Weight(nn.Module):
    """A matrix; if ``normed``, lengths and directions of its rows are learned apart.

    ``gain * matrix / |matrix|`` per row, the weight normalisation of Salimans & Kingma 2016.
    """

    def __init__(self, matrix: Tensor, normed: bool) -> None:
        super().__init__()
        self.matrix = nn.Parameter(matrix)
        self.gain = nn.Parameter(matrix.norm(dim=1, keepdim=True)) if normed else None

    def forward(self) -> Tensor:
        if self.gain is None:
            return self.matrix
        return self.gain * normalize(self.matrix, dim=1)

    def folded(self) -> Weight:
        """The same matrix as one, for use without training."""
        return Weight(self().detach(), normed=False)


class _MultiplicativeKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        hidden_size = weights[0].shape[0]
        gates = room(inputs, 4 * hidden_size, keep)
        memory, recurrent = (room(inputs, hidden_size, keep) for _ in range(2))
        states = room(inputs, hidden_size, keep=True)
        mixed = room(inputs, hidden_size, keep=False)
        library.call(
            "multiplicative_forward",
            (*inputs.shape[:2], hidden_size),
            (inputs, gates, memory, states, recurrent, mixed, *weights),
        )
        return (states,), (gates, memory, states, recurrent)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, memory, states, recurrent = saved
        d_inputs, d_recurrent = torch.empty_like(inputs), torch.empty_like(recurrent)
        library.call(
            "multiplicative_backward",
            (*inputs.shape[:2], states.shape[2]),
            (inputs, gates, *gradients, memory, recurrent, d_inputs, d_recurrent, *weights),
        )
        d_gates, factor = d_inputs[..., : gates.shape[2]], inputs[..., gates.shape[2] :]
        d_from_state = weight_gradient(d_recurrent, before(states))
        return d_inputs, d_from_state, weight_gradient(d_gates, factor * recurrent)
