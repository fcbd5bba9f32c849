from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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


def shi_equations(
    x: Tensor, direction: nn.Module, window: int, backward: bool, first: int = 0
) -> Tensor:
    """Equation 3 of Shi et al. (2015) for one sequence ``(length, features)``, gate by gate.

    The first window holds ``first`` positions (0: as many as fit), at its end; all others are
    filled from their beginning. Windows are frames of full width, zero outside the sequence,
    where the states too are held at zero at every step.
    """
    length, features = x.shape
    ahead = window - first if first else 0
    behind = -(ahead + length) % window
    wide = torch.cat([x.new_zeros(ahead, features), x, x.new_zeros(behind, features)])
    inside = torch.cat([x.new_zeros(ahead), x.new_ones(length), x.new_zeros(behind)])
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
    return torch.cat([states[start] for start in starts])[ahead : ahead + length]


def shi_network(x: Tensor, encoder: ConvLstm, first: int = 0) -> Tensor:
    """Layers and directions of ``encoder`` over one sequence ``(length, features)``."""
    for layer, forwards in enumerate(encoder.stack.forwards):
        sides = [shi_equations(x, forwards, encoder.window, False, first)]
        for backwards in encoder.stack.backwards[layer : layer + 1]:
            sides.append(shi_equations(x, backwards, encoder.window, True, first))
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
    assert_values_and_gradients_equal(states, expected, [x, *encoder.parameters()])


def assert_values_and_gradients_equal(
    states: Tensor, expected: Tensor, inputs: list[Tensor]
) -> None:
    """Up to the last bits of float64, after sums of some hundred terms."""
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)
    weights = torch.randn_like(states)
    # Where all fits into one window there is no step before: the recurrence gets no gradient.
    unused: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
    gradients = torch.autograd.grad((states * weights).sum(), inputs, **unused)
    references = torch.autograd.grad((expected * weights).sum(), inputs, **unused)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=0, atol=1e-11)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("peephole", [False, True])
# The landmark, and how much of the row the first window then holds: in the first window, where
# one begins anyway, in a later one, beyond every row's end, and before a window that holds all.
@pytest.mark.parametrize(
    ("window", "landmark", "first"),
    [(4, 3, 3), (4, 8, 0), (4, 6, 2), (5, 21, 1), (32, 5, 5), (32, 0, 0)],
)
def test_anchored_windows_equal_the_equations_with_the_first_window_cut_at_the_landmark(
    bidirectional: bool, peephole: bool, window: int, landmark: int, first: int
) -> None:
    encoder = random_encoder(
        bidirectional=bidirectional,
        num_layers=2,
        peephole=peephole,
        window=window,
        kernel_size=3,
        anchored=True,
        landmark=landmark,
    )
    x = torch.randn(len(LENGTHS), max(LENGTHS), 3, dtype=torch.float64, requires_grad=True)
    states = encoder(x, torch.tensor(LENGTHS))
    expected = torch.zeros_like(states)
    for row, length in enumerate(LENGTHS):
        expected[row, :length] = shi_network(x[row, :length], encoder, first)
    assert_values_and_gradients_equal(states, expected, [x, *encoder.parameters()])


def test_an_anchored_row_is_the_same_alone_as_in_a_batch_whatever_its_padding_holds() -> None:
    encoder = random_encoder(window=4, anchored=True, landmark=6, peephole=True, num_layers=2)
    lengths = torch.tensor(LENGTHS)
    x = torch.randn(len(LENGTHS), max(LENGTHS), 3, dtype=torch.float64)
    past = torch.arange(max(LENGTHS)) >= lengths[:, None]
    together = encoder(x.masked_fill(past.unsqueeze(-1), float("nan")), lengths)
    assert not together[past].any()
    for row, length in enumerate(LENGTHS):
        alone = encoder(x[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=1e-12)


def test_no_convolution_reaches_across_the_landmark() -> None:
    x, lengths = torch.randn(1, 13, 3, dtype=torch.float64, requires_grad=True), torch.tensor([13])
    encoder = random_encoder(bidirectional=False, window=4, anchored=True, landmark=6)
    (seen,) = torch.autograd.grad(encoder(x, lengths)[0, 5].sum(), x)
    # Of its own window, 2 to 5, position 5 sees itself and its neighbour. Of the window before,
    # of which the row has 0 and 1, it sees what its neighbours' states saw: 1, and 0 through it.
    assert seen[0].any(dim=1).nonzero().flatten().tolist() == [0, 1, 4, 5]


def test_windows_without_a_landmark_to_anchor_at_are_refused() -> None:
    with pytest.raises(UserError, match="anchored needs a landmark, which comes from coding_start"):
        ConvLstm(3, 4, anchored=True)
    assert ConvLstm(3, 4, landmark=7).shift == 0  # known, but not asked for


@pytest.mark.parametrize("peephole", [False, True])
def test_one_position_a_window_and_kernel_one_is_the_lstm(peephole: bool) -> None:
    torch.manual_seed(0)
    options = {"hidden_size": 4, "num_layers": 2}
    convlstm = ConvLstm(3, **options, window=1, kernel_size=1, peephole=peephole).double()
    for parameter in convlstm.parameters():
        nn.init.normal_(parameter, std=0.5)
    other: Any = build_encoder("peephole" if peephole else "lstm", 3, options)
    other.double()
    pairs = zip(
        [*convlstm.stack.forwards, *convlstm.stack.backwards],
        [*other.stack.forwards, *other.stack.backwards],
        strict=True,
    )
    with torch.no_grad():
        for ours, theirs in pairs:
            weights = (ours.weight_input.squeeze(2), ours.weight_hidden.squeeze(2), ours.bias)
            if peephole:
                named = (theirs.weight_input, theirs.weight_hidden, theirs.bias)
                theirs.peephole.copy_(ours.peephole.squeeze(2))
            else:
                named = theirs.lstm.all_weights[0][:3]
            for weight, value in zip(named, weights, strict=True):
                weight.copy_(value)
    x, lengths = torch.randn(3, 6, 3, dtype=torch.float64), torch.tensor([6, 1, 4])
    torch.testing.assert_close(convlstm(x, lengths), other(x, lengths), rtol=0, atol=1e-12)


@pytest.fixture(scope="module")
def keras(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Keras, computing with torch; it reads this from its environment when it is loaded."""
    home: Path = tmp_path_factory.mktemp("keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(home))
        import keras

        assert keras.backend.backend() == "torch"
        yield keras


@pytest.mark.parametrize("windows", [1, 2, 5])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_values_and_gradients_equal_those_of_keras(
    keras: Any, kernel_size: int, windows: int
) -> None:
    window, hidden_size = 7, 2
    encoder = random_encoder(bidirectional=False, window=window, kernel_size=kernel_size)
    direction = encoder.stack.forwards[0]
    layer = keras.layers.ConvLSTM1D(
        hidden_size,
        kernel_size,
        padding="same",
        recurrent_activation="sigmoid",
        return_sequences=True,
        dtype="float64",
    )
    layer.build((None, windows, window, 3))
    # Ours are (gates, features, kernel), theirs (kernel, features, gates), gates in one order.
    ours = [direction.weight_input, direction.weight_hidden, direction.bias]
    theirs = [layer.cell.kernel, layer.cell.recurrent_kernel, layer.cell.bias]
    for weight, variable in zip(ours, theirs, strict=True):
        variable.assign(weight.detach().permute(*reversed(range(weight.dim()))))
    x = torch.randn(3, windows * window, 3, dtype=torch.float64)
    frames = x.view(3, windows, window, 3).clone().requires_grad_()
    x.requires_grad_()
    states = encoder(x, torch.full((3,), windows * window))
    expected = layer(frames).flatten(1, 2)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-12)

    weights = torch.randn_like(states)
    unused: dict[str, Any] = {"allow_unused": True, "materialize_grads": True}
    gradients = torch.autograd.grad((states * weights).sum(), [x, *ours], **unused)
    references = torch.autograd.grad(
        (expected * weights).sum(), [frames, *(variable.value for variable in theirs)], **unused
    )
    torch.testing.assert_close(gradients[0], references[0].flatten(1, 2), rtol=0, atol=1e-11)
    for gradient, reference in zip(gradients[1:], references[1:], strict=True):
        reversed_axes = reference.permute(*reversed(range(reference.dim())))
        torch.testing.assert_close(gradient, reversed_axes, rtol=0, atol=1e-11)


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
