from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bioseq_lstm.nn.cells.fuzzy import FEATURES, FuzzyCell, uncertainty
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.stacking import RecurrentEncoder

LENGTHS = torch.tensor([5, 9, 1, 9, 2])
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_cell(rules: int = 3, seed: int = 0) -> FuzzyCell:
    torch.manual_seed(seed)
    cell = FuzzyCell(3, 4, rules).double()
    for parameter in cell.parameters():
        nn.init.normal_(parameter, std=0.7)
    return cell


def every_step(length: int, rows: int = 1) -> Tensor:
    return torch.ones(rows, length, 1, dtype=torch.bool)


@both_engines
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("rules", [1, 3])
def test_one_rule_or_rules_that_say_the_same_equal_torchs_lstm(
    loop: Loop, bidirectional: bool, rules: int
) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": 4, "num_layers": 2, "bidirectional": bidirectional, "rules": rules}
    encoder: Any = build_encoder("fuzzy", 3, options)
    encoder.double()
    reference = nn.LSTM(3, 4, 2, batch_first=True, bidirectional=bidirectional).double()
    names = {"weight_input": "weight_ih", "weight_hidden": "weight_hh", "bias": "bias_ih"}
    pairs = []
    with torch.no_grad():
        for suffix, layers in (("", encoder.stack.forwards), ("_reverse", encoder.stack.backwards)):
            for number, cell in enumerate(layers):
                for ours, theirs in names.items():
                    weight = nn.init.normal_(getattr(cell, ours))
                    weight[: rules * 16] = torch.cat([weight[:16]] * rules)
                    other = getattr(reference, f"{theirs}_l{number}{suffix}")
                    other.copy_(weight[:16])
                    pairs.append((weight, other))
                getattr(reference, f"bias_hh_l{number}{suffix}").zero_()
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
        # What the rules share between them is the gradient of the one that they stand for.
        of_rules = ours.grad[: rules * 16].view(rules, *theirs.shape).sum(0)
        torch.testing.assert_close(of_rules, theirs.grad, rtol=0, atol=1e-11)
    for cell in (*encoder.stack.forwards, *encoder.stack.backwards):
        for unused in (cell.centre, cell.log_width):
            torch.testing.assert_close(unused.grad, torch.zeros_like(unused), rtol=0, atol=1e-11)


def by_the_equations(cell: FuzzyCell, row: Tensor) -> tuple[Tensor, Tensor]:
    """Rule by rule, membership by membership, for one row ``(length, features)``."""
    size = 4 * cell.hidden_size
    h = c = row.new_zeros(cell.hidden_size)
    states, firing = [], []
    for x in row:
        rules = [slice(k * size, (k + 1) * size) for k in range(cell.rules)]
        last = slice(cell.rules * size, None)
        features = cell.weight_input[last] @ x + cell.weight_hidden[last] @ h + cell.bias[last]
        strengths = []
        for k in range(cell.rules):
            strength = row.new_ones(())
            for d in range(FEATURES):
                width = torch.exp(cell.log_width[k, d])
                strength = strength * torch.exp(
                    -((features[d] - cell.centre[k, d]) ** 2) / (2 * width**2)
                )
            strengths.append(strength ** (1 / FEATURES))
        fired = torch.stack(strengths) / sum(strengths)
        sums = sum(
            fired[k] * (cell.weight_input[own] @ x + cell.weight_hidden[own] @ h + cell.bias[own])
            for k, own in enumerate(rules)
        )
        i, f, z, o = sums.view(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
        firing.append(fired)
    return torch.stack(states), torch.stack(firing)


@both_engines
def test_states_firing_and_gradients_equal_the_equations(loop: Loop) -> None:
    forwards, backwards = random_cell(), random_cell(rules=2, seed=1)
    cells = iter([forwards, backwards])
    encoder = RecurrentEncoder(lambda _: next(cells), 3, 4)
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    mask = (torch.arange(9) < LENGTHS[:, None]).unsqueeze(-1)
    wanted = [x, *encoder.parameters()]
    weights = torch.randn(5, 9, 11, dtype=torch.float64)
    with loop():
        states, firing = encoder(x, LENGTHS), forwards.firing(x, mask)
    loss = (torch.cat([states, firing], dim=2) * weights).sum()

    expected_loss = torch.zeros((), dtype=torch.float64)
    for row, length in enumerate(LENGTHS.tolist()):
        there, expected_firing = by_the_equations(forwards, x[row, :length])
        back, _ = by_the_equations(backwards, x[row, :length].flip(0))
        expected = torch.cat([there, back.flip(0)], dim=1)
        # The same sums in float64, at most in another order; logarithms cost a digit.
        torch.testing.assert_close(states[row, :length], expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(firing[row, :length], expected_firing, rtol=0, atol=1e-12)
        both = torch.cat([expected, expected_firing], dim=1)
        expected_loss = expected_loss + (both * weights[row, :length]).sum()
    found = torch.autograd.grad(loss, wanted)
    for ours, theirs in zip(found, torch.autograd.grad(expected_loss, wanted), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


@both_engines
def test_firing_sums_to_1_where_every_membership_underflows(loop: Loop) -> None:
    cell = random_cell().float()
    nn.init.normal_(cell.centre, mean=1e3)
    x = torch.randn(4, 20, 3)
    nearest = (cell.centre / cell.log_width.exp()).abs().min()
    assert torch.exp(-(nearest**2) / 2) == 0.0
    with loop():
        firing = cell.firing(x, every_step(20, 4))
        states = cell(x, every_step(20, 4))
    # Three numbers of float32 that should sum to 1: one last bit, 1.2e-7, each.
    torch.testing.assert_close(firing.sum(-1), torch.ones(4, 20), rtol=0, atol=4e-7)
    states.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in cell.parameters())


@both_engines
def test_firing_and_uncertainty_of_padding_are_0(loop: Loop) -> None:
    mask = (torch.arange(9) < LENGTHS[:, None]).unsqueeze(-1)
    with loop():
        firing = random_cell().firing(torch.randn(5, 9, 3, dtype=torch.float64), mask)
    assert firing.shape == (5, 9, 3)
    assert torch.equal((firing > 0).all(-1), mask.squeeze(-1))
    assert torch.equal(uncertainty(firing) > 0, mask.squeeze(-1))


@both_engines
def test_uncertainty_is_0_when_one_rule_is_certain_and_1_when_all_fire_alike(loop: Loop) -> None:
    cell = random_cell()
    x = torch.randn(2, 9, 3, dtype=torch.float64)
    with torch.no_grad():
        for weight in (cell.weight_input, cell.weight_hidden, cell.bias):
            weight[-FEATURES:] = 0.0
        cell.log_width.zero_()
        cell.centre.zero_()
        with loop():
            alike = uncertainty(cell.firing(x, every_step(9, 2)))
        torch.testing.assert_close(alike, torch.ones_like(alike), rtol=0, atol=1e-15)
        cell.centre[1:] = 100.0
        with loop():
            certain = uncertainty(cell.firing(x, every_step(9, 2)))
        torch.testing.assert_close(certain, torch.zeros_like(certain), rtol=0, atol=1e-30)


def test_uncertainty_is_the_entropy_over_the_greatest_possible() -> None:
    firing = torch.tensor([[[0.5, 0.5, 0.0], [0.25, 0.5, 0.25], [0.0, 0.0, 0.0]]])
    expected = [math.log(2) / math.log(3), 1.5 * math.log(2) / math.log(3), 0.0]
    assert uncertainty(firing)[0].tolist() == pytest.approx(expected)
    assert uncertainty(torch.ones(1, 2, 1)).tolist() == [[0.0, 0.0]]


@both_engines
def test_prediction_equals_training_to_the_last_bit(loop: Loop) -> None:
    cell = random_cell().float()
    x = torch.randn(13, 50, 3)
    with loop():
        trained = cell(x, every_step(50, 13))
        with torch.no_grad():
            assert torch.equal(cell(x, every_step(50, 13)), trained)


def test_at_first_every_rule_is_an_lstm_that_keeps_its_memory() -> None:
    torch.manual_seed(0)
    cell = FuzzyCell(3, 4, rules=2)
    for rule in range(2):
        rows = slice(rule * 16, (rule + 1) * 16)
        assert cell.bias[rows].tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
        for gate in cell.weight_hidden[rows].split(4):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4))
    assert not torch.equal(cell.weight_hidden[:16], cell.weight_hidden[16:32])
    assert uncertainty(cell.firing(torch.randn(4, 30, 3), every_step(30, 4))).min() > 0.5
