"""The plain, peephole and coupled LSTM as ONNX's own LSTM operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.onnx.ops import symbolic

from bioseq_lstm.nn.cells.gated import CoupledCell, PeepholeCell
from bioseq_lstm.nn.cells.lstm import LstmCell
from bioseq_lstm.nn.stacking import RecurrentStack

LSTM_VERSION = 14  # of the operator set in which ONNX last changed what its LSTM takes


@dataclass(frozen=True)
class OperatorWeights:
    """What ONNX's LSTM wants of one direction, gates in its order: input, output, forget, cell.

    ``inputs`` ``(4 x hidden, features)``, ``hidden`` ``(4 x hidden, hidden)``, ``bias`` of both
    ``(8 x hidden,)``, ``peephole`` ``(3 x hidden,)`` to input, output and forget gate, if any.
    ``coupled``: the forget gate is 1 - input gate, and its rows are not looked at.
    """

    inputs: Tensor
    hidden: Tensor
    bias: Tensor
    peephole: Tensor | None = None
    coupled: bool = False

    @classmethod
    def of(cls, cell: nn.Module) -> OperatorWeights | None:
        """The weights of a cell that the operator computes, None for any other."""
        if type(cell) is LstmCell:
            inputs, hidden, *biases = (_iofc(weight) for weight in cell.lstm.all_weights[0])
            return cls(inputs, hidden, torch.cat(biases))
        if type(cell) is PeepholeCell:
            weights = (cell.weight_input, cell.weight_hidden, cell.bias)
            inputs, hidden, bias = (_iofc(weight) for weight in weights)
            enter, forget, leave = cell.peephole
            sees = torch.cat([enter, leave, forget])
            return cls(inputs, hidden, torch.cat([bias, torch.zeros_like(bias)]), sees)
        if type(cell) is CoupledCell:
            weights = (cell.weight_input, cell.weight_hidden, cell.bias)
            inputs, hidden, bias = (_iofc(_with_forget(weight)) for weight in weights)
            enter, leave = cell.peephole
            learned = isinstance(cell.peephole, nn.Parameter)
            also = torch.cat([enter, leave, torch.zeros_like(enter)]) if learned else None
            return cls(inputs, hidden, torch.cat([bias, torch.zeros_like(bias)]), also, True)
        return None


def _iofc(weight: Tensor) -> Tensor:
    """From our order of gates along dim 0."""
    enter, forget, candidate, leave = weight.chunk(4)
    return torch.cat([enter, leave, forget, candidate])


def _with_forget(weight: Tensor) -> Tensor:
    """Three gates as four: rows of zeros for the forget gate, which comes of the input gate."""
    enter, others = weight.tensor_split([len(weight) // 3])
    return torch.cat([enter, torch.zeros_like(enter), others])


class LstmOperator(nn.Module):
    """One layer, in one or two directions, as ONNX's LSTM operator; for a graph alone.

    With its input ``sequence_lens`` the operator reverses each row within its own length.
    """

    inputs: Tensor
    hidden: Tensor
    bias: Tensor
    peephole: Tensor | None

    def __init__(self, directions: Sequence[OperatorWeights]) -> None:
        super().__init__()
        for name in ("inputs", "hidden", "bias", "peephole"):
            parts = [getattr(weights, name) for weights in directions]
            known = parts[0] is not None
            self.register_buffer(name, torch.stack(parts).detach() if known else None)
        self.directions, self.coupled = len(directions), directions[0].coupled

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, length, directions x hidden)``."""
        hidden_size = self.hidden.shape[2]
        states = symbolic(
            "LSTM",
            [
                *(x.transpose(0, 1), self.inputs, self.hidden, self.bias),
                *(lengths.to(torch.int32), None, None, self.peephole),
            ],
            {
                "direction": "bidirectional" if self.directions == 2 else "forward",
                "hidden_size": hidden_size,
                "input_forget": int(self.coupled),
            },
            dtype=x.dtype,
            shape=(x.shape[1], self.directions, x.shape[0], hidden_size),
            version=LSTM_VERSION,
        )
        return states.permute(2, 0, 1, 3).flatten(2)


class OperatorStack(nn.Module):
    """A ``RecurrentStack`` in evaluation, each layer one LSTM operator."""

    def __init__(self, layers: Sequence[LstmOperator], output_size: int) -> None:
        super().__init__()
        self.layers, self.output_size = nn.ModuleList(layers), output_size

    @classmethod
    def of(cls, stack: RecurrentStack) -> OperatorStack | None:
        """The same stack as operators, None if its cells are others."""
        directions = [side for side in (stack.forwards, stack.backwards) if len(side)]
        layers = []
        for cells in zip(*directions, strict=True):
            weights = [known for known in map(OperatorWeights.of, cells) if known is not None]
            if len(weights) < len(cells):
                return None
            layers.append(LstmOperator(weights))
        return cls(layers, stack.output_size)

    def forward(self, x: Tensor, steps: Tensor, mask: Tensor) -> Tensor:
        x = x.masked_fill(~mask, 0.0)
        for layer in self.layers:
            x = layer(x, steps).masked_fill(~mask, 0.0)
        return x
