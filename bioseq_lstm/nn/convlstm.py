"""The one-dimensional convolutional LSTM."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.reversal import position_mask
from bioseq_lstm.nn.stacking import RecurrentStack, initialise_gates


class ConvLstm(nn.Module):
    """ConvLSTM (Shi et al. 2015, equation 3) in one dimension.

    A sequence is cut into windows of ``window`` positions. Windows are the steps of time, the
    positions within a window are space: the gates at a position see the input at
    ``kernel_size`` positions around it and the states of the same positions one window before
    (one window after, in the backward direction, which takes a row's windows in reverse order).
    Beyond the edge of a window and beyond the end of the row stand zeros, in the input and in
    the state, so that a row alone equals the same row in any batch.

    ``anchored``: a window begins exactly at step ``landmark``, which every row has in common
    (the start codon); the first window then may begin before the row, where zeros stand too.

    ``peephole`` adds the paper's elementwise (Hadamard) weights from the cell to the gates, one
    per position and channel. With ``window`` 1 and ``kernel_size`` 1 it is the LSTM.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.0,
        window: int = 64,
        kernel_size: int = 3,
        peephole: bool = False,
        anchored: bool = False,
        landmark: int | None = None,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise UserError(
                f"encoder convlstm: kernel_size {kernel_size} has no middle: take an odd number"
            )
        if anchored and landmark is None:
            raise UserError(
                "encoder convlstm: anchored needs a landmark, which comes from coding_start"
            )
        self.window = window
        self.shift = -landmark % window if anchored and landmark is not None else 0
        self.stack = RecurrentStack(
            partial(
                _ConvLstmDirection,
                hidden_size=hidden_size,
                kernel_size=kernel_size,
                peephole_positions=window if peephole else 0,
            ),
            input_size,
            hidden_size,
            num_layers,
            bidirectional,
            dropout,
        )
        self.output_size = self.stack.output_size

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """``x`` ``(batch, length, features)`` -> ``(batch, length, output_size)``; pads are 0."""
        batch, length, features = x.shape
        # A batch that fits into one window needs no wider one: past the end all is zero anyway.
        end = self.shift + length
        window = min(self.window, end)
        steps = -(-end // window)
        around = (self.shift, steps * window - end)
        mask = pad(position_mask(lengths, length), around).view(batch, steps, window, 1)
        x = pad(x, (0, 0, *around)).view(batch, steps, window, features)
        row_steps = torch.div(lengths + self.shift + window - 1, window, rounding_mode="floor")
        states: Tensor = self.stack(x, row_steps, mask)
        return states.flatten(1, 2)[:, self.shift : end]


class _ConvLstmDirection(nn.Module):
    """One direction: ``(batch, steps, window, features)`` -> ``(batch, steps, window, hidden)``.

    Gates in the order input, forget, candidate, output. Inside, channels come before positions,
    as the convolution kernels want them.
    """

    def __init__(
        self, input_size: int, hidden_size: int, kernel_size: int, peephole_positions: int
    ) -> None:
        super().__init__()
        self.weight_input = nn.Parameter(torch.empty(4 * hidden_size, input_size, kernel_size))
        self.weight_hidden = nn.Parameter(torch.empty(4 * hidden_size, hidden_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(4 * hidden_size))
        initialise_gates(self.weight_input, self.weight_hidden, self.bias)
        self.peephole: nn.Parameter | None = None
        if peephole_positions:
            # Gates input, forget, output; zero: the cell starts out as one without peepholes.
            self.peephole = nn.Parameter(torch.zeros(3, hidden_size, peephole_positions))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        batch, steps, window, features = x.shape
        edge = self.weight_input.shape[2] // 2
        frames = x.transpose(2, 3).reshape(batch * steps, features, window)
        inputs = conv1d(frames, self.weight_input, self.bias, padding=edge)
        inputs = inputs.view(batch, steps, -1, window)
        # Under bf16 autocast the gates are bf16; the memory itself is kept in full precision.
        full = torch.promote_types(inputs.dtype, torch.float32)
        cell = torch.zeros_like(inputs[:, 0, : inputs.shape[2] // 4], dtype=full)
        hidden: list[Tensor] = []
        # Unbound at once: a look-up at each step has a gradient of the size of all steps.
        for step, gates in enumerate(inputs.unbind(1)):
            if step:
                gates = gates + conv1d(hidden[-1], self.weight_hidden, padding=edge)
            state, cell = self._step(gates, cell)
            if step == 0:
                # What is outside the row must hold no state that a later step could read. Only
                # the first step can be partial and be followed by another: a row's last window in
                # the backward direction, its first one, if anchored, in the forward direction.
                within = mask[:, 0].transpose(1, 2)
                state, cell = state * within, cell * within
            hidden.append(state)
        return torch.stack(hidden, dim=1).transpose(2, 3)

    def _step(self, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Gates ``(batch, 4 x hidden, window)`` and the cell before -> state and cell after."""
        enter, forget, candidate, leave = gates.chunk(4, dim=1)
        if self.peephole is None:
            cell = forget.sigmoid() * cell + enter.sigmoid() * candidate.tanh()
            return leave.sigmoid() * cell.tanh(), cell
        to_enter, to_forget, to_leave = self.peephole[:, :, : gates.shape[2]]
        entering = (enter + to_enter * cell).sigmoid()
        cell = (forget + to_forget * cell).sigmoid() * cell + entering * candidate.tanh()
        return (leave + to_leave * cell).sigmoid() * cell.tanh(), cell
