"""The LSTM, through torch's own fast kernels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bioseq_lstm.nn.stacking import initialise_gates


class LstmCell(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    One layer in one direction. Stacked as an encoder it equals ``torch.nn.LSTM`` on packed
    sequences, but does not pack: on a CPU the gradient of a packed batch of unequal lengths
    takes four to five times as long as that of a padded one.

    ``weight_drop`` is the share of recurrent weights that a training step leaves out, the same
    ones at all steps of a sequence (DropConnect; Merity, Keskar & Socher 2018).
    """

    def __init__(self, input_size: int, hidden_size: int, weight_drop: float = 0.0) -> None:
        super().__init__()
        self.hidden_size, self.weight_drop = hidden_size, weight_drop
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        weight_input, weight_hidden, bias, second_bias = self.lstm.all_weights[0]
        initialise_gates(weight_input, weight_hidden, bias)
        nn.init.zeros_(second_bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, length, hidden)``."""
        if x.is_cuda or not _onednn_lacks_bf16():
            return self._states(x)
        with torch.autocast("cpu", enabled=False):
            weight: Tensor = self.lstm.all_weights[0][0]
            return self._states(x.to(weight.dtype))

    def _states(self, x: Tensor) -> Tensor:
        if not (self.training and self.weight_drop):
            states: Tensor = self.lstm(x)[0]
            return states
        weight_input, weight_hidden, *biases = self.lstm.all_weights[0]
        kept = nn.functional.dropout(weight_hidden, self.weight_drop)
        start = x.new_zeros(1, len(x), self.hidden_size)
        weights = [weight_input, kept, *biases]
        # What nn.LSTM itself calls: biases, 1 layer, no dropout, training, one way, batch first.
        how = (True, 1, 0.0, True, False, True)
        with_drop: Tensor = torch.lstm(x, (start, start), weights, *how)[0]
        return with_drop


def _onednn_lacks_bf16() -> bool:
    """Whether oneDNN's LSTM raises under autocast, as it does on processors without bf16.

    A torch that is built without oneDNN has neither that LSTM nor the operator that says so.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    return not torch.ops.mkldnn._is_mkldnn_bf16_supported()
