"""The Skip LSTM, which learns at which steps to update its state."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates


class SkipCell(Cell):
    """LSTM that at each step either updates its state or copies it (Campos et al. 2018, eq. 2-5).

    A gate ``u`` = round(``g``) decides: ``c = u * C + (1 - u) * c'`` and ``h = u * H + (1 - u) *
    h'``, where ``C, H`` is what an LSTM makes of the input and of the state before, ``c', h'``.
    The memory says how soon the next update comes: with ``d`` = sigmoid(``w c + b``), the next
    step's ``g`` is ``u * d + (1 - u) * (g + min(d, 1 - g))``, which grows until it rounds to 1.
    ``g`` is 1 at the first step, which always updates. ``b`` starts at 1, as in the authors' code,
    and ``w`` at 0, so that at first every step updates, as in the plain LSTM. For the gradient,
    round counts as the identity (straight-through): it is not the function's own, which has jumps.

    In training ``penalty`` is ``budget`` times the number of updates of a sequence, the mean over
    the batch; steps of padding do not count. Each layer adds its own, in each direction.
    Gates lie in the order input, forget, candidate, output.

    An input that differs in its last bits can take another path where ``g`` is within rounding
    of 1/2; rows of a batch do not touch each other all the same.
    """

    emits = 2  # the state, and whether it was updated

    def __init__(self, input_size: int, hidden_size: int, budget: float = 1e-4) -> None:
        super().__init__(hidden_size, states=(hidden_size, 1, hidden_size, 1))
        self.budget = budget
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        self.weight_update = nn.Parameter(torch.zeros(1, hidden_size))
        self.bias_update = nn.Parameter(torch.ones(1))
        initialise_gates(self.weight_input, self.weight_hidden, self.bias)
        self.kernel = _SkipKernel()

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def start(self, inputs: Tensor) -> State:
        hidden, update, memory, chance = super().start(inputs)
        return hidden, update, memory, chance + 1

    def step(self, inputs: Tensor, state: State) -> State:
        hidden_before, _, memory_before, chance = state
        gates = inputs + linear(hidden_before, self.weight_hidden)
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        memory = forget.sigmoid() * memory_before + enter.sigmoid() * candidate.tanh()
        hidden = leave.sigmoid() * memory.tanh()

        # Exactly 0 or 1, so that what is copied stays the same to the last bit.
        update = chance.round().detach() + (chance - chance.detach())
        memory = update * memory + (1 - update) * memory_before
        hidden = update * hidden + (1 - update) * hidden_before

        # No matrix product, which under autocast would be rounded to bf16.
        more = ((memory * self.weight_update).sum(1, keepdim=True) + self.bias_update).sigmoid()
        waited = chance + torch.minimum(more, 1 - chance)
        return hidden, update, memory, update * more + (1 - update) * waited

    def finish(self, emitted: State, mask: Tensor) -> Tensor:
        states, updates = emitted
        self.penalty = None
        if self.training:
            self.penalty = self.budget * updates.masked_fill(~mask, 0.0).sum() / len(updates)
        return states

    def updates(self, x: Tensor, mask: Tensor) -> Tensor:
        """Whether each step updates, 1 or 0 (0 on padding): ``(batch, length, 1)``.

        ``x`` ``(batch, length, features)``; ``mask`` ``(batch, length, 1)``, False on padding.
        """
        inputs = self.project(x)
        emitted = self._run(inputs.to(torch.promote_types(inputs.dtype, torch.float32)))
        return emitted[1].masked_fill(~mask, 0.0)

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return self.weight_hidden, self.weight_update, self.bias_update


class _SkipKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        hidden_size = weights[0].shape[1]
        widths = (4 * hidden_size, hidden_size, 2)
        gates, memory, chances = (room(inputs, width, keep) for width in widths)
        states, updates = (room(inputs, width, keep=True) for width in (hidden_size, 1))
        library.call(
            "skip_forward",
            (*inputs.shape[:2], hidden_size, int(keep)),
            (inputs, gates, memory, chances, states, updates, *weights),
        )
        return (states, updates), (gates, memory, chances, states)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, memory, chances, states = saved
        d_gates, d_more = torch.empty_like(gates), room(inputs, 1, keep=True)
        library.call(
            "skip_backward",
            (*inputs.shape[:2], states.shape[2]),
            (gates, chances, *gradients, memory, states, d_gates, d_more, *weights[:2]),
        )
        d_hidden = weight_gradient(d_gates, before(states))
        return d_gates, d_hidden, weight_gradient(d_more, memory), d_more.sum((0, 1))
