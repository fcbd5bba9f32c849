"""What every recurrent encoder shares: layers, two directions, dropout, exact padding."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bioseq_lstm.nn.reversal import position_mask, reverse_within


class SequenceDropout(nn.Module):
    """Dropout with one mask per sequence, the same at every step (Gal & Ghahramani 2016).

    A mask drawn anew at each step would be averaged away along the recurrence.
    Takes ``(batch, steps, ..., features)``; what is dropped is a feature of a whole row.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return x
        shape = (x.shape[0], *(1 for _ in x.shape[1:-1]), x.shape[-1])
        return x * nn.functional.dropout(x.new_ones(shape), self.probability)


class RecurrentStack(nn.Module):
    """Layers of a one-directional recurrence, run over each row from both of its ends.

    ``direction(input_size)`` makes one recurrence: a module ``(x, mask) -> states`` that reads
    ``x`` ``(batch, steps, ..., features)`` in the order of its steps and whose state at a step
    depends on no later one. The backward direction gets every row reversed within its own
    number of steps, so that padding always comes after what is real and cannot reach it.
    """

    def __init__(
        self,
        direction: Callable[[int], nn.Module],
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        if dropout and num_layers == 1:
            warnings.warn(
                f"encoder: dropout {dropout} acts between layers and num_layers is 1: no effect",
                stacklevel=3,
            )
        self.output_size = 2 * hidden_size if bidirectional else hidden_size
        sizes = [input_size] + [self.output_size] * (num_layers - 1)
        self.forwards = nn.ModuleList(direction(size) for size in sizes)
        self.backwards = nn.ModuleList(direction(size) for size in sizes if bidirectional)
        self.dropout = SequenceDropout(dropout)

    def forward(self, x: Tensor, steps: Tensor, mask: Tensor) -> Tensor:
        """``x`` ``(batch, steps, ..., features)`` -> ``(batch, steps, ..., output_size)``.

        ``steps`` ``(batch,)`` counts each row's real steps. ``mask`` (bool, shape of ``x`` with
        one feature) is False on padding, where the input and every layer's states are set to 0.
        """
        x = x.masked_fill(~mask, 0.0)
        for layer, forwards in enumerate(self.forwards):
            if layer:
                x = self.dropout(x)
            states = forwards(x, mask)
            if self.backwards:
                mirrored = self.backwards[layer](
                    reverse_within(x, steps), reverse_within(mask, steps)
                )
                states = torch.cat([states, reverse_within(mirrored, steps)], dim=-1)
            x = states.masked_fill(~mask, 0.0)
        return x


class RecurrentEncoder(nn.Module):
    """Any recurrence as an encoder: layers, two directions, exact under padding.

    ``direction(input_size)`` makes one recurrence ``(x, mask) -> (batch, length, hidden_size)``.
    """

    def __init__(
        self,
        direction: Callable[[int], nn.Module],
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.stack = RecurrentStack(
            direction, input_size, hidden_size, num_layers, bidirectional, dropout
        )
        self.output_size = self.stack.output_size

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, length, output_size)``; pads are 0."""
        mask = position_mask(lengths, x.shape[1]).unsqueeze(-1)
        states: Tensor = self.stack(x, lengths, mask)
        return states


def initialise_gates(
    weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, gates: int = 4
) -> None:
    """Start a recurrence whose gates lie along dim 0; of four, the second is the forget gate.

    Input weights: Glorot uniform. Recurrence: orthogonal per gate (Saxe et al. 2014). Bias: 1
    for the forget gate, so that memory is kept at first (Gers et al. 2000), else 0.
    """
    hidden_size = bias.shape[0] // gates
    with torch.no_grad():
        for gate in range(gates):
            rows = slice(gate * hidden_size, (gate + 1) * hidden_size)
            nn.init.xavier_uniform_(weight_input[rows])
            nn.init.orthogonal_(weight_hidden[rows])
        bias.zero_()
        if gates == 4:
            bias[hidden_size : 2 * hidden_size] = 1.0
