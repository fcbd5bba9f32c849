"""A network rebuilt so that a graph can hold it: no size is fixed, and none a special case."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

from bioseq_lstm.nn.cells.multiplicative import Weight
from bioseq_lstm.nn.convlstm import ConvLstm
from bioseq_lstm.nn.operators import OperatorStack
from bioseq_lstm.nn.recurrence import State
from bioseq_lstm.nn.reversal import position_mask
from bioseq_lstm.nn.scan import through_scan
from bioseq_lstm.nn.stacking import RecurrentStack
from bioseq_lstm.nn.stems import Embedding


def exportable(network: nn.Module) -> nn.Module:
    """A copy of ``network`` in evaluation that computes the same and can be exported.

    Cells whose loop is ``recurrence.through_time`` stay as they are: while a graph is made,
    that loop is one operation.
    """
    return _rebuilt(copy.deepcopy(network).eval())


def _rebuilt(module: nn.Module) -> nn.Module:
    if isinstance(module, RecurrentStack):
        operators = OperatorStack.of(module)
        if operators is not None:
            return operators
    if isinstance(module, ConvLstm):
        return _WholeWindows(module)
    if isinstance(module, Weight):
        return module.folded()
    if isinstance(module, Embedding):
        module.__class__ = _GatheredEmbedding
    for name, child in module.named_children():
        setattr(module, name, _rebuilt(child))
    return module


class _GatheredEmbedding(Embedding):
    """K-mers by look-up: a view of them would tie the graph to how the rows lie in memory."""

    def tokens(self, codes: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        # Reading begins up to a stride later, and then there must be something left.
        return super().tokens(pad(codes, (0, self.stride - 1)), lengths)

    def windows(self, codes: Tensor) -> Tensor:
        return _windows(codes, self.kmer, self.stride)


class _WholeWindows(nn.Module):
    """A ConvLSTM over whole windows, however short the rows."""

    def __init__(self, encoder: ConvLstm) -> None:
        super().__init__()
        self.window, self.shift, self.stack = encoder.window, encoder.shift, encoder.stack
        self.output_size = encoder.output_size
        for directions in (self.stack.forwards, self.stack.backwards):
            for layer, direction in enumerate(directions):
                directions[layer] = _WindowByWindow(direction)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        mask = position_mask(lengths, x.shape[1])
        places = torch.arange(x.shape[1], device=x.device) + self.shift
        x, mask = pad(x, (0, 0, self.shift, 0)), pad(mask, (self.shift, 0))
        x, mask = (_windows(part, self.window, self.window) for part in (x, mask))
        steps = (lengths + self.shift + self.window - 1) // self.window
        states: Tensor = self.stack(x, steps, mask.unsqueeze(-1))
        return states[:, places // self.window, places % self.window]


class _WindowByWindow(nn.Module):
    """One direction of a ConvLSTM, its windows in one operation."""

    emits: ClassVar[int] = 1
    direction: Any

    def __init__(self, direction: nn.Module) -> None:
        super().__init__()
        self.direction = direction

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(batch, steps, window, features)`` -> ``(batch, steps, window, hidden)``."""
        batch, steps, window, features = x.shape
        weight, bias = self.direction.weight_input, self.direction.bias
        frames = x.transpose(2, 3).reshape(batch * steps, features, window)
        inputs = conv1d(frames, weight, bias, padding=weight.shape[2] // 2)
        inputs = inputs.view(batch, steps, len(weight), window)
        inputs = torch.cat([inputs, mask.transpose(2, 3).to(x.dtype)], dim=2)
        start = x.new_zeros(batch, len(weight) // 4, window)
        emitted, _ = through_scan(self, inputs, (start, start.clone()))
        return emitted[0].transpose(2, 3)

    def step(self, inputs: Tensor, state: State) -> State:
        """What lies outside the row holds no state that a later step could read."""
        hidden, cell = state
        weight = self.direction.weight_hidden
        gates, within = inputs.tensor_split([len(weight)], dim=1)
        gates = gates + conv1d(hidden, weight, padding=weight.shape[2] // 2)
        hidden, cell = self.direction._step(gates, cell)
        return hidden * within, cell * within


def _windows(x: Tensor, size: int, stride: int) -> Tensor:
    """``(batch, length, ...)`` -> ``(batch, windows, size, ...)``, zeros past the end.

    A window begins at every ``stride`` positions that the row has, so there is one at least.
    """
    starts = torch.arange((x.shape[1] - 1) // stride + 1, device=x.device) * stride
    wide = pad(x, (0, 0) * (x.dim() - 2) + (0, size - 1))
    return wide[:, starts.unsqueeze(1) + torch.arange(size, device=x.device)]
