from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bioseq_lstm.nn.cells.layer_norm import LayerNormCell
from bioseq_lstm.nn.encoders import build_encoder

LENGTHS = torch.tensor([7, 12, 1, 12])
H = 5


def ba_equations(x: Tensor, cell: LayerNormCell) -> Tensor:
    """Supplementary equations 20 to 22 of the paper for one sequence ``(length, features)``.

    With 1e-5 added to each variance, since that of the recurrent sums is 0 at the first step.
    """

    def scaled(z: Tensor, gain: Tensor, bias: Tensor | float = 0.0) -> Tensor:
        away = z - z.sum() / len(z)
        return gain * away / (away.square().sum() / len(z) + 1e-5).sqrt() + bias

    h, c = x.new_zeros(H), x.new_zeros(H)
    states = []
    for x_t in x:
        sums = scaled(cell.weight_hidden @ h, cell.gain_hidden)
        sums = sums + scaled(cell.weight_input @ x_t, cell.gain_input) + cell.bias
        i, f, g, o = sums[:H], sums[H : 2 * H], sums[2 * H : 3 * H], sums[3 * H :]
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(scaled(c, cell.gain_memory, cell.bias_memory))
        states.append(h)
    return torch.stack(states)


def ba_network(x: Tensor, encoder: Any) -> Tensor:
    """Layers and directions of ``encoder`` over one sequence ``(length, features)``."""
    for layer, forwards in enumerate(encoder.stack.forwards):
        sides = [ba_equations(x, forwards)]
        for backwards in encoder.stack.backwards[layer : layer + 1]:
            sides.append(ba_equations(x.flip(0), backwards).flip(0))
        x = torch.cat(sides, dim=1)
    return x


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_values_and_gradients_equal_the_equations_of_the_paper(
    num_layers: int, bidirectional: bool
) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": H, "num_layers": num_layers, "bidirectional": bidirectional}
    encoder: Any = build_encoder("layer_norm", 4, options)
    encoder.double()
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter)
    x = torch.randn(len(LENGTHS), 12, 4, dtype=torch.float64, requires_grad=True)
    states = encoder(x, LENGTHS)
    expected = torch.zeros_like(states)
    for row, length in enumerate(LENGTHS.tolist()):
        expected[row, :length] = ba_network(x[row, :length], encoder)
    # The same numbers in float64, summed in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-11)
    weights = torch.randn_like(states)
    wanted = [x, *encoder.parameters()]
    ours = torch.autograd.grad((states * weights).sum(), wanted)
    theirs = torch.autograd.grad((expected * weights).sum(), wanted)
    for gradient, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-9, atol=1e-9)


def test_the_scale_of_weights_and_of_the_input_does_not_matter() -> None:
    """What normalisation is for: sums that are ten times larger give the same states."""
    torch.manual_seed(0)
    encoder: Any = build_encoder("layer_norm", 4, {"hidden_size": 8}).double()
    x = torch.randn(2, 9, 4, dtype=torch.float64) * 10
    lengths = torch.tensor([9, 4])
    before = encoder(x, lengths).detach()
    for cell in (*encoder.stack.forwards, *encoder.stack.backwards):
        cell.weight_input.data *= 10
    # All but for the epsilon of 1e-5 that is added to variances of about 50.
    torch.testing.assert_close(encoder(x, lengths), before, rtol=0, atol=1e-5)


def test_memory_is_kept_at_first_and_recurrence_is_orthogonal() -> None:
    cell = LayerNormCell(3, 4)
    assert cell.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    for gain in (cell.gain_input, cell.gain_memory):
        assert gain.eq(1).all()
    assert cell.bias_memory.eq(0).all()
    for gate in cell.weight_hidden.split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_a_new_cell_does_not_blow_up_the_rounding_of_its_input() -> None:
    """Single and double precision stay together over a thousand steps."""
    torch.manual_seed(0)
    cell = LayerNormCell(8, 64)
    x, mask = torch.randn(2, 1000, 8), torch.ones(2, 1000, 1, dtype=torch.bool)
    with torch.no_grad():
        single = cell(x, mask)
        double = cell.double()(x.double(), mask)
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-5)
