"""The hierarchical multiscale LSTM: levels that move on only where the level below ends."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, before, room
from bioseq_lstm.nn.stacking import initialise_gates

# A sum of about -.5 is seldom above 0, and well within -1 to 1, where the boundary can learn.
RARE = -0.5


class HierarchicalCell(Cell):
    """HM-LSTM (Chung, Ahn & Bengio 2017, equations 1 to 7): levels of LSTMs and boundaries.

    Level ``l`` tells by a boundary ``z`` of 0 or 1 that a segment ends. With ``f, i, o`` =
    sigmoid, ``g`` = tanh of the sums ``U h' + z' V h'(l + 1) + z(l - 1) W h(l - 1) + b`` (primes:
    a step before; the input stands for ``h(0)``, and ``z(0)`` is 1), a step of level ``l`` is

    - FLUSH, ``c = i * g``, where it ended a segment the step before: ``z' = 1``;
    - UPDATE, ``c = f * c' + i * g``, else, where the level below ends one now: ``z(l - 1) = 1``;
    - COPY, ``c = c'`` and ``h = h'``, bit for bit, everywhere else.

    Unless it copies, ``h = o * tanh(c)``. ``z`` is 1 where a fifth sum ``s`` is above 0. Its
    gradient is straight-through: that of the hard sigmoid (``slope * s`` + 1) / 2 between 0 and 1,
    whose slope grows with the epochs, 1 + .04 each up to 5. The three cases, too, are
    differentiated by ``z``, as the one function linear in each boundary that goes through them:
    otherwise a level that copies would never tell the one below that it should have moved. The
    topmost level has no boundary, and nothing above it.

    With ``stride``, level ``l`` (from 1) ends a segment every ``stride ** l`` steps instead.

    What goes out is the paper's output module: ReLU of the sum over levels of
    ``sigmoid(w(l) [h(1) .. h(L)]) * W(l) h(l)``, of ``hidden_size`` as each level is.

    Boundaries are rare at first and forget gates open, so that memory is kept. A sum within
    rounding of 0 may fall to either side of a boundary in batches of another shape.

    Raises ``UserError`` for fewer than two levels or an impossible stride.
    """

    emits = 2

    def __init__(
        self, input_size: int, hidden_size: int, levels: int = 2, stride: int | None = None
    ) -> None:
        if levels < 2:
            raise UserError(f"encoder hierarchical: levels is {levels}: take 2 or more, or lstm")
        if stride is not None and (type(stride) is not int or stride < 1):
            raise UserError(
                f"encoder hierarchical: stride is {stride!r}: write a whole number from 1 on, "
                "or null to learn the boundaries"
            )
        wide = levels * hidden_size
        counter = () if stride is None else (1,)
        super().__init__(hidden_size, states=(wide, levels - 1, wide, *counter))
        self.levels, self.stride = levels, stride
        # Sums of each level: input, forget, candidate, output; a learned boundary, but on top.
        sums = [4 * hidden_size + (stride is None)] * (levels - 1) + [4 * hidden_size]
        self.weight_input = nn.Parameter(torch.empty(sums[0], input_size))
        self.weight_hidden = _weights(sums, hidden_size)
        self.weight_down = _weights(sums[:-1], hidden_size)  # from the level above
        self.weight_up = _weights(sums[1:], hidden_size)  # from the level below
        self.bias = nn.ParameterList(torch.zeros(count) for count in sums)
        self.weight_gate = nn.Parameter(torch.empty(levels, wide))
        self.weight_output = nn.Parameter(torch.empty(hidden_size, wide))
        self.slope: Tensor
        self.register_buffer("slope", torch.ones(1), persistent=False)
        self.kernel = _HierarchicalKernel(hidden_size, levels, stride)
        self._initialise()

    def _initialise(self) -> None:
        gates = 4 * self.hidden_size
        below = (self.weight_input, *self.weight_up)
        with torch.no_grad():
            nn.init.xavier_uniform_(self.weight_gate)
            for part in self.weight_output.split(self.hidden_size, dim=1):
                nn.init.xavier_uniform_(part)
            for weight in (*below, *self.weight_hidden, *self.weight_down):
                for part in weight.split(self.hidden_size):
                    nn.init.xavier_uniform_(part)
            for weight, hidden, bias in zip(below, self.weight_hidden, self.bias, strict=True):
                initialise_gates(weight[:gates], hidden[:gates], bias[:gates])
                bias[gates:] = RARE

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias[0])

    def step(self, inputs: Tensor, state: State) -> State:
        hidden_before, boundaries_before, memory_before, *count = state
        h_before = hidden_before.chunk(self.levels, dim=1)
        c_before = memory_before.chunk(self.levels, dim=1)
        ended_before: list[Tensor | float] = [*boundaries_before.chunk(self.levels - 1, dim=1), 0.0]
        count = [steps + 1 for steps in count]
        h: list[Tensor] = []
        c: list[Tensor] = []
        ended: list[Tensor] = []
        for level in range(self.levels):
            sums = linear(h_before[level], self.weight_hidden[level])
            sums = sums + (self.bias[level] if level else inputs)
            flush, opened = ended_before[level], ended[-1] if level else 1.0
            if level:
                sums = sums + opened * linear(h[-1], self.weight_up[level - 1])
            if level < self.levels - 1:
                sums = sums + flush * linear(h_before[level + 1], self.weight_down[level])
                ended.append(self._ends(level, sums, count))
            moved = self._move(sums, h_before[level], c_before[level], flush, opened)
            h.append(moved[0])
            c.append(moved[1])
        return torch.cat(h, dim=1), torch.cat(ended, dim=1), torch.cat(c, dim=1), *count

    def _move(
        self,
        sums: Tensor,
        hidden: Tensor,
        memory: Tensor,
        flush: Tensor | float,
        opened: Tensor | float,
    ) -> tuple[Tensor, Tensor]:
        """Both boundaries are 0 or 1: a product with 0, and a sum with it, is exact."""
        enter, forget, candidate, leave, *_ = sums.split(self.hidden_size, dim=1)
        leave, flushed = leave.sigmoid(), enter.sigmoid() * candidate.tanh()
        updated = forget.sigmoid() * memory + flushed
        copy, update = (1 - flush) * (1 - opened), (1 - flush) * opened
        hidden = copy * hidden + leave * (update * updated.tanh() + flush * flushed.tanh())
        return hidden, copy * memory + update * updated + flush * flushed

    def _ends(self, level: int, sums: Tensor, count: Sequence[Tensor]) -> Tensor:
        """The boundary of a level, given its sums and which step it is, from 1."""
        if self.stride is not None:
            ended = torch.remainder(count[0], self.stride ** (level + 1)) == 0
            return ended.to(sums.dtype)
        above = sums[:, 4 * self.hidden_size :]
        soft = ((self.slope * above + 1) / 2).clamp(0, 1)
        return (above > 0).to(sums.dtype) + (soft - soft.detach())

    def finish(self, emitted: State, mask: Tensor) -> Tensor:
        hidden = emitted[0]
        gates = linear(hidden, self.weight_gate).sigmoid().unsqueeze(-1)
        gated = (gates * hidden.unflatten(-1, (self.levels, self.hidden_size))).flatten(-2)
        return linear(gated, self.weight_output).relu()

    def inspect(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the output is made of: every level's states, and where its segments end.

        ``(batch, length, levels, hidden)``, and 0 or 1 ``(batch, length, levels - 1)``.
        """
        hidden, boundaries = self._run(self.project(x))
        return hidden.unflatten(-1, (self.levels, self.hidden_size)), boundaries

    def begin_epoch(self, epoch: int) -> None:
        self.slope.fill_(min(5.0, 1 + 0.04 * epoch))

    def kernel_weights(self) -> tuple[Tensor, ...]:
        weights = (*self.weight_hidden, *self.weight_down, *self.weight_up, *self.bias[1:])
        return *weights, self.slope


def _weights(counts: Sequence[int], hidden_size: int) -> nn.ParameterList:
    return nn.ParameterList(torch.empty(count, hidden_size) for count in counts)


class _HierarchicalKernel:
    def __init__(self, hidden_size: int, levels: int, stride: int | None) -> None:
        self.hidden_size, self.levels, self.stride = hidden_size, levels, stride

    def forward(self, inputs: Tensor, weights: Sequence[Tensor], keep: bool) -> tuple[State, State]:
        wide, width = self.levels * self.hidden_size, inputs.shape[2]
        hidden = room(inputs, wide, keep=True)
        boundaries = room(inputs, self.levels - 1, keep=True)
        # Gates, memory, which levels were computed, and derivatives of the boundaries.
        widths = (self.levels * width, wide, self.levels, self.levels - 1)
        kept = tuple(room(inputs, features, keep) for features in widths)
        library.call(
            "hierarchical_forward",
            (*self._sizes(inputs), int(keep)),
            (inputs, hidden, boundaries, *kept, *weights),
        )
        return (hidden, boundaries), (hidden, boundaries, *kept)

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State:
        hidden, boundaries, gates, _, computed, _ = saved
        d_sums = torch.empty_like(gates)
        library.call(
            "hierarchical_backward",
            self._sizes(inputs),
            (*saved, *gradients, d_sums, *weights),
        )
        width = inputs.shape[2]
        d_levels = [*d_sums.split(width, dim=2)]
        d_levels[-1] = d_levels[-1][..., : 4 * self.hidden_size]
        h, z = hidden.split(self.hidden_size, dim=2), boundaries.unbind(dim=2)
        h_before = before(hidden).split(self.hidden_size, dim=2)
        z_before = before(boundaries).unbind(dim=2)
        top = self.levels - 1
        return (
            d_levels[0],
            *map(_gradient_where, computed.unbind(dim=2), d_levels, h_before),
            *map(_gradient_where, z_before, d_levels[:top], h_before[1:]),
            *map(_gradient_where, z, d_levels[1:], h[:top]),
            *map(_sum_where, computed.unbind(dim=2)[1:], d_levels[1:]),
            torch.zeros_like(weights[-1]),
        )

    def _sizes(self, inputs: Tensor) -> tuple[int, ...]:
        return *inputs.shape[:2], self.hidden_size, self.levels, self.stride or 0


def _gradient_where(chosen: Tensor, d_sums: Tensor, states: Tensor) -> Tensor:
    """``weight_gradient`` over those rows and steps alone where ``chosen`` is not 0."""
    return _where(chosen, d_sums).T @ _where(chosen, states)


def _sum_where(chosen: Tensor, d_sums: Tensor) -> Tensor:
    return _where(chosen, d_sums).sum(0)


def _where(chosen: Tensor, features: Tensor) -> Tensor:
    """``(batch, length, features)`` -> ``(chosen rows and steps, features)``."""
    rows, features = chosen.flatten().nonzero().squeeze(1), features.flatten(0, 1)
    return features if len(rows) == len(features) else features.index_select(0, rows)
