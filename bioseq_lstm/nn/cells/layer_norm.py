"""The LSTM whose gates and memory are normalised at every step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates

EPSILON = 1e-5  # added to each variance, which is 0 at the first step; also in layer_norm.h


class LayerNormCell(Cell):
    """LSTM with layer normalisation (Ba et al. 2016, supplementary equations 20 to 22).

    ``i, f, z, o`` = ``LN(W x) * g_x + LN(R h') * g_h + b``, where ``LN`` takes mean and standard
    deviation over all four gates of a step together; ``c = sigmoid(f) * c' + sigmoid(i) * tanh(z)``
    and ``h = sigmoid(o) * tanh(LN(c) * g_c + b_c)``. The paper's three summands ``b`` of the gates
    are one here. Gains ``g`` start at 1, that of the recurrence at .1 (as Cooijmans et al. 2017
    found for batch normalisation). Gates lie in the order input, forget, candidate, output.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size, states=(hidden_size, hidden_size))
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.gain_input = nn.Parameter(torch.ones(4 * hidden_size))
        # With 1, states of like rows part ways exponentially, down to the rounding of a number.
        self.gain_hidden = nn.Parameter(torch.full((4 * hidden_size,), 0.1))
        self.gain_memory = nn.Parameter(torch.ones(hidden_size))
        self.bias_memory = nn.Parameter(torch.zeros(hidden_size))
        initialise_gates(self.weight_input, self.weight_hidden, self.bias)
        self.kernel = _LayerNormKernel()

    def project(self, x: Tensor) -> Tensor:
        # Normalising here, for all steps at once, would take longer: a pass through memory more.
        return linear(x, self.weight_input)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, memory = state
        gates = normalised(inputs, self.gain_input, self.bias)
        gates = gates + normalised(linear(hidden, self.weight_hidden), self.gain_hidden)
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        seen = normalised(memory, self.gain_memory, self.bias_memory)
        return leave.sigmoid() * seen.tanh(), memory

    def kernel_weights(self) -> tuple[Tensor, ...]:
        affine = (self.gain_input, self.gain_hidden, self.bias, self.gain_memory, self.bias_memory)
        return self.weight_hidden, *affine


def normalised(x: Tensor, gain: Tensor, bias: Tensor | None = None) -> Tensor:
    """To mean 0 and variance 1 over the features, then ``* gain + bias``."""
    return layer_norm(x, x.shape[-1:], gain, bias, EPSILON)


class _LayerNormKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        hidden_size = weights[0].shape[1]
        widths = (4 * hidden_size, hidden_size, 6)  # the last: three means and scales
        recurrent, memory, scales = (room(inputs, width, keep) for width in widths)
        states = room(inputs, hidden_size, keep=True)
        library.call(
            "layer_norm_forward",
            (*inputs.shape[:2], hidden_size),
            (inputs, recurrent, memory, scales, states, *weights),
        )
        return (states,), (recurrent, memory, scales, states)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        recurrent, _, _, states = saved
        d_inputs, d_recurrent = torch.empty_like(recurrent), torch.empty_like(recurrent)
        small = [
            inputs.new_zeros(library.threads(len(inputs)), weight.numel()) for weight in weights[1:]
        ]
        library.call(
            "layer_norm_backward",
            (*inputs.shape[:2], states.shape[2]),
            (inputs, *saved[:3], *gradients, d_inputs, d_recurrent, *weights, *small),
        )
        d_weight = weight_gradient(d_recurrent, before(states))
        return d_inputs, d_weight, *(d_gain.sum(0) for d_gain in small)
