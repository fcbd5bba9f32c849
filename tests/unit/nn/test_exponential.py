from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import linear
from xlstm.blocks.slstm.src.vanilla import slstm_forward, slstm_pointwise_function_registry

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.cells.exponential import ExponentialCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library

LENGTHS = torch.tensor([7, 12, 1, 12])
H = 6


def xlstm_states(x: Tensor, cell: ExponentialCell) -> Tensor:
    """xlstm's own loop (backend vanilla) over one sequence ``(length, features)``.

    It wants sums of the input by gate, then head, then unit; ours lie by head, then gate.
    """

    def by_gate(rows: Tensor) -> Tensor:
        return rows.unflatten(-1, (cell.heads, 4, -1)).transpose(-3, -2).flatten(-3)

    inputs = by_gate(linear(x, cell.weight_input)).unsqueeze(1)
    start = x.new_zeros(4, 1, H)
    pointwise = slstm_pointwise_function_registry["slstm"]
    states = slstm_forward(
        inputs, start, cell.weight_hidden, by_gate(cell.bias), pointwise, constants={}
    )[0]
    return states[0, 1:, 0]  # of y, c, n, m the first; without the state before the first step


def xlstm_network(x: Tensor, encoder: Any) -> Tensor:
    """Layers and directions of ``encoder`` over one sequence ``(length, features)``."""
    for layer, forwards in enumerate(encoder.stack.forwards):
        sides = [xlstm_states(x, forwards)]
        for backwards in encoder.stack.backwards[layer : layer + 1]:
            sides.append(xlstm_states(x.flip(0), backwards).flip(0))
        x = torch.cat(sides, dim=1)
    return x


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_values_and_gradients_equal_xlstm_row_by_row(heads: int, bidirectional: bool) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": H, "heads": heads, "num_layers": 2, "bidirectional": bidirectional}
    encoder: Any = build_encoder("exponential", 4, options)
    encoder.double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(len(LENGTHS), 12, 4, dtype=torch.float64, requires_grad=True)
    states = encoder(x, LENGTHS)
    expected = torch.zeros_like(states)
    for row, length in enumerate(LENGTHS.tolist()):
        expected[row, :length] = xlstm_network(x[row, :length], encoder)
    # The same numbers in float64, summed in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    weights = torch.randn_like(states)
    wanted = [x, *encoder.parameters()]
    ours = torch.autograd.grad((states * weights).sum(), wanted)
    theirs = torch.autograd.grad((expected * weights).sum(), wanted)
    for gradient, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-11, atol=1e-11)


def equations(x: Tensor, cell: ExponentialCell) -> list[list[float]]:
    """Equations 8 to 14 of the paper for one sequence, without a stabiliser, number by number."""
    size = cell.hidden_size // cell.heads
    h, c, n = [0.0] * cell.hidden_size, [0.0] * cell.hidden_size, [0.0] * cell.hidden_size
    states = []
    for now in (x @ cell.weight_input.T + cell.bias).tolist():
        before = list(h)
        for unit in range(cell.hidden_size):
            head, place = divmod(unit, size)
            sums = []
            for gate in range(4):
                own = cell.weight_hidden[head, gate * size + place].tolist()
                recurrent = sum(weight * before[head * size + k] for k, weight in enumerate(own))
                sums.append(now[head * 4 * size + gate * size + place] + recurrent)
            i, f = math.exp(sums[0]), 1 / (1 + math.exp(-sums[1]))
            z, o = math.tanh(sums[2]), 1 / (1 + math.exp(-sums[3]))
            c[unit] = f * c[unit] + i * z
            n[unit] = f * n[unit] + i
            h[unit] = o * c[unit] / n[unit]
        states.append(list(h))
    return states


def random_cell(heads: int = 2) -> ExponentialCell:
    torch.manual_seed(1)
    cell = ExponentialCell(4, H, heads).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter)
    return cell


def test_the_stabiliser_cancels_out() -> None:
    cell = random_cell()
    x = torch.randn(1, 20, 4, dtype=torch.float64)
    with torch.no_grad():
        states = cell(x, torch.ones(1, 20, 1, dtype=torch.bool))
        expected = torch.tensor(equations(x[0], cell), dtype=torch.float64)
    torch.testing.assert_close(states[0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("in_torch", [False, True])
@pytest.mark.parametrize("size", [1e3, -1e3])
def test_very_large_gates_overflow_neither_states_nor_gradients(
    size: float, in_torch: bool
) -> None:
    cell = random_cell().float()
    with torch.no_grad():
        cell.bias.view(2, 4, -1)[:, 0] = size  # exp(1000) is beyond any float
    x = torch.randn(2, 30, 4, requires_grad=True)
    mask = torch.ones(2, 30, 1, dtype=torch.bool)
    if in_torch:
        with library.disabled():
            states = cell(x, mask)
            gradients = torch.autograd.grad(states.sum(), [x, *cell.parameters()])
    else:
        states = cell(x, mask)
        gradients = torch.autograd.grad(states.sum(), [x, *cell.parameters()])
    assert all(found.isfinite().all() for found in (states, *gradients))
    assert states.abs().max() <= 1  # |c / n| is a mean of tanh


def test_memory_is_kept_at_first_and_recurrence_is_orthogonal_within_heads() -> None:
    cell = ExponentialCell(3, 8, heads=2)
    assert cell.bias.view(2, 4, 4)[:, 1].eq(1).all()
    assert cell.bias.sum() == 8
    for head in cell.weight_hidden:
        for gate in head.split(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_heads_that_do_not_divide_the_size_are_refused() -> None:
    with pytest.raises(UserError, match="hidden_size 6 must be a multiple of heads, 4"):
        ExponentialCell(3, 6, heads=4)
