from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.cells.hierarchical import RARE, HierarchicalCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library

LENGTHS = torch.tensor([11, 1, 8])
H = 3
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_cell(std: float = 0.7, **options: Any) -> HierarchicalCell:
    torch.manual_seed(0)
    cell = HierarchicalCell(4, H, **options).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=std)
    return cell


def random_rows(batch: int = 5, length: int = 17) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(batch, length, 4, dtype=torch.float64)


class Step(torch.autograd.Function):
    """Section 2.3 of the paper: a step at .5 whose gradient is that of the identity."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return (x > 0.5).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def chung_equations(x: Tensor, cell: HierarchicalCell) -> Tensor:
    """Equations 1 to 7 and the output module for one sequence ``(length, features)``.

    Levels from 1 as in the paper, with level 0 the input and a level above the top of zeros.
    The three cases are chosen by products of boundaries, so that they pass gradients.
    """
    L, zero, one = cell.levels, x.new_zeros(()), x.new_ones(())
    U_recurrent = {level: cell.weight_hidden[level - 1] for level in range(1, L + 1)}
    U_top_down = {level: cell.weight_down[level - 1] for level in range(1, L)}
    W = {1: cell.weight_input, **{level: cell.weight_up[level - 2] for level in range(2, L + 1)}}
    h_old = {level: x.new_zeros(H) for level in range(1, L + 1)}
    c_old, z_old = dict(h_old), dict.fromkeys(range(1, L + 1), zero)
    outputs = []
    for t in range(len(x)):
        h, c, z = {0: x[t]}, {}, {0: one}
        for level in range(1, L + 1):
            s = U_recurrent[level] @ h_old[level] + z[level - 1] * (W[level] @ h[level - 1])
            if level < L:
                s = s + z_old[level] * (U_top_down[level] @ h_old[level + 1])
            s = s + cell.bias[level - 1]
            i, f, g, o = s[:H].sigmoid(), s[H : 2 * H].sigmoid(), s[2 * H : 3 * H], s[3 * H : 4 * H]
            g, o = g.tanh(), o.sigmoid()
            flush = z_old[level]
            update, copy = (1 - flush) * z[level - 1], (1 - flush) * (1 - z[level - 1])
            updated, flushed = f * c_old[level] + i * g, i * g
            c[level] = update * updated + copy * c_old[level] + flush * flushed
            h[level] = update * o * torch.tanh(updated) + copy * h_old[level]
            h[level] = h[level] + flush * o * torch.tanh(flushed)
            z[level] = zero
            if cell.stride is not None and level < L:
                z[level] = one if (t + 1) % cell.stride**level == 0 else zero
            elif level < L:
                hard_sigmoid = torch.clamp((cell.slope[0] * s[4 * H] + 1) / 2, 0, 1)
                z[level] = Step.apply(hard_sigmoid)
        states = torch.cat([h[level] for level in range(1, L + 1)])
        gates = torch.sigmoid(cell.weight_gate @ states)
        embedding = x.new_zeros(H)
        for level in range(1, L + 1):
            W_out = cell.weight_output[:, (level - 1) * H : level * H]
            embedding = embedding + gates[level - 1] * (W_out @ h[level])
        outputs.append(embedding.clamp(min=0))
        h_old, c_old, z_old = h, c, z
    return torch.stack(outputs)


def chung_network(x: Tensor, encoder: Any) -> Tensor:
    """Layers and directions of ``encoder`` over one sequence ``(length, features)``."""
    for layer, forwards in enumerate(encoder.stack.forwards):
        sides = [chung_equations(x, forwards)]
        for backwards in encoder.stack.backwards[layer : layer + 1]:
            sides.append(chung_equations(x.flip(0), backwards).flip(0))
        x = torch.cat(sides, dim=1)
    return x


@both_engines
@pytest.mark.parametrize("epoch", [0, 60])
@pytest.mark.parametrize("own", [{}, {"levels": 4}, {"levels": 3, "stride": 2}])
def test_values_and_gradients_equal_the_equations_of_the_paper(
    loop: Loop, epoch: int, own: dict[str, int]
) -> None:
    torch.manual_seed(3)
    options = {"hidden_size": H, "num_layers": 2, "bidirectional": True, **own}
    encoder: Any = build_encoder("hierarchical", 4, options)
    encoder.double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.7)
    for cell in (*encoder.stack.forwards, *encoder.stack.backwards):
        cell.begin_epoch(epoch)
    x = random_rows(3, 11).requires_grad_()
    with loop():
        states = encoder(x, LENGTHS)
        expected = torch.zeros_like(states)
        for row, length in enumerate(LENGTHS):
            expected[row, :length] = chung_network(x[row, :length], encoder)
        # Both sum the same numbers in float64, at most in another order.
        torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)

        weights = torch.randn_like(states)
        inputs = [x, *encoder.parameters()]
        gradients = torch.autograd.grad((states * weights).sum(), inputs)
    references = torch.autograd.grad((expected * weights).sum(), inputs)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=1e-11, atol=1e-11)


@both_engines
def test_without_a_boundary_the_first_level_is_torchs_lstm(loop: Loop) -> None:
    cell = random_cell()
    with torch.no_grad():
        cell.bias[0][-1] = -1000.0
    lstm = nn.LSTM(4, H, batch_first=True).double()
    ours = [cell.weight_input, cell.weight_hidden[0], cell.bias[0]]
    theirs = [lstm.weight_ih_l0, lstm.weight_hh_l0, lstm.bias_ih_l0]
    with torch.no_grad():
        lstm.bias_hh_l0.zero_()
        for parameter, reference in zip(ours, theirs, strict=True):
            reference.copy_(parameter[: 4 * H])
    x = random_rows().requires_grad_()
    weights = torch.randn(5, 17, H, dtype=torch.float64)
    with loop():
        levels, boundaries = cell.inspect(x)
        assert not boundaries.any()
        assert not levels[:, :, 1].any(), "the second level never moves"
        gradients = torch.autograd.grad((levels[:, :, 0] * weights).sum(), [x, *ours])
    expected = lstm(x)[0]
    torch.testing.assert_close(levels[:, :, 0], expected, rtol=0, atol=1e-13)
    references = torch.autograd.grad((expected * weights).sum(), [x, *theirs])
    torch.testing.assert_close(gradients[0], references[0], rtol=0, atol=1e-12)
    for gradient, reference in zip(gradients[1:], references[1:], strict=True):
        torch.testing.assert_close(gradient[: 4 * H], reference, rtol=0, atol=1e-12)
        assert not gradient[4 * H :].any()


def moves(states: Tensor) -> Tensor:
    """Where a level's states ``(batch, length, hidden)`` are not, to the last bit, the last."""
    before = nn.functional.pad(states[:, :-1], (0, 0, 1, 0))
    return (states != before).any(dim=2)


@both_engines
def test_a_boundary_every_four_steps_moves_the_second_level_there_and_copies_it_elsewhere(
    loop: Loop,
) -> None:
    with loop():
        levels, boundaries = random_cell(stride=4).inspect(random_rows(length=18))
    expected = torch.tensor([False, False, False, True] * 4 + [False, False]).expand(5, 18)
    assert torch.equal(boundaries[:, :, 0] == 1, expected)
    assert torch.equal(moves(levels[:, :, 1]), expected)
    assert moves(levels[:, :, 0]).all(), "the first level always moves"


@both_engines
def test_learned_boundaries_move_the_second_level_where_the_input_says_so(loop: Loop) -> None:
    cell, x = random_cell(), random_rows()
    with torch.no_grad():  # the boundary looks at the first feature alone
        for weight in (cell.weight_hidden[0], cell.weight_down[0], cell.weight_input):
            weight[4 * H] = 0
        cell.weight_input[4 * H, 0], cell.bias[0][4 * H] = 1.0, 0.0
    with loop():
        levels, boundaries = cell.inspect(x)
    assert torch.equal(boundaries[:, :, 0] == 1, x[:, :, 0] > 0)
    assert torch.equal(moves(levels[:, :, 1]), x[:, :, 0] > 0)


@both_engines
@pytest.mark.parametrize("batch", [1, 5])
def test_fixed_boundaries_are_strides_of_the_level_below_in_every_row(
    loop: Loop, batch: int
) -> None:
    with loop():
        _, boundaries = random_cell(levels=4, stride=2).inspect(random_rows(batch, 17))
    steps = torch.arange(1, 18)
    expected = torch.stack([steps % 2 == 0, steps % 4 == 0, steps % 8 == 0], dim=1)
    assert torch.equal(boundaries == 1, expected.expand(batch, 17, 3))


@both_engines
def test_a_level_forgets_its_memory_after_its_boundary(loop: Loop) -> None:
    cell = random_cell(stride=5)
    with torch.no_grad():  # nothing but the memory leads from a step to the next
        cell.weight_hidden[0].zero_()
        cell.weight_down[0].zero_()
    x = random_rows(length=10)
    with loop():
        whole, second = cell.inspect(x)[0], cell.inspect(x[:, 5:])[0]
        late = cell.inspect(x[:, 4:])[0]
    torch.testing.assert_close(whole[:, 5:, 0], second[:, :, 0], rtol=0, atol=1e-14)
    assert not torch.allclose(whole[:, 4:, 0], late[:, :, 0], rtol=0, atol=1e-3)


@both_engines
def test_a_level_that_only_copies_tells_the_one_below_that_it_should_move(loop: Loop) -> None:
    cell, x = random_cell(0.1), random_rows()
    with torch.no_grad():
        cell.bias[0][4 * H] = -0.8  # never a boundary, and within reach of the hard sigmoid
    with loop():
        levels, boundaries = cell.inspect(x)
        assert not boundaries.any()
        levels[:, :, 1].sum().backward()
        assert cell.bias[0].grad is not None
        assert cell.bias[0].grad[4 * H] != 0


def test_both_engines_give_the_boundaries_the_same_gradient() -> None:
    cell = random_cell(levels=3)
    x = random_rows().requires_grad_()
    weights = torch.randn(5, 17, 2, dtype=torch.float64)
    wanted = [x, cell.weight_input, *cell.weight_hidden[:2], *cell.weight_down, cell.weight_up[0]]
    found = []
    for loop in (nullcontext, library.disabled):
        with loop():
            loss = (cell.inspect(x)[1] * weights).sum()
            found.append([loss, *torch.autograd.grad(loss, wanted)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@both_engines
def test_a_steeper_slope_changes_gradients_alone(loop: Loop) -> None:
    cell, x = random_cell(), random_rows()
    mask = torch.ones(5, 17, 1, dtype=torch.bool)
    states, gradients = [], []
    for epoch, slope in ((0, 1.0), (25, 2.0), (99, 4.96), (300, 5.0)):
        cell.begin_epoch(epoch)
        assert cell.slope.item() == pytest.approx(slope)
        cell.zero_grad()
        with loop():
            states.append(cell(x, mask))
            states[-1].sum().backward()
        assert cell.weight_input.grad is not None
        gradients.append(cell.weight_input.grad[4 * H].clone())
    assert all(torch.equal(states[0], other) for other in states[1:])
    assert not any(torch.allclose(gradients[0], other) for other in gradients[1:])


def test_memory_is_kept_at_first_boundaries_are_rare_and_recurrence_is_orthogonal() -> None:
    torch.manual_seed(0)
    cell = HierarchicalCell(16, 32, levels=3)
    for level in range(3):
        gates = [0.0] * 32 + [1.0] * 32 + [0.0] * 64
        assert cell.bias[level].tolist() == gates + [RARE] * (level < 2)
        for gate in cell.weight_hidden[level][:128].split(32):
            torch.testing.assert_close(gate @ gate.T, torch.eye(32), rtol=0, atol=1e-5)
    _, boundaries = cell.inspect(torch.randn(20, 100, 16))
    assert 0.05 < boundaries[:, :, 0].mean().item() < 0.4


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"levels": 1}, "levels is 1: take 2 or more, or lstm"),
        ({"stride": 0}, "stride is 0: write a whole number from 1 on, or null"),
        ({"stride": "4"}, "stride is '4': write a whole number from 1 on, or null"),
    ],
)
def test_what_cannot_be_is_refused(own: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=f"encoder hierarchical: {message}"):
        build_encoder("hierarchical", 4, {"hidden_size": 4, **own})
