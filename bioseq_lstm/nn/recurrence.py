"""One time loop for all cells: step by step in torch, in C++, compiled for a GPU, or exported."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad

from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.scan import through_scan

State = tuple[Tensor, ...]
CHUNK = 8  # steps that are compiled into one program for a GPU


class Kernel(Protocol):
    """A cell's time loop in C++, and its gradient.

    ``forward`` gives what the cell emits, and what ``backward`` needs; it keeps the latter for
    all steps only if ``keep``. ``backward`` gives the gradients of the inputs and of each weight.
    """

    def forward(
        self, inputs: Tensor, weights: Sequence[Tensor], keep: bool
    ) -> tuple[State, State]: ...

    def backward(
        self, inputs: Tensor, weights: Sequence[Tensor], saved: State, gradients: State
    ) -> State: ...


class Cell(nn.Module, ABC):
    """One layer of a recurrence in one direction, told step by step.

    A cell says what its steps take from the input, for all of them at once (``project``), and
    how one step changes the state (``step``). The state is a tuple of tensors ``(batch, ...)``;
    its first ``emits`` parts are kept at every step, the first of all is the output.

    ``states`` are the widths of the state's parts, which begin as zeros. ``kernel`` is the same
    loop in C++, if there is one; it takes ``kernel_weights()``.

    In export the sizes that ``project``, ``start``, ``step`` and ``finish`` see are symbols:
    ``inputs.shape[0]`` stays one, ``len(inputs)`` would fix the batch. A step uses no tensor but
    what it is given and the cell's own parameters and buffers.
    """

    emits: ClassVar[int] = 1
    kernel: Kernel | None = None
    penalty: Tensor | None = None  # what the last forward in training adds to the loss

    def __init__(self, hidden_size: int, states: Sequence[int]) -> None:
        super().__init__()
        self.hidden_size, self.states = hidden_size, tuple(states)

    @abstractmethod
    def project(self, x: Tensor) -> Tensor:
        """``(batch, length, features)`` -> what each step gets, ``(batch, length, width)``."""

    @abstractmethod
    def step(self, inputs: Tensor, state: State) -> State:
        """One step's share of ``project``'s result ``(batch, width)`` and the state before."""

    def start(self, inputs: Tensor) -> State:
        """The state before the first step, given all steps' inputs ``(batch, length, width)``."""
        return tuple(inputs.new_zeros(inputs.shape[0], width) for width in self.states)

    def finish(self, emitted: State, mask: Tensor) -> Tensor:
        """What was emitted, each ``(batch, length, ...)``, to the states that go out."""
        return emitted[0]

    def kernel_weights(self) -> tuple[Tensor, ...]:
        return ()

    def begin_epoch(self, epoch: int) -> None:
        """For what changes as training goes on; epochs count from 0."""

    def engine(self, device: torch.device) -> str:
        """What runs its time loop on a device: ``cpp``, ``compiled``, else ``torch``."""
        if device.type == "cuda":
            return "compiled"
        return "cpp" if self.kernel is not None and library.available() else "torch"

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, length, hidden)``."""
        inputs = self.project(x)
        # Under bf16 autocast a product may be bf16; the memory is kept in full precision.
        inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
        return self.finish(self._run(inputs), mask)

    def _run(self, inputs: Tensor) -> State:
        if inputs.is_cuda:
            return self._in_compiled_chunks(inputs)
        exporting = torch.compiler.is_exporting()  # a graph cannot hold our C++
        if self.kernel is not None and not exporting and library.available():
            weights = self.kernel_weights()
            keep = torch.is_grad_enabled() and any(t.requires_grad for t in (inputs, *weights))
            emitted: State = _InCpp.apply(self.kernel, keep, inputs, *weights)
            return emitted
        return through_time(self, inputs, self.start(inputs))[0]

    def _in_compiled_chunks(self, inputs: Tensor) -> State:
        """A launch for each small operation is what makes a loop slow on a GPU."""
        state, chunks = self.start(inputs), []
        for chunk in inputs.split(CHUNK, dim=1):
            loop = _compiled_through_time if chunk.shape[1] == CHUNK else through_time
            emitted, state = loop(self, chunk, state)
            chunks.append(emitted)
        return tuple(torch.cat(parts, dim=1) for parts in zip(*chunks, strict=True))


def through_time(cell: Cell, inputs: Tensor, state: State) -> tuple[State, State]:
    """The time loop: inputs ``(batch, length, width)`` -> what is emitted, and the last state."""
    if torch.compiler.is_exporting():
        return through_scan(cell, inputs, state)
    kept: list[State] = []
    for inputs_now in inputs.unbind(dim=1):
        state = cell.step(inputs_now, state)
        kept.append(state[: cell.emits])
    return tuple(torch.stack(parts, dim=1) for parts in zip(*kept, strict=True)), state


_compiled_through_time = torch.compile(through_time)


class _InCpp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, kernel: Kernel, keep: bool, inputs: Tensor, *weights: Tensor) -> State:
        weights = tuple(weight.contiguous() for weight in weights)
        emitted, saved = kernel.forward(inputs, weights, keep)
        if keep:
            ctx.kernel, ctx.count = kernel, len(weights)
            ctx.save_for_backward(inputs, *weights, *saved)
        return emitted

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        inputs, *others = ctx.saved_tensors
        weights, saved = others[: ctx.count], tuple(others[ctx.count :])
        ready = tuple(gradient.contiguous() for gradient in gradients)
        return (None, None, *ctx.kernel.backward(inputs, weights, saved, ready))


def begin_epoch(network: nn.Module, epoch: int) -> None:
    """Tell every cell of a network which epoch begins."""
    for module in network.modules():
        if isinstance(module, Cell):
            module.begin_epoch(epoch)


def engine(network: nn.Module, device: torch.device) -> str:
    """What runs a network's time loops on a device: ``cpp``, ``compiled``, else ``torch``."""
    found = {module.engine(device) for module in network.modules() if isinstance(module, Cell)}
    return " and ".join(sorted(found)) or "torch"


def penalties(network: nn.Module) -> Tensor | float:
    """What the cells of a network want added to the loss of the batch just seen."""
    found = [m.penalty for m in network.modules() if isinstance(m, Cell) and m.penalty is not None]
    return torch.stack(found).sum() if found else 0.0


def room(like: Tensor, width: int, keep: bool) -> Tensor:
    """Space for features ``(batch, length, width)``, of one step alone unless ``keep``."""
    batch, length = like.shape[:2]
    if keep:
        return like.new_empty(batch, length, width)
    return like.new_empty(batch, 1, width).expand(batch, length, width)


def before(states: Tensor) -> Tensor:
    """The state before each step, zeros before the first: ``(batch, length, hidden)``."""
    return pad(states[:, :-1], (0, 0, 1, 0))


def weight_gradient(d_outputs: Tensor, inputs: Tensor) -> Tensor:
    """Gradient of ``W`` in ``outputs = W inputs`` over all rows and steps, in one product.

    ``(batch, length, n)`` and ``(batch, length, k)`` -> ``(n, k)``.
    """
    return d_outputs.flatten(0, 1).T @ inputs.flatten(0, 1)
