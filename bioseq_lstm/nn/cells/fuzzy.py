"""The fuzzy LSTM: rules of Takagi and Sugeno say which gates count."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room, weight_gradient
from bioseq_lstm.nn.stacking import initialise_gates

FEATURES = 8  # that memberships look at: few, so that they cost little beside the gates


class FuzzyCell(Cell):
    """LSTM whose gates are blended from those of several rules, by how well each rule fits.

    A Takagi-Sugeno system of first order (Takagi & Sugeno 1985) computes what an LSTM's gates
    and candidate are made of. Rule ``k`` of ``K`` says: if the features ``a = P x + Q h' + p`` are
    like ``m_k``, then the sums under the sigmoids and the tanh are ``W_k x + R_k h' + b_k``.
    These sums are blended, ``sum over k of f_k * (W_k x + R_k h' + b_k)``, with the firing ``f``
    of the rules, and then an LSTM goes on: one memory, one state for all rules together.

    Memberships are Gaussian and a rule's strength is their geometric mean over the features,
    ``log s_k`` = mean over ``d`` of ``-((a_d - m_kd) / w_kd)^2 / 2``; firing is the softmax of
    ``log s``, so it sums to 1 and cannot underflow (Cui, Wu & Xu 2021, HTSK). Putting this system
    into an LSTM, and letting it look at a projection of ``x`` and ``h'``, is our own.

    With one rule, or with rules that say the same, it is the plain LSTM. Every rule starts as an
    LSTM of its own. Rows of ``weight_input``, ``weight_hidden`` and ``bias``: of each rule the
    gates in the order input, forget, candidate, output, and last the features.
    """

    emits = 2  # the state, and the firing of the rules

    def __init__(self, input_size: int, hidden_size: int, rules: int = 3) -> None:
        super().__init__(hidden_size, states=(hidden_size, rules, hidden_size))
        self.rules = rules
        gates = 4 * hidden_size
        width = rules * gates + FEATURES
        self.weight_input = nn.Parameter(torch.empty(width, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(width, hidden_size))
        self.bias = nn.Parameter(torch.zeros(width))
        self.centre = nn.Parameter(torch.randn(rules, FEATURES))
        self.log_width = nn.Parameter(torch.zeros(rules, FEATURES))
        inputs, hidden, bias = (
            w.detach() for w in (self.weight_input, self.weight_hidden, self.bias)
        )
        for first in range(0, rules * gates, gates):
            own = slice(first, first + gates)
            initialise_gates(inputs[own], hidden[own], bias[own])
        for weight in (inputs, hidden):
            nn.init.xavier_uniform_(weight[-FEATURES:])
        self.kernel = _FuzzyKernel()

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def step(self, inputs: Tensor, state: State) -> State:
        hidden, _, memory = state
        sums = inputs + linear(hidden, self.weight_hidden)
        of_rules, features = sums.split([sums.shape[1] - FEATURES, FEATURES], dim=1)
        away = (features.unsqueeze(1) - self.centre) * torch.exp(-self.log_width)
        firing = torch.softmax(-away.square().mean(2) / 2, dim=1)
        blended = (firing.unsqueeze(2) * of_rules.unflatten(1, (self.rules, -1))).sum(1)
        enter, forget, candidate, leave = blended.chunk(4, dim=1)
        memory = forget.sigmoid() * memory + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * memory.tanh(), firing, memory

    def firing(self, x: Tensor, mask: Tensor) -> Tensor:
        """How much each rule counts at each step: ``(batch, length, rules)``, sums of 1.

        ``x`` ``(batch, length, features)``; ``mask`` ``(batch, length, 1)``, False on padding,
        where firing is 0.
        """
        inputs = self.project(x)
        emitted = self._run(inputs.to(torch.promote_types(inputs.dtype, torch.float32)))
        return emitted[1].masked_fill(~mask, 0.0)

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return self.weight_hidden, self.centre, torch.exp(-self.log_width)


def uncertainty(firing: Tensor) -> Tensor:
    """How undecided the rules are: their entropy, 0 if one alone fires, 1 if all alike.

    ``(batch, length, rules)``, as from ``FuzzyCell.firing``, -> ``(batch, length)``. A single
    rule is never in doubt: 0. So is padding.
    """
    most = math.log(max(firing.shape[-1], 2))
    return torch.special.entr(firing).sum(-1) / most


class _FuzzyKernel:
    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        hidden_size, (rules, features) = weights[0].shape[1], weights[1].shape
        widths = (4 * hidden_size, hidden_size, features)
        gates, memory, seen = (room(inputs, width, keep) for width in widths)
        states, firing = (room(inputs, width, keep=True) for width in (hidden_size, rules))
        library.call(
            "fuzzy_forward",
            (*inputs.shape[:2], hidden_size, rules, features),
            (inputs, gates, memory, seen, states, firing, *weights),
        )
        return (states, firing), (gates, memory, seen, states, firing)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        gates, memory, seen, states, firing = saved
        d_inputs = torch.empty_like(inputs)
        parts = library.threads(len(inputs))
        d_centre, d_precision = (inputs.new_zeros(parts, weights[1].numel()) for _ in range(2))
        library.call(
            "fuzzy_backward",
            (*inputs.shape[:2], states.shape[2], *weights[1].shape),
            (
                *(inputs, gates, seen, firing, *gradients, memory, states, d_inputs),
                *(*weights, d_centre, d_precision),
            ),
        )
        d_hidden = weight_gradient(d_inputs, before(states))
        d_memberships = (d.sum(0).view_as(weights[1]) for d in (d_centre, d_precision))
        return d_inputs, d_hidden, *d_memberships
