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
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.lstm = nn.LSTM(input_size, hidden_size, batch_first=True)
        weight_input, weight_hidden, bias, second_bias = self.lstm.all_weights[0]
        initialise_gates(weight_input, weight_hidden, bias)
        nn.init.zeros_(second_bias)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """``(batch, length, features)`` -> ``(batch, length, hidden)``."""
        if x.is_cuda or not _onednn_lacks_bf16():
            states: Tensor = self.lstm(x)[0]
            return states
        with torch.autocast("cpu", enabled=False):
            weight: Tensor = self.lstm.all_weights[0][0]
            full: Tensor = self.lstm(x.to(weight.dtype))[0]
        return full


def _onednn_lacks_bf16() -> bool:
    """Whether oneDNN's LSTM raises under autocast, as it does on processors without bf16.

    A torch that is built without oneDNN has neither that LSTM nor the operator that says so.
    """
    if not torch.backends.mkldnn.is_available():
        return False
    return not torch.ops.mkldnn._is_mkldnn_bf16_supported()
