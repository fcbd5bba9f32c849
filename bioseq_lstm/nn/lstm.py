"""The LSTM encoder, through torch's own fast kernels."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from bioseq_lstm.nn.reversal import position_mask
from bioseq_lstm.nn.stacking import RecurrentStack, initialise_gates


class Lstm(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    Equal to ``torch.nn.LSTM`` on packed sequences. It does not pack: on a CPU the gradient of a
    packed batch of unequal lengths takes four to five times as long as that of a padded one.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.stack = RecurrentStack(
            partial(_LstmDirection, hidden_size=hidden_size),
            input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        self.output_size = self.stack.output_size

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``x`` ``(batch, length, features)`` -> ``(batch, length, output_size)``; pads are 0."""
        mask = position_mask(lengths, x.shape[1]).unsqueeze(-1)
        states: Tensor = self.stack(x, lengths, mask)
        return states


class _LstmDirection(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        weight_input, weight_hidden, bias, second_bias = self.lstm.all_weights[0]
        initialise_gates(weight_input, weight_hidden, bias)
        nn.init.zeros_(second_bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        states: Tensor = self.lstm(x)[0]
        return states
