from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bioseq_lstm.nn.cells.lstm import LstmCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.stacking import RecurrentEncoder

LENGTHS = torch.tensor([5, 9, 1, 9, 2])


def torch_names(encoder: RecurrentEncoder) -> dict[str, nn.Parameter]:
    """The encoder's parameters under the names that torch.nn.LSTM gives them."""
    named = {}
    for suffix, layers in (("", encoder.stack.forwards), ("_reverse", encoder.stack.backwards)):
        for number, direction in enumerate(layers):
            for name, parameter in direction.lstm.named_parameters():
                named[name.replace("_l0", f"_l{number}{suffix}")] = parameter
    return named


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_values_and_gradients_equal_torch_on_packed_sequences(
    bidirectional: bool, num_layers: int
) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": 4, "num_layers": num_layers, "bidirectional": bidirectional}
    encoder: Any = build_encoder("lstm", 3, options)
    encoder.double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    reference = nn.LSTM(3, 4, num_layers, batch_first=True, bidirectional=bidirectional).double()
    reference.load_state_dict(torch_names(encoder))
    x = torch.randn(5, 9, 3, dtype=torch.float64, requires_grad=True)
    x_reference = x.detach().clone().requires_grad_()

    states = encoder(x, LENGTHS)
    packed = pack_padded_sequence(x_reference, LENGTHS, batch_first=True, enforce_sorted=False)
    expected: Tensor = pad_packed_sequence(reference(packed)[0], batch_first=True)[0]
    # Both sum the same numbers in float64, at most in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)

    weights = torch.randn_like(expected)
    (states * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(x.grad, x_reference.grad, rtol=0, atol=1e-11)
    ours = torch_names(encoder)
    for name, parameter in reference.named_parameters():
        torch.testing.assert_close(ours[name].grad, parameter.grad, rtol=0, atol=1e-11, msg=name)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_it_equals_the_lstm_operator_of_onnx_on_rows_of_any_length(
    onnx_lstm: Callable[..., Tensor], bidirectional: bool
) -> None:
    torch.manual_seed(1)
    encoder: Any = build_encoder("lstm", 3, {"hidden_size": 4, "bidirectional": bidirectional})
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    arrays: dict[str, list[Tensor]] = {"W": [], "R": [], "B": []}
    for cell in [*encoder.stack.forwards, *encoder.stack.backwards]:
        weight_input, weight_hidden, *biases = (
            torch.cat([gate[0], gate[3], gate[1], gate[2]])  # torch: i, f, c, o; ONNX: i, o, f, c
            for gate in (weight.chunk(4) for weight in cell.lstm.all_weights[0])
        )
        arrays["W"].append(weight_input)
        arrays["R"].append(weight_hidden)
        arrays["B"].append(torch.cat(biases))
    x = torch.randn(5, 9, 3)
    expected = onnx_lstm(
        x,
        LENGTHS,
        {name: torch.stack(parts) for name, parts in arrays.items()},
        direction="bidirectional" if bidirectional else "forward",
    )
    # onnxruntime is float32, with its own sigmoid and tanh (to 1e-7), here over nine steps.
    torch.testing.assert_close(encoder(x, LENGTHS), expected, rtol=0, atol=2e-6)


def test_a_torch_without_onednn_has_nothing_to_go_around(monkeypatch: pytest.MonkeyPatch) -> None:
    cell, x = LstmCell(3, 4), torch.randn(2, 5, 3)
    mask = torch.ones(2, 5, 1, dtype=torch.bool)
    expected = cell(x, mask)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    monkeypatch.setattr(torch.ops, "mkldnn", SimpleNamespace())  # its operators are not there
    assert torch.equal(cell(x, mask), expected)


def test_memory_is_kept_at_first_and_recurrence_is_orthogonal() -> None:
    lstm = LstmCell(3, 4).lstm
    bias = lstm.bias_ih_l0 + lstm.bias_hh_l0
    assert bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    for gate in lstm.weight_hh_l0.split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_a_step_of_training_leaves_out_recurrent_weights_and_prediction_none() -> None:
    cell = LstmCell(3, 4, weight_drop=0.5).double()
    x = torch.randn(5, 9, 3, dtype=torch.float64)
    mask = torch.ones(5, 9, 1, dtype=torch.bool)
    torch.manual_seed(1)
    states = cell(x, mask)
    (states * torch.arange(4)).sum().backward()
    torch.manual_seed(1)
    whole = cell.lstm.weight_hh_l0.detach()
    kept = nn.functional.dropout(whole, 0.5)
    assert 0 < (kept == 0).sum() < kept.numel()
    reference = nn.LSTM(3, 4, batch_first=True).double()
    reference.load_state_dict({**cell.lstm.state_dict(), "weight_hh_l0": kept})
    expected = reference(x)[0]
    (expected * torch.arange(4)).sum().backward()
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    own, other = cell.lstm.weight_hh_l0.grad, reference.weight_hh_l0.grad
    assert own is not None and other is not None
    # A weight that was kept stands doubled, one that was left out has no gradient.
    torch.testing.assert_close(own, torch.where(kept == 0, 0, 2 * other), rtol=0, atol=1e-11)
    torch.testing.assert_close(cell.eval()(x, mask), cell.lstm(x)[0], rtol=0, atol=0)
