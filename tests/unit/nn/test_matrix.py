from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from xlstm.blocks.mlstm.backends import (
    parallel_stabilized_simple,
    recurrent_step_stabilized_simple,
)
from xlstm.components.ln import MultiHeadLayerNorm

from bioseq_lstm.encoder_settings import MatrixSettings
from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.cells.matrix import MatrixCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import through_time

LENGTHS = torch.tensor([23, 1, 8, 16])
HEADS, SIZE = 3, 4
HIDDEN = HEADS * SIZE
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_cell(chunk: int = 8, gates: float = 1.0, heads: int = HEADS) -> MatrixCell:
    """With random weights; ``gates`` multiplies those of the input and forget gates."""
    torch.manual_seed(0)
    cell = MatrixCell(5, HIDDEN, heads=heads, chunk=chunk).double()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
            parameter[4 * HIDDEN :] *= gates
    return cell


def every_step(x: Tensor) -> Tensor:
    return torch.ones(*x.shape[:2], 1, dtype=torch.bool)


def heads_of(x: Tensor, cell: MatrixCell) -> tuple[Tensor, ...]:
    """What xlstm takes, ``(batch, heads, length, ...)``: q, k, v, input and forget gate; and o."""
    weights, biases = cell.weight, cell.bias
    sizes = [HIDDEN] * 4 + [cell.heads] * 2
    pairs = zip(weights.split(sizes), biases.split(sizes), strict=True)
    q, k, v, o, i, f = (x @ weight.T + bias for weight, bias in pairs)
    q, k, v, i, f = (
        part.unflatten(2, (cell.heads, -1)).transpose(1, 2).contiguous() for part in (q, k, v, i, f)
    )
    return q, k, v, i, f, o


def around(h: Tensor, o: Tensor) -> Tensor:
    """What our layer adds to xlstm's: its norm of each head, as it is at first, and the gate."""
    heads, size = h.shape[1], h.shape[3]
    norm = MultiHeadLayerNorm(heads * size, weight=True, bias=False).to(h.dtype)
    return torch.sigmoid(o) * norm(h).transpose(1, 2).flatten(2)


def xlstm_parallel(x: Tensor, cell: MatrixCell) -> Tensor:
    *attention, o = heads_of(x, cell)
    return around(parallel_stabilized_simple(*attention), o)


def xlstm_recurrent(x: Tensor, cell: MatrixCell) -> Tensor:
    """Step by step; before the first one nothing has a weight, as in the parallel form."""
    *attention, o = heads_of(x, cell)
    rows = (len(x), cell.heads)
    size = HIDDEN // cell.heads
    state = (x.new_zeros(*rows, size, size), x.new_zeros(*rows, size, 1))
    state = (*state, x.new_full((*rows, 1, 1), -math.inf))
    states = []
    for t in range(x.shape[1]):
        now = (part[:, :, t : t + 1].clone() for part in attention)
        h, state = recurrent_step_stabilized_simple(*state, *now)
        states.append(h)
    return around(torch.cat(states, dim=2), o)


@both_engines
@pytest.mark.parametrize("reference", [xlstm_parallel, xlstm_recurrent])
@pytest.mark.parametrize("chunk", [8, 64])
def test_values_and_gradients_equal_xlstm(
    loop: Loop, reference: Callable[[Tensor, MatrixCell], Tensor], chunk: int
) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": HIDDEN, "num_layers": 2, "heads": HEADS, "chunk": chunk}
    encoder: Any = build_encoder("matrix", 5, options)
    encoder.double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    x = torch.randn(4, 23, 5, dtype=torch.float64, requires_grad=True)
    with loop():
        states = encoder(x, LENGTHS)
    expected = torch.zeros_like(states)
    for row, length in enumerate(LENGTHS):
        own = x[row : row + 1, :length]
        for forwards, backwards in zip(
            encoder.stack.forwards, encoder.stack.backwards, strict=True
        ):
            mirrored = reference(own.flip(1), backwards).flip(1)
            own = torch.cat([reference(own, forwards), mirrored], dim=2)
        expected[row, :length] = own[0]
    # Float64 sums in another order, divided by a head's spread twice, which may be small.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-11)

    weights = torch.randn_like(states)
    inputs = [x, *encoder.parameters()]
    with loop():
        gradients = torch.autograd.grad((states * weights).sum(), inputs)
    references = torch.autograd.grad((expected * weights).sum(), inputs)
    for gradient, theirs in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, theirs, rtol=1e-9, atol=1e-9)


@both_engines
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("gates", [0.1, 1.0, 10.0])
def test_recurrent_chunkwise_and_parallel_forms_are_equal(
    loop: Loop, heads: int, gates: float
) -> None:
    x = torch.randn(4, 23, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(4, 23, HIDDEN, dtype=torch.float64)
    cell = random_cell(heads=heads, gates=gates)
    inputs = cell.project(x)
    recurrent = through_time(cell, inputs, cell.start(inputs))[0][0]
    wanted = [x, *cell.parameters()]
    references = torch.autograd.grad((recurrent * weights).sum(), wanted)
    for chunk in (1, 3, 8, 22, 23, 64):  # from 23 on it is the parallel form
        cell.chunk = chunk
        with loop():
            states = cell(x, every_step(x))
            gradients = torch.autograd.grad((states * weights).sum(), wanted)
        # Gates up to e^50 lose as many digits in the sums of logarithms as those have.
        torch.testing.assert_close(states, recurrent, rtol=1e-10, atol=1e-10)
        for gradient, reference in zip(gradients, references, strict=True):
            torch.testing.assert_close(gradient, reference, rtol=1e-8, atol=1e-8)


@both_engines
@pytest.mark.parametrize("enter", [-1e4, 0.0, 1e4])
@pytest.mark.parametrize("keep", [-1e4, 0.0, 1e4])
def test_states_and_gradients_are_finite_for_very_large_gates(
    loop: Loop, enter: float, keep: float
) -> None:
    cell = random_cell(gates=100.0).float()
    with torch.no_grad():
        cell.bias[4 * HIDDEN :] = torch.tensor([enter, keep]).repeat_interleave(HEADS)
    x = torch.randn(4, 23, 5, requires_grad=True)
    with loop():
        states = cell(x, every_step(x))
        states.sum().backward()
    assert states.isfinite().all()
    for tensor in (x, *cell.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.isfinite().all()


@both_engines
def test_the_memory_is_kept_in_full_precision_under_bf16(loop: Loop) -> None:
    """Of 400 equal values the normaliser counts each; in bf16, 256 + 1 is 256 again."""
    cell = MatrixCell(1, 2, heads=1, chunk=16)
    with torch.no_grad():
        cell.weight.zero_()
        cell.bias.copy_(torch.tensor([1.0, 0, 1, 0, 0.5, 0, 0, 0, 0, 40]))
    inputs = cell.project(torch.zeros(1, 400, 1))
    with loop(), torch.autocast("cpu", torch.bfloat16):
        memory, top = cell.start(inputs)[1:]
        for part in inputs.split(16, dim=1):
            _, memory, top = cell._together(part, memory, top)
    count = memory[0, 0, 0, -1] * top.exp().squeeze()
    # Key 1 divided by the root of the head's size, 400 times.
    assert float(count.detach()) == pytest.approx(400 / math.sqrt(2), rel=1e-5)


def test_it_is_initialised_as_in_xlstm() -> None:
    torch.manual_seed(0)
    cell = MatrixCell(90, 64)
    assert not cell.weight[4 * 64 :].any(), "gates are blind at first"
    assert not cell.bias[: 4 * 64].any()
    torch.testing.assert_close(cell.bias[-4:], torch.tensor([3.0, 4.0, 5.0, 6.0]))
    assert cell.bias[-8:-4].abs().max() < 0.5  # of standard deviation .1
    # Standard deviation sqrt(2 / (5 * 90)) = .0667, of 23,040 draws.
    assert float(cell.weight[: 4 * 64].std().detach()) == pytest.approx(1 / 15, rel=0.03)


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        (3, "hidden_size 8 must be a multiple of heads, 3"),
        (8, "a head needs 2 features or more, so hidden_size 8 allows at most 4 heads, not 8"),
    ],
)
def test_heads_that_do_not_fit_are_refused(heads: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        build_encoder("matrix", 4, {"hidden_size": 8, "heads": heads})


def test_heads_of_one_feature_are_refused_when_the_configuration_is_read() -> None:
    with pytest.raises(ValueError, match="hidden_size 8 allows at most 4 heads, not 8"):
        MatrixSettings(name="matrix", hidden_size=8, heads=8)
    assert MatrixSettings(name="matrix", hidden_size=8, heads=4).heads == 4
