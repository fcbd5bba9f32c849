from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchrecurrent import PeepholeLSTMCell

from bioseq_lstm.nn.cells.gated import CoupledCell, PeepholeCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.stacking import RecurrentEncoder

Operator = Callable[..., Tensor]
LENGTHS = torch.tensor([5, 9, 1, 9, 2])
HIDDEN = 4
# onnxruntime's LSTM is float32 only, with its own approximations of sigmoid and tanh (some 1e-7);
# a state is at most 1 and depends on at most nine steps, two directions deep.
ONNX_TOLERANCE = 2e-6
# Both compute in float64, where only the order of sums may differ.
EXACT = {"rtol": 0, "atol": 1e-12}


def random_encoder(name: str, bidirectional: bool = True, **options: Any) -> RecurrentEncoder:
    torch.manual_seed(3)
    options = {"hidden_size": HIDDEN, "bidirectional": bidirectional, **options}
    encoder: Any = build_encoder(name, 3, options)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    return encoder


def gates_of(weight: Tensor, order: str, ours: str) -> Tensor:
    """Rows of each gate in ONNX's order; a gate that we lack is filled with a wrong number."""
    found = dict(zip(ours, weight.chunk(len(ours)), strict=True))
    wrong = torch.full_like(found["i"], 7.0)
    return torch.cat([found.get(gate, wrong) for gate in order])


def as_onnx(cells: list[Any], ours: str, peephole: str) -> dict[str, Tensor]:
    """ONNX's W, R, B (gates i, o, f, c) and P (i, o, f) of one cell a direction."""
    arrays: dict[str, list[Tensor]] = {"W": [], "R": [], "B": [], "P": []}
    for cell in cells:
        arrays["W"].append(gates_of(cell.weight_input, "iofc", ours))
        arrays["R"].append(gates_of(cell.weight_hidden, "iofc", ours))
        bias = gates_of(cell.bias, "iofc", ours)
        arrays["B"].append(torch.cat([bias, torch.zeros_like(bias)]))
        arrays["P"].append(gates_of(cell.peephole.flatten(), "iof", peephole))
    return {name: torch.stack(parts) for name, parts in arrays.items()}


def directions(encoder: RecurrentEncoder) -> list[Any]:
    return [*encoder.stack.forwards, *encoder.stack.backwards]


def sides(bidirectional: bool) -> str:
    return "bidirectional" if bidirectional else "forward"


both_directions = pytest.mark.parametrize("bidirectional", [False, True])


@both_directions
def test_peephole_equals_the_onnx_operator_with_peepholes(
    onnx_lstm: Operator, bidirectional: bool
) -> None:
    encoder = random_encoder("peephole", bidirectional)
    x = torch.randn(5, 9, 3)
    arrays = as_onnx(directions(encoder), ours="ifco", peephole="ifo")
    expected = onnx_lstm(x, LENGTHS, arrays, direction=sides(bidirectional))
    torch.testing.assert_close(encoder(x, LENGTHS), expected, rtol=0, atol=ONNX_TOLERANCE)


@both_directions
@pytest.mark.parametrize("peephole", [False, True])
def test_coupled_equals_the_onnx_operator_whose_input_gate_forgets(
    onnx_lstm: Operator, bidirectional: bool, peephole: bool
) -> None:
    encoder = random_encoder("coupled", bidirectional, peephole=peephole)
    x = torch.randn(5, 9, 3)
    arrays = as_onnx(directions(encoder), ours="ico", peephole="io")
    if not peephole:
        del arrays["P"]
    expected = onnx_lstm(x, LENGTHS, arrays, direction=sides(bidirectional), input_forget=1)
    torch.testing.assert_close(encoder(x, LENGTHS), expected, rtol=0, atol=ONNX_TOLERANCE)


def test_what_the_onnx_operator_has_for_its_forget_gate_plays_no_part_once_coupled(
    onnx_lstm: Operator,
) -> None:
    """So that it is 1 - i there, with the peephole of the input gate, and nothing else."""
    encoder = random_encoder("coupled", peephole=True)
    x = torch.randn(5, 9, 3)
    arrays = as_onnx(directions(encoder), ours="ico", peephole="io")
    states = onnx_lstm(x, LENGTHS, arrays, direction="bidirectional", input_forget=1)
    forget = slice(2 * HIDDEN, 3 * HIDDEN)
    for array in arrays.values():
        array.detach()[:, forget] = -5.0
    again = onnx_lstm(x, LENGTHS, arrays, direction="bidirectional", input_forget=1)
    assert torch.equal(states, again)
    # Without coupling the same numbers do count, so the comparison above could have failed.
    uncoupled = onnx_lstm(x, LENGTHS, arrays, direction="bidirectional", input_forget=0)
    assert (states - uncoupled).abs().max() > 0.1


@both_directions
def test_peephole_values_and_gradients_equal_torchrecurrent(bidirectional: bool) -> None:
    encoder = random_encoder("peephole", bidirectional).double()
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    states = encoder(x, LENGTHS)
    references, expected = [], torch.zeros_like(states)
    for number, ours in enumerate(directions(encoder)):
        # Its gates lie in our order; its second bias has no counterpart.
        cell = PeepholeLSTMCell(3, HIDDEN, dtype=torch.float64)
        cell.load_state_dict(
            {
                "weight_ih": ours.weight_input,
                "weight_hh": ours.weight_hidden,
                "weight_ph": ours.peephole.flatten(),
                "bias_ih": ours.bias,
                "bias_hh": torch.zeros_like(ours.bias),
            }
        )
        references.append(cell)
        columns = slice(number * HIDDEN, (number + 1) * HIDDEN)
        for row, length in enumerate(LENGTHS.tolist()):
            state = None
            for step in range(length) if number == 0 else reversed(range(length)):
                state = cell(x[row, step], state)
                expected[row, step, columns] = state[0]
    torch.testing.assert_close(states, expected, **EXACT)

    weights = torch.randn_like(states)
    (expected * weights).sum().backward()
    wanted, x.grad = x.grad, None
    (states * weights).sum().backward()
    torch.testing.assert_close(x.grad, wanted, rtol=0, atol=1e-11)
    for ours, reference in zip(directions(encoder), references, strict=True):
        for parameter, theirs in (
            (ours.weight_input, reference.weight_ih),
            (ours.weight_hidden, reference.weight_hh),
            (ours.bias, reference.bias_ih),
            (ours.peephole, reference.weight_ph),
        ):
            wanted = theirs.grad.view_as(parameter)
            torch.testing.assert_close(parameter.grad, wanted, rtol=0, atol=1e-11)


@both_directions
def test_without_peepholes_it_is_torchs_lstm(bidirectional: bool) -> None:
    encoder = random_encoder("peephole", bidirectional).double()
    lstm: Any = build_encoder("lstm", 3, {"hidden_size": HIDDEN, "bidirectional": bidirectional})
    lstm.double()
    pairs = list(zip(directions(encoder), directions(lstm), strict=True))
    with torch.no_grad():
        for ours, theirs in pairs:
            ours.peephole.zero_()
            theirs.lstm.weight_ih_l0.copy_(ours.weight_input)
            theirs.lstm.weight_hh_l0.copy_(ours.weight_hidden)
            theirs.lstm.bias_ih_l0.copy_(ours.bias)
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    states, expected = encoder(x, LENGTHS), lstm(x, LENGTHS)
    torch.testing.assert_close(states, expected, **EXACT)
    weights = torch.randn_like(states)
    found = torch.autograd.grad((states * weights).sum(), [x, *weights_of(pairs, 0)])
    wanted = torch.autograd.grad((expected * weights).sum(), [x, *weights_of(pairs, 1)])
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


def weights_of(pairs: list[tuple[Any, Any]], side: int) -> list[Tensor]:
    """Weights in one order: ours of each direction, or those of torch's LSTM."""
    if side == 0:
        return [w for ours, _ in pairs for w in (ours.weight_input, ours.weight_hidden, ours.bias)]
    return [w for _, theirs in pairs for w in theirs.lstm.all_weights[0][:3]]


@pytest.mark.parametrize("cell", [PeepholeCell(3, 4), CoupledCell(3, 4), CoupledCell(3, 4, True)])
def test_memory_is_kept_at_first_and_recurrence_is_orthogonal(cell: Any) -> None:
    kept = [0.0] * 4 + [1.0] * 4 + [0.0] * 8  # gates i, f, c, o: the forget gate is open
    if isinstance(cell, CoupledCell):
        kept = [-1.0] * 4 + [0.0] * 8  # gates i, c, o: the input gate is shut as far
    assert cell.bias.tolist() == kept
    for gate in cell.weight_hidden.split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


@pytest.mark.parametrize(("name", "options"), [("peephole", {}), ("coupled", {"peephole": True})])
def test_peepholes_start_without_effect_and_learn(name: str, options: dict[str, Any]) -> None:
    encoder: Any = build_encoder(name, 3, {"hidden_size": HIDDEN, **options})
    x = torch.randn(5, 9, 3)
    encoder(x, LENGTHS).sum().backward()
    for cell in directions(encoder):
        assert not cell.peephole.any()
        assert cell.peephole.grad.abs().amin(dim=1).gt(0).all()  # of every gate


def test_coupled_has_peepholes_only_when_told() -> None:
    assert "peephole" not in dict(CoupledCell(3, 4).named_parameters())
    assert "peephole" not in CoupledCell(3, 4).state_dict()
