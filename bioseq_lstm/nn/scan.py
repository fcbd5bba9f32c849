"""The time loop as one operation, for export: its length is then no part of the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from bioseq_lstm.nn.recurrence import State


class Stepwise(Protocol):
    """A module that goes on step by step, such as a ``Cell``."""

    emits: ClassVar[int]

    def step(self, inputs: Tensor, state: State) -> State: ...


class _Step(nn.Module):
    """A cell's step under the name that ``functional_call`` knows."""

    def __init__(self, cell: Stepwise) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, inputs: Tensor, *state: Tensor) -> State:
        return self.cell.step(inputs, state)


def through_scan(cell: Stepwise, inputs: Tensor, state: State) -> tuple[State, State]:
    """``recurrence.through_time`` as torch's ``scan``, which ONNX writes as its ``Scan``.

    What a step uses besides its input and its state must be a parameter or a buffer of the cell:
    all of them are handed to the loop. The operator is called below torch's public ``scan``,
    since that compiles the step first and fails where a step unpacks a parameter.
    """
    # Here, not above: it is private to torch, and only an export should depend on it.
    from torch._higher_order_ops.scan import scan_op

    step = _Step(cell)
    tensors = {**dict(step.named_parameters()), **dict(step.named_buffers())}
    after = cell.step(inputs[:, 0], state)
    # Matrices may come along with the state; what no step changes need not be copied by each.
    moves = [new is not old for new, old in zip(after, state, strict=True)]
    still = [part for part, moving in zip(state, moves, strict=True) if not moving]
    start = [_own(part) for part, moving in zip(state, moves, strict=True) if moving]

    def body(*flat: Tensor) -> list[Tensor]:
        changed, now, given = flat[: len(start)], flat[len(start)], flat[len(start) + 1 :]
        changing, fixed, weights = iter(changed), iter(given[: len(still)]), given[len(still) :]
        before = [next(changing if moving else fixed) for moving in moves]
        named = dict(zip(tensors, weights, strict=True))
        after = torch.func.functional_call(step, named, (now, *before))
        kept = [part for part, moving in zip(after, moves, strict=True) if moving]
        return [_own(part) for part in (*kept, *after[: cell.emits])]

    found = scan_op(body, start, [inputs.transpose(0, 1)], (*still, *tensors.values()))
    changing, fixed = iter(found[: len(start)]), iter(still)
    last = tuple(next(changing if moving else fixed) for moving in moves)
    return tuple(part.transpose(0, 1) for part in found[len(start) :]), last


def _own(part: Tensor) -> Tensor:
    """In memory of its own, and in order there: ``scan`` wants both of all that changes."""
    return part.clone(memory_format=torch.contiguous_format)
