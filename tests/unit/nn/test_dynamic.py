from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.cells.dynamic import DynamicCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library

INPUTS, HIDDEN = 3, 4
LENGTHS = torch.tensor([5, 9, 1, 9, 2])
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_encoder(rounds: int, **options: Any) -> Any:
    torch.manual_seed(0)
    options = {"hidden_size": HIDDEN, "rounds": rounds, **options}
    encoder: Any = build_encoder("dynamic", INPUTS, options)
    encoder.double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    return encoder


@both_engines
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("rounds", [0, 1, 4])
def test_without_rounds_or_with_matrices_of_zeros_it_equals_torchs_lstm(
    loop: Loop, bidirectional: bool, rounds: int
) -> None:
    options = {"num_layers": 2, "bidirectional": bidirectional}
    encoder = random_encoder(rounds, **options)
    reference = nn.LSTM(INPUTS, HIDDEN, batch_first=True, **options).double()
    pairs = []
    for suffix, layers in (("", encoder.stack.forwards), ("_reverse", encoder.stack.backwards)):
        for number, cell in enumerate(layers):
            for matrix in cell.gating:
                nn.init.zeros_(matrix)
            for ours, theirs in (
                (cell.weight_input, "weight_ih"),
                (cell.weight_hidden, "weight_hh"),
                (cell.bias, "bias_ih"),
            ):
                pairs.append((ours, getattr(reference, f"{theirs}_l{number}{suffix}")))
            nn.init.zeros_(getattr(reference, f"bias_hh_l{number}{suffix}"))
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.copy_(ours)
    x = torch.randn(5, 9, INPUTS, dtype=torch.float64, requires_grad=True)
    x_reference = x.detach().clone().requires_grad_()

    packed = pack_padded_sequence(x_reference, LENGTHS, batch_first=True, enforce_sorted=False)
    expected = pad_packed_sequence(reference(packed)[0], batch_first=True)[0]
    weights = torch.randn_like(expected)
    (expected * weights).sum().backward()
    with loop():
        states = encoder(x, LENGTHS)
        (states * weights).sum().backward()
    # Both sum the same numbers in float64, at most in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(x.grad, x_reference.grad, rtol=0, atol=1e-11)
    for ours, theirs in pairs:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-11)


def read_as_the_paper_says(cell: DynamicCell, row: Tensor) -> Tensor:
    """Equations 1 to 5 of Melis et al. 2020 over one sequence ``(length, features)``.

    With x^-1 the input and h^0 the state before: x^i = 2 sigmoid(Q^i h^(i-1)) * x^(i-2) for odd
    i, h^i = 2 sigmoid(R^i x^(i-1)) * h^(i-2) for even i; the LSTM takes both of highest index.
    """
    memory = state = torch.zeros(HIDDEN, dtype=row.dtype)
    states = []
    for now in row:
        x, h = {-1: now}, {0: state}
        for i, matrix in enumerate(cell.gating, start=1):
            if i % 2 == 1:
                x[i] = 2 * torch.sigmoid(matrix @ h[i - 1]) * x[i - 2]
            else:
                h[i] = 2 * torch.sigmoid(matrix @ x[i - 1]) * h[i - 2]
        sums = cell.weight_input @ x[max(x)] + cell.weight_hidden @ h[max(h)] + cell.bias
        enter, forget, candidate, leave = sums.split(HIDDEN)
        memory = torch.sigmoid(forget) * memory + torch.sigmoid(enter) * torch.tanh(candidate)
        state = torch.sigmoid(leave) * torch.tanh(memory)
        states.append(state)
    return torch.stack(states)


@both_engines
@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 5])
def test_values_and_gradients_are_those_of_the_papers_equations(loop: Loop, rounds: int) -> None:
    encoder = random_encoder(rounds)
    forwards, backwards = encoder.stack.forwards[0], encoder.stack.backwards[0]
    x = torch.randn(5, 9, INPUTS, dtype=torch.float64, requires_grad=True)
    rows = [x[row, :length] for row, length in enumerate(LENGTHS.tolist())]
    expected = [
        torch.cat(
            [
                read_as_the_paper_says(forwards, row),
                read_as_the_paper_says(backwards, row.flip(0)).flip(0),
            ],
            dim=1,
        )
        for row in rows
    ]
    weights = [torch.randn_like(states) for states in expected]
    wanted = [x, *encoder.parameters()]

    def gradients(found: list[Tensor]) -> tuple[Tensor, ...]:
        pairs = zip(found, weights, strict=True)
        return torch.autograd.grad(sum((a * b).sum() for a, b in pairs), wanted)

    with loop():
        padded = encoder(x, LENGTHS)
        states = [padded[row, : len(of_row)] for row, of_row in enumerate(expected)]
        ours = gradients(states)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(ours, gradients(expected), rtol=0, atol=1e-11)


def test_memory_is_kept_at_first_recurrence_is_orthogonal_and_gates_are_half_open() -> None:
    torch.manual_seed(0)
    cell = DynamicCell(16, 32)
    assert cell.bias.tolist() == [0.0] * 32 + [1.0] * 32 + [0.0] * 64
    for gate in cell.weight_hidden.split(32):
        torch.testing.assert_close(gate @ gate.T, torch.eye(32))
    assert [tuple(matrix.shape) for matrix in cell.gating] == [(16, 32), (32, 16)] * 2
    for matrix in cell.gating:
        opening = 2 * torch.sigmoid(torch.randn(1000, matrix.shape[1]) @ matrix.T)
        # Twice a half: symmetric about 1, with a spread below .5 over at least 16000 values.
        assert opening.mean().item() == pytest.approx(1.0, abs=0.02)
        assert opening.std().item() < 0.5


def test_a_negative_number_of_rounds_is_refused() -> None:
    with pytest.raises(UserError) as error:
        build_encoder("dynamic", INPUTS, {"hidden_size": HIDDEN, "rounds": -1})
    message = "encoder dynamic: rounds is -1: write a whole number from 0 on"
    assert str(error.value) == message
