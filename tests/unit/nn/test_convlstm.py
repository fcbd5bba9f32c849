from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.convlstm import ConvLstm
from bioseq_lstm.nn.encoders import build_encoder

LENGTHS = [13, 4, 1, 8, 6]


def random_encoder(**options: object) -> ConvLstm:
    torch.manual_seed(1)
    encoder = ConvLstm(3, 2, **options).double()  # type: ignore[arg-type]
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.5)
    return encoder


def shi_equations(x: Tensor, direction: nn.Module, window: int, backward: bool) -> Tensor:
    """Equation 3 of Shi et al. (2015) for one sequence ``(length, features)``, gate by gate.

    Windows are frames of full width, zero beyond the end of the sequence, where the states too
    are held at zero at every step.
    """
    length, features = x.shape
    wide = torch.zeros(-(-length // window) * window, features, dtype=x.dtype)
    wide = torch.cat([x, wide[length:]])
    inside = (torch.arange(len(wide)) < length).to(x.dtype)
    W_xi, W_xf, W_xc, W_xo = direction.weight_input.chunk(4)
    W_hi, W_hf, W_hc, W_ho = direction.weight_hidden.chunk(4)
    b_i, b_f, b_c, b_o = direction.bias.chunk(4)
    W_ci, W_cf, W_co = torch.zeros(3, 1, 1) if direction.peephole is None else direction.peephole
    same = {"padding": W_xi.shape[2] // 2}
    H = torch.zeros(W_hi.shape[1], window, dtype=x.dtype)
    C = torch.zeros_like(H)
    starts = range(0, len(wide), window)
    states: dict[int, Tensor] = {}
    for start in reversed(starts) if backward else starts:
        X = wide[start : start + window].T
        held = inside[start : start + window]
        i = torch.sigmoid(
            conv1d(X, W_xi, **same) + conv1d(H, W_hi, **same) + W_ci * C + b_i[:, None]
        )
        f = torch.sigmoid(
            conv1d(X, W_xf, **same) + conv1d(H, W_hf, **same) + W_cf * C + b_f[:, None]
        )
        new = torch.tanh(conv1d(X, W_xc, **same) + conv1d(H, W_hc, **same) + b_c[:, None])
        C = (f * C + i * new) * held
        o = torch.sigmoid(
            conv1d(X, W_xo, **same) + conv1d(H, W_ho, **same) + W_co * C + b_o[:, None]
        )
        H = o * torch.tanh(C) * held
        states[start] = H.T
    return torch.cat([states[start] for start in starts])[:length]


def shi_network(x: Tensor, encoder: ConvLstm) -> Tensor:
    """Layers and directions of ``encoder`` over one sequence ``(length, features)``."""
    for layer, forwards in enumerate(encoder.stack.forwards):
        sides = [shi_equations(x, forwards, encoder.window, backward=False)]
        for backwards in encoder.stack.backwards[layer : layer + 1]:
            sides.append(shi_equations(x, backwards, encoder.window, backward=True))
        x = torch.cat(sides, dim=1)
    return x


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("peephole", [False, True])
@pytest.mark.parametrize(("window", "kernel_size"), [(4, 3), (5, 7), (32, 3), (3, 1)])
def test_values_and_gradients_equal_the_equations_of_the_paper(
    bidirectional: bool, num_layers: int, peephole: bool, window: int, kernel_size: int
) -> None:
    encoder = random_encoder(
        bidirectional=bidirectional,
        num_layers=num_layers,
        peephole=peephole,
        window=window,
        kernel_size=kernel_size,
    )
    x = torch.randn(len(LENGTHS), max(LENGTHS), 3, dtype=torch.float64, requires_grad=True)
    states = encoder(x, torch.tensor(LENGTHS))
    expected = torch.zeros_like(states)
    for row, length in enumerate(LENGTHS):
        expected[row, :length] = shi_network(x[row, :length], encoder)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)

    weights = torch.randn_like(states)
    # Where all fits into one window there is no step before: the recurrence gets no gradient.
    unused = {"allow_unused": True, "materialize_grads": True}
    inputs = [x, *encoder.parameters()]
    gradients = torch.autograd.grad((states * weights).sum(), inputs, **unused)
    references = torch.autograd.grad((expected * weights).sum(), inputs, **unused)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=0, atol=1e-11)


def test_one_position_a_window_and_kernel_one_is_the_lstm() -> None:
    torch.manual_seed(0)
    convlstm = ConvLstm(3, 4, num_layers=2, window=1, kernel_size=1).double()
    lstm: Any = build_encoder("lstm", 3, {"hidden_size": 4, "num_layers": 2})
    lstm.double()
    pairs = zip(
        [*convlstm.stack.forwards, *convlstm.stack.backwards],
        [*lstm.stack.forwards, *lstm.stack.backwards],
        strict=True,
    )
    with torch.no_grad():
        for ours, theirs in pairs:
            theirs.lstm.weight_ih_l0.copy_(ours.weight_input.squeeze(2))
            theirs.lstm.weight_hh_l0.copy_(ours.weight_hidden.squeeze(2))
            theirs.lstm.bias_ih_l0.copy_(ours.bias)
    x, lengths = torch.randn(3, 6, 3, dtype=torch.float64), torch.tensor([6, 1, 4])
    torch.testing.assert_close(convlstm(x, lengths), lstm(x, lengths), rtol=0, atol=1e-12)


def test_peepholes_start_out_without_effect_and_learn() -> None:
    torch.manual_seed(0)
    encoder = ConvLstm(3, 2, window=4, kernel_size=3, peephole=True)
    torch.manual_seed(0)
    plain = ConvLstm(3, 2, window=4, kernel_size=3)
    x, lengths = torch.randn(2, 9, 3), torch.tensor([9, 6])
    states = encoder(x, lengths)
    # Strided and contiguous gates take other loops of exp: float32's last bit may differ.
    torch.testing.assert_close(states, plain(x, lengths), rtol=0, atol=1e-6)
    states.sum().backward()
    for direction in (encoder.stack.forwards[0], encoder.stack.backwards[0]):
        assert direction.peephole.grad.abs().amax(dim=(1, 2)).gt(0).all()


def test_bf16_autocast_stays_near_full_precision() -> None:
    encoder = random_encoder(window=4, kernel_size=3).float().eval()
    x, lengths = torch.randn(2, 40, 3), torch.tensor([40, 17])
    with torch.autocast("cpu", torch.bfloat16):
        states = encoder(x, lengths)
    # bf16 keeps 8 bits: a gate is off by about .4 %, and errors add up over ten windows.
    torch.testing.assert_close(states.float(), encoder(x, lengths), rtol=0, atol=0.05)


def test_small_additions_to_the_memory_are_not_lost_under_bf16() -> None:
    encoder = ConvLstm(1, 1, bidirectional=False, window=1, kernel_size=1)
    direction = encoder.stack.forwards[0]
    with torch.no_grad():
        direction.weight_input.zero_()
        direction.weight_hidden.zero_()
        # Input gate sigmoid(-6), forget and output gates 1, candidate tanh(1).
        direction.bias.copy_(torch.tensor([-6.0, 40.0, 1.0, 40.0]))
    with torch.autocast("cpu", torch.bfloat16):
        states = encoder(torch.zeros(1, 400, 1), torch.tensor([400]))
    memory = 400 * torch.tensor(-6.0).sigmoid() * torch.tensor(1.0).tanh()
    # In bf16, .5 + .0019 is .5 again and the memory would end there; it is .753.
    torch.testing.assert_close(states[0, -1, 0].float(), memory.tanh(), rtol=0.02, atol=0)


def test_memory_is_kept_at_first_and_recurrence_is_orthogonal() -> None:
    direction = ConvLstm(3, 4, window=4, kernel_size=3).stack.forwards[0]
    assert direction.bias.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8
    for gate in direction.weight_hidden.flatten(1).split(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4))


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(UserError, match="kernel_size 4 has no middle: take an odd number"):
        ConvLstm(3, 4, kernel_size=4)
