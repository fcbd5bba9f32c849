"""States of sequences that differ from one sequence in one place, from what they share with it.

A forward recurrence is in the same state before the first letter that differs, a backward one after
the last. Past that place the states draw near to each other again, since gates forget; where they
have met, the rest is shared too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from bioseq_lstm.nn.cells.lstm import LstmCell
from bioseq_lstm.nn.cells.multiplicative import MultiplicativeCell
from bioseq_lstm.nn.network import SequenceEncoder
from bioseq_lstm.nn.recurrence import Cell, State
from bioseq_lstm.nn.reversal import reverse_within
from bioseq_lstm.nn.stacking import RecurrentEncoder

MET = 1e-6  # states that differ by no more have met
LOOK_EVERY = 16  # steps


class Steps(Protocol):
    """A recurrence step by step, as ``Cell`` tells it."""

    emits: ClassVar[int]

    def project(self, x: Tensor) -> Tensor: ...
    def start(self, inputs: Tensor) -> State: ...
    def step(self, inputs: Tensor, state: State) -> State: ...
    def finish(self, emitted: State, mask: Tensor) -> Tensor: ...


class _LstmSteps:
    """torch's LSTM by its equations, with its own weights."""

    emits: ClassVar[int] = 1

    def __init__(self, cell: LstmCell) -> None:
        self.weight_input, self.weight_hidden, first, second = cell.lstm.all_weights[0]
        self.bias, self.hidden_size = first + second, cell.hidden_size

    def project(self, x: Tensor) -> Tensor:
        return linear(x, self.weight_input, self.bias)

    def start(self, inputs: Tensor) -> State:
        zeros = inputs.new_zeros(len(inputs), self.hidden_size)
        return zeros, zeros

    def step(self, inputs: Tensor, state: State) -> State:
        enter, forget, candidate, leave = torch.addmm(
            inputs.expand(len(state[0]), -1), state[0], self.weight_hidden.T
        ).chunk(4, dim=1)
        memory = forget.sigmoid() * state[1] + enter.sigmoid() * candidate.tanh()
        return leave.sigmoid() * memory.tanh(), memory

    def finish(self, emitted: State, mask: Tensor) -> Tensor:
        return emitted[0]


def steps_of(encoder: SequenceEncoder) -> list[Steps] | None:
    """The one layer of an encoder, a direction each; None where states cannot be shared."""
    stack = encoder.encoder.stack if isinstance(encoder.encoder, RecurrentEncoder) else None
    if stack is None or len(stack.forwards) != 1:
        return None
    found: list[Steps] = []
    for cell in (*stack.forwards, *stack.backwards):
        if isinstance(cell, LstmCell):
            found.append(_LstmSteps(cell))
        # The state of that one holds a matrix that belongs to no row.
        elif isinstance(cell, Cell) and not isinstance(cell, MultiplicativeCell):
            found.append(cell)
        else:
            return None
    return found


@dataclass(frozen=True)
class _Path:
    """One direction over the wild type: its inputs (1, steps, width), its state after each step."""

    steps: Steps
    inputs: Tensor
    states: list[State]

    @classmethod
    def of(cls, steps: Steps, x: Tensor) -> _Path:
        inputs = steps.project(x)
        state, states = steps.start(inputs), []
        for now in inputs.unbind(dim=1):
            state = steps.step(now, state)
            states.append(state)
        return cls(steps, inputs, states)

    def emitted(self) -> list[Tensor]:
        """What was emitted at every step: each (1, steps, width)."""
        return [
            torch.stack([state[part] for state in self.states], dim=1)
            for part in range(self.steps.emits)
        ]

    def follow(self, window: Tensor, first: int) -> Tensor:
        """States (batch, steps, hidden) of sequences whose inputs differ from ``first`` on.

        ``window`` (batch, steps, features) is what stands there before the recurrence.
        """
        own = self.steps.project(window)
        count = len(own)
        emitted = [part.repeat(count, 1, 1) for part in self.emitted()]
        before = self.states[first - 1] if first else self.steps.start(self.inputs)
        state = tuple(part.expand(count, *part.shape[1:]).contiguous() for part in before)
        rows = torch.arange(count, device=own.device)
        last = first + own.shape[1]
        for place in range(first, len(self.states)):
            inputs = own[:, place - first] if place < last else self.inputs[:, place]
            if place >= last and (place - last) % LOOK_EVERY == 0:
                apart = self._apart(state, self.states[place - 1])
                rows, state = rows[apart], tuple(part[apart] for part in state)
                if not len(rows):
                    break
            state = self.steps.step(inputs.expand(len(rows), -1), state)
            for part, now in zip(emitted, state, strict=False):
                part[rows, place] = now
        mask = torch.ones(1, len(self.states), 1, dtype=torch.bool, device=own.device)
        return self.steps.finish(tuple(emitted), mask)

    @staticmethod
    def _apart(state: State, wild: State) -> Tensor:
        """Which rows have not met the wild type's state, bool (rows,)."""
        far = [
            (own - other).abs().flatten(1).amax(dim=1) > MET
            for own, other in zip(state, wild, strict=True)
        ]
        return torch.stack(far).any(dim=0)


class _Shared:
    """An encoder's forward for sequences of one length, most of whose letters are the wild's."""

    def __init__(self, encoder: SequenceEncoder, steps: list[Steps], codes: Tensor) -> None:
        self.encoder, self.length = encoder, codes.shape[1]
        lengths = torch.tensor([self.length], device=codes.device)
        self.tokens, self.counts = encoder.embedding.tokens(codes, lengths)
        x = self._features(self.tokens)
        backward = [reverse_within(x, self.counts)] if len(steps) == 2 else []
        self.paths = [_Path.of(own, view) for own, view in zip(steps, (x, *backward), strict=True)]
        self.reach = 0
        if encoder.stem is not None:
            weights = (p for p in encoder.stem.convolutions.parameters() if p.ndim == 3)
            self.reach = max(weight.shape[-1] // 2 for weight in weights)

    def _features(self, tokens: Tensor) -> Tensor:
        """What the recurrence gets of a stretch of tokens; wrong near an end that was cut."""
        x: Tensor = self.encoder.embedding.table(tokens)
        if self.encoder.stem is None:
            return x
        counts = torch.full((len(tokens),), tokens.shape[1], device=tokens.device)
        stemmed: Tensor = self.encoder.stem(x, counts)
        return stemmed

    def forward(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """As the encoder's: codes ``(batch, length)`` -> states, token counts."""
        if codes.shape[1] != self.length or bool((lengths != self.length).any()):
            raise ValueError("states are shared between sequences of one length alone")
        tokens, counts = self.encoder.embedding.tokens(codes, lengths)
        total = tokens.shape[1]
        differs = (tokens != self.tokens).any(dim=0).nonzero().flatten()
        first, last = (int(differs[0]), int(differs[-1]) + 1) if len(differs) else (0, 1)
        # A convolution carries a difference as far as it reaches, and reads as far around that.
        first, last = max(0, first - self.reach), min(total, last + self.reach)
        low, high = max(0, first - self.reach), min(total, last + self.reach)
        window = self._features(tokens[:, low:high])[:, first - low : last - low]
        states = [self.paths[0].follow(window, first)]
        if len(self.paths) == 2:
            states.append(self.paths[1].follow(window.flip(1), total - last).flip(1))
        joined = torch.cat(states, dim=-1)
        if self.encoder.attention is not None:
            joined = self.encoder.attention(joined, counts)
        return joined, counts


@contextmanager
def sharing(encoder: SequenceEncoder, codes: Tensor) -> Iterator[bool]:
    """Within, ``encoder`` reads only sequences like ``codes`` (1, length), and shares its states.

    Equal to the plain forward but for rounding, and for differences of at most ``MET`` between
    states that are then taken for one. Yields False, and changes nothing, where an encoder has
    several layers or is no recurrence over single steps. For networks in evaluation, without
    gradients.
    """
    steps = steps_of(encoder)
    if steps is None:
        yield False
        return
    shared = _Shared(encoder, steps, codes)
    module: nn.Module = encoder
    module.forward = shared.forward
    try:
        yield True
    finally:
        del module.forward
