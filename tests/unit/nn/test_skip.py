from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bioseq_lstm.nn.cells.skip import SkipCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import penalties
from bioseq_lstm.nn.stacking import RecurrentEncoder

LENGTHS = torch.tensor([5, 9, 1, 9, 2])
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_cell(bias: float = -0.3, **options: Any) -> SkipCell:
    """With random weights, and gates that are open at about half of the steps."""
    torch.manual_seed(0)
    cell = SkipCell(3, 4, **options).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter)
    nn.init.constant_(cell.bias_update, bias)
    return cell


def every_step(length: int, rows: int = 1) -> Tensor:
    return torch.ones(rows, length, 1, dtype=torch.bool)


@both_engines
@pytest.mark.parametrize("bidirectional", [False, True])
def test_with_an_update_at_every_step_it_equals_torchs_lstm(
    loop: Loop, bidirectional: bool
) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": 4, "num_layers": 2, "bidirectional": bidirectional}
    encoder: Any = build_encoder("skip", 3, options)
    encoder.double()
    reference = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=bidirectional).double()
    names = {"weight_input": "weight_ih", "weight_hidden": "weight_hh", "bias": "bias_ih"}
    pairs = []
    for suffix, layers in (("", encoder.stack.forwards), ("_reverse", encoder.stack.backwards)):
        for number, cell in enumerate(layers):
            nn.init.constant_(cell.bias_update, 60.0)  # its sigmoid rounds to 1 in float64
            for ours, theirs in names.items():
                theirs = f"{theirs}_l{number}{suffix}"
                pairs.append((nn.init.normal_(getattr(cell, ours)), getattr(reference, theirs)))
            nn.init.zeros_(getattr(reference, f"bias_hh_l{number}{suffix}"))
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(ours)
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    x_reference = x.detach().clone().requires_grad_()

    with loop():
        states = encoder(x, LENGTHS)
    packed = pack_padded_sequence(x_reference, LENGTHS, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(reference(packed)[0], batch_first=True)[0]
    # Both sum the same numbers in float64, at most in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)

    weights = torch.randn_like(expected)
    (states * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, x_reference.grad, rtol=0, atol=1e-11)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-11)


# The gate adds up d, twice d, ... until more than 1/2 is reached.
@both_engines
@pytest.mark.parametrize(("d", "period"), [(0.6, 1), (0.3, 2), (0.2, 3), (0.15, 4)])
def test_with_a_fixed_gate_it_equals_torchs_lstm_on_every_nth_step(
    loop: Loop, d: float, period: int
) -> None:
    cell = random_cell(bias=math.log(d / (1 - d)))
    nn.init.zeros_(cell.weight_update)
    reference = nn.LSTM(3, 4, batch_first=True).double()
    ours = [cell.weight_input, cell.weight_hidden, cell.bias]
    theirs = [reference.weight_ih_l0, reference.weight_hh_l0, reference.bias_ih_l0]
    with torch.no_grad():
        reference.bias_hh_l0.zero_()
        for own, other in zip(ours, theirs, strict=True):
            other.copy_(own)
    x = torch.randn(2, 11, 3, dtype=torch.float64, requires_grad=True)
    with loop():
        states = cell(x, every_step(11, 2))
    read = reference(x[:, ::period])[0]
    expected = read.repeat_interleave(period, dim=1)[:, :11]
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-13)

    weights = torch.randn_like(states)
    found = torch.autograd.grad((states * weights).sum(), [x, *ours])
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *theirs])
    for own, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(own, other, rtol=0, atol=1e-12)


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, chance: Tensor) -> Tensor:
        return (chance > 0.5).to(chance.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


def by_the_equations(cell: SkipCell, row: Tensor) -> tuple[Tensor, Tensor]:
    """The paper's equations 2 to 5, step by step, for one row ``(length, features)``."""
    h = c = row.new_zeros(cell.hidden_size)
    chance = row.new_ones(())
    states, updates = [], []
    for x in row:
        sums = cell.weight_input @ x + cell.weight_hidden @ h + cell.bias
        i, f, z, o = sums.view(4, -1)
        new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        new_h = torch.sigmoid(o) * torch.tanh(new_c)
        u = StraightThrough.apply(chance)
        c, h = u * new_c + (1 - u) * c, u * new_h + (1 - u) * h
        more = torch.sigmoid(cell.weight_update[0] @ c + cell.bias_update[0])
        chance = u * more + (1 - u) * (chance + torch.minimum(more, 1 - chance))
        states.append(h)
        updates.append(u)
    return torch.stack(states), torch.stack(updates)


@both_engines
def test_values_budget_and_gradients_equal_the_papers_equations(loop: Loop) -> None:
    forwards, backwards = random_cell(budget=0.7), random_cell(bias=-0.8, budget=0.3)
    cells = iter([forwards, backwards])
    encoder = RecurrentEncoder(lambda _: next(cells), 3, 4)
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    wanted = [x, *encoder.parameters()]
    weights = torch.randn(5, 9, 8, dtype=torch.float64)
    with loop():
        states = encoder(x, LENGTHS)
    loss = (states * weights).sum() + penalties(encoder)

    expected_loss, shares = torch.zeros((), dtype=torch.float64), []
    for row, length in enumerate(LENGTHS.tolist()):
        there, updates = by_the_equations(forwards, x[row, :length])
        back, updates_back = by_the_equations(backwards, x[row, :length].flip(0))
        expected = torch.cat([there, back.flip(0)], dim=1)
        # The same sums in float64, at most in another order.
        torch.testing.assert_close(states[row, :length], expected, rtol=0, atol=1e-12)
        expected_loss = expected_loss + (expected * weights[row, :length]).sum()
        expected_loss = expected_loss + (0.7 * updates.sum() + 0.3 * updates_back.sum()) / 5
        shares += [updates.detach(), updates_back.detach()]
    share = float(torch.cat(shares).mean())
    assert 0.2 < share < 0.8, "both branches must be taken"
    torch.testing.assert_close(loss, expected_loss, rtol=0, atol=1e-11)
    found = torch.autograd.grad(loss, wanted)
    for ours, theirs in zip(found, torch.autograd.grad(expected_loss, wanted), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@both_engines
def test_the_first_step_updates_whatever_the_gate_says(loop: Loop) -> None:
    cell = random_cell(bias=-50.0)
    x = torch.randn(3, 9, 3, dtype=torch.float64)
    with loop():
        updates = cell.updates(x, every_step(9, 3))
        states = cell(x, every_step(9, 3))
    assert updates.squeeze(-1).tolist() == [[1.0] + [0.0] * 8] * 3
    assert states[:, 0].all()
    assert torch.equal(states, states[:, :1].expand_as(states))


@both_engines
def test_a_state_is_held_to_the_last_bit_while_it_skips(loop: Loop) -> None:
    cell = random_cell().float()
    x = torch.randn(8, 50, 3)
    with loop(), torch.no_grad():
        states, updates = cell(x, every_step(50, 8)), cell.updates(x, every_step(50, 8))
    held = (states[:, 1:] == states[:, :-1]).all(-1)
    assert torch.equal(held, updates[:, 1:, 0] == 0)
    assert held.any() and not held.all()


@both_engines
def test_prediction_which_leaves_out_skipped_steps_equals_training_to_the_last_bit(
    loop: Loop,
) -> None:
    cell = random_cell().float()
    x = torch.randn(13, 50, 3)
    with loop():
        trained = cell(x, every_step(50, 13))
        with torch.no_grad():
            assert torch.equal(cell(x, every_step(50, 13)), trained)


@both_engines
def test_the_budget_counts_updates_of_real_positions_only(loop: Loop) -> None:
    options = {"hidden_size": 4, "budget": 0.5}
    encoder: Any = build_encoder("skip", 3, options)
    for cell in (*encoder.stack.forwards, *encoder.stack.backwards):
        nn.init.constant_(cell.bias_update, 60.0)
    with loop():
        encoder(torch.randn(5, 9, 3), LENGTHS)
        # Every step updates: 26 real steps in 5 rows, in each of two directions.
        assert penalties(encoder).item() == pytest.approx(2 * 0.5 * 26 / 5)
        encoder.eval()(torch.randn(5, 9, 3), LENGTHS)
        assert penalties(encoder) == 0.0


def test_updates_of_padding_are_0() -> None:
    mask = (torch.arange(9) < LENGTHS[:, None]).unsqueeze(-1)
    updates = random_cell(bias=60.0).updates(torch.randn(5, 9, 3, dtype=torch.float64), mask)
    assert torch.equal(updates, mask.double())


def test_at_first_memory_is_kept_and_every_step_updates() -> None:
    torch.manual_seed(0)
    cell = SkipCell(3, 4)
    assert cell.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    assert cell.bias_update.tolist() == [1.0]
    for gate in cell.weight_hidden.split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))
    assert cell.updates(torch.randn(4, 30, 3), every_step(30, 4)).all()
