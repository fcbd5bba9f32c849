from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.encoders import ENCODERS, build_encoder
from bioseq_lstm.nn.native import library

LENGTHS = torch.tensor([23, 1, 7, 16, 17])

# Every encoder of the registry, with what can go wrong: windows that end inside a row.
CASES: list[tuple[str, dict[str, Any]]] = [
    ("lstm", {}),
    ("peephole", {}),
    ("coupled", {}),
    ("coupled", {"peephole": True}),
    ("layer_norm", {}),
    ("exponential", {"heads": 2}),
    ("exponential", {"heads": 1}),
    ("multiplicative", {}),
    ("multiplicative", {"weight_norm": False}),
    ("dynamic", {}),
    ("dynamic", {"rounds": 0}),
    ("dynamic", {"rounds": 1}),
    ("dynamic", {"rounds": 5}),
    ("skip", {}),
    ("fuzzy", {}),
    ("fuzzy", {"rules": 1}),
    ("hierarchical", {}),
    ("hierarchical", {"levels": 3}),
    ("hierarchical", {"levels": 3, "stride": 2}),
    ("matrix", {"heads": 2, "chunk": 8}),
    ("convlstm", {"window": 8, "kernel_size": 5}),
    ("convlstm", {"window": 8, "kernel_size": 5, "peephole": True}),
    ("convlstm", {"window": 1, "kernel_size": 1}),
]
every_encoder = pytest.mark.parametrize(("name", "own"), CASES)
# A binary gate jumps, and what stands for its gradient (straight-through) is no derivative, so
# finite differences cannot agree. Their own tests compare with the papers' equations in autograd.
STRAIGHT_THROUGH = [("skip", {}), ("hierarchical", {}), ("hierarchical", {"levels": 3})]
every_smooth_encoder = pytest.mark.parametrize(
    ("name", "own"), [case for case in CASES if case not in STRAIGHT_THROUGH]
)
# Those that have a loop in C++; the others run in torch's own kernels alone.
every_encoder_with_a_loop = pytest.mark.parametrize(
    ("name", "own"), [case for case in CASES if case[0] not in ("lstm", "convlstm")]
)
both_directions = pytest.mark.parametrize("bidirectional", [False, True])
# Float64 shows that the mathematics is exact; float32 takes the kernels that train.
# There one last bit is 1.2e-7 and a state (at most 1) is a sum of about a hundred terms.
precisions = pytest.mark.parametrize(
    ("dtype", "atol"), [(torch.float64, 1e-13), (torch.float32, 2e-6)]
)


# The time loops in torch, and those in C++ where a compiler is there.
both_engines = pytest.mark.parametrize("engine", ["torch", "cpp"], indirect=True)


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param == "cpp":
        if not library.compiler():
            pytest.skip("there is no C++ compiler")
        assert library.available()
        yield
    else:
        with library.disabled():
            yield


def random_encoder(name: str, own: Mapping[str, Any], **options: Any) -> Any:
    torch.manual_seed(2)
    encoder: Any = build_encoder(name, 4, {"hidden_size": 6, "num_layers": 2, **options, **own})
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.normal_(std=0.5)
    return encoder.eval()


def test_every_encoder_of_the_registry_is_tested_here() -> None:
    assert {name for name, _ in CASES} == set(ENCODERS)


@both_engines
@every_encoder
@both_directions
@precisions
def test_a_sequence_alone_equals_the_same_sequence_in_any_batch(
    name: str,
    own: Mapping[str, Any],
    bidirectional: bool,
    dtype: torch.dtype,
    atol: float,
    engine: None,
) -> None:
    encoder = random_encoder(name, own, bidirectional=bidirectional).to(dtype)
    x = torch.randn(5, 23, 4, dtype=dtype)
    together = encoder(x, LENGTHS)
    assert together.shape == (5, 23, encoder.output_size)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(x[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=atol)
    order = torch.tensor([3, 1, 4, 0, 2])
    shuffled = encoder(x[order], LENGTHS[order])
    torch.testing.assert_close(shuffled, together[order], rtol=0, atol=atol)


@both_engines
@every_encoder
@both_directions
def test_what_stands_in_the_padding_changes_nothing_and_pads_are_zero(
    name: str, own: Mapping[str, Any], bidirectional: bool, engine: None
) -> None:
    encoder = random_encoder(name, own, bidirectional=bidirectional)
    x = torch.randn(5, 23, 4)
    past = torch.arange(23) >= LENGTHS[:, None]
    garbage = x.masked_fill(past.unsqueeze(-1), float("nan"))
    states = encoder(garbage, LENGTHS)
    assert torch.equal(states, encoder(x, LENGTHS))
    assert torch.equal(states[past], torch.zeros_like(states[past]))
    states.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


@both_engines
@every_encoder
@both_directions
def test_the_gradient_of_a_sequence_is_the_same_alone_and_in_a_batch(
    name: str, own: Mapping[str, Any], bidirectional: bool, engine: None
) -> None:
    encoder = random_encoder(name, own, bidirectional=bidirectional).double()
    x = torch.randn(5, 23, 4, dtype=torch.float64, requires_grad=True)
    (together,) = torch.autograd.grad(encoder(x, LENGTHS).square().sum(), x)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = x[row : row + 1, :length].detach().requires_grad_()
        encoder(alone, LENGTHS[row : row + 1]).square().sum().backward()
        torch.testing.assert_close(alone.grad[0], together[row, :length], rtol=1e-11, atol=1e-12)
        assert not together[row, length:].any()


@every_encoder
def test_only_a_bidirectional_encoder_sees_what_comes_later(
    name: str, own: Mapping[str, Any]
) -> None:
    x, lengths = torch.randn(1, 16, 4), torch.tensor([16])
    changed = x.clone()
    changed[0, 15] += 1
    for bidirectional in (False, True):
        encoder = random_encoder(name, own, bidirectional=bidirectional)
        # Position 3 is in the first window and beyond the kernels of the last position.
        before, after = encoder(x, lengths)[0, 3], encoder(changed, lengths)[0, 3]
        assert torch.allclose(before, after, rtol=0, atol=1e-6) != bidirectional


@both_engines
@every_smooth_encoder
@both_directions
def test_gradients_agree_with_finite_differences(
    name: str, own: Mapping[str, Any], bidirectional: bool, engine: None
) -> None:
    small = {"hidden_size": 4, "bidirectional": bidirectional}
    encoder = random_encoder(name, {**own, **small}).double()
    names = list(dict(encoder.named_parameters()))
    lengths = torch.tensor([9, 2])

    def states(x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        return torch.func.functional_call(
            encoder, dict(zip(names, parameters, strict=True)), (x, lengths)
        )

    x = torch.randn(2, 9, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(states, (x, *encoder.parameters()), fast_mode=True)


@pytest.mark.parametrize("engine", ["cpp"], indirect=True)
@every_encoder_with_a_loop
@both_directions
def test_both_engines_give_the_same_values_and_gradients(
    name: str, own: Mapping[str, Any], bidirectional: bool, engine: None
) -> None:
    encoder = random_encoder(name, own, bidirectional=bidirectional).double()
    x = torch.randn(5, 23, 4, dtype=torch.float64, requires_grad=True)
    wanted = [x, *(p for p in encoder.parameters() if p.requires_grad)]
    found = []
    for loop in (nullcontext(), library.disabled()):
        with loop:
            states = encoder(x, LENGTHS)
            weights = torch.linspace(-1, 1, states.numel(), dtype=torch.float64)
            loss = (states.flatten() * weights).sum()
            found.append([states, *torch.autograd.grad(loss, wanted)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-11)


@both_engines
@every_encoder
def test_a_second_gradient_is_the_same(name: str, own: Mapping[str, Any], engine: None) -> None:
    encoder = random_encoder(name, own)
    wanted = [torch.randn(5, 23, 4, requires_grad=True), *encoder.parameters()]
    loss = encoder(wanted[0], LENGTHS).square().sum()
    first = torch.autograd.grad(loss, wanted, retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(loss, wanted)))


@every_encoder
def test_predictions_are_those_of_training_for_any_number_of_threads(
    name: str, own: Mapping[str, Any]
) -> None:
    encoder = random_encoder(name, own)
    x = torch.randn(5, 23, 4)
    expected = encoder(x, LENGTHS).detach()
    before = torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            with torch.no_grad():
                torch.testing.assert_close(encoder(x, LENGTHS), expected, rtol=0, atol=1e-6)
    finally:
        torch.set_num_threads(before)


@pytest.mark.filterwarnings("ignore:In CPU autocast")
@every_encoder
def test_training_under_bf16_is_stable_at_length_3000(name: str, own: Mapping[str, Any]) -> None:
    """The loss falls, and neither it nor a gradient overflows; ragged, with a row of length 1."""
    torch.manual_seed(0)
    encoder: Any = build_encoder(name, 4, {"hidden_size": 8, **own})
    output = torch.nn.Linear(encoder.output_size, 1)
    parameters = [*encoder.parameters(), *output.parameters()]
    optimiser = torch.optim.Adam([p for p in parameters if p.requires_grad], lr=1e-2)
    x, lengths = torch.randn(3, 3000, 4), torch.tensor([3000, 1, 1700])
    target = x[:, :, :1].roll(1, dims=1)
    losses = []
    for _ in range(6):
        with torch.autocast("cpu", torch.bfloat16):
            loss = (output(encoder(x, lengths)).float() - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in parameters)
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "lsmt",
            {},
            "encoder: no encoder 'lsmt' (did you mean 'lstm'?); there are " + ", ".join(ENCODERS),
        ),
        (
            "lstm",
            {"hidden": 4},
            "encoder lstm: no option 'hidden' (did you mean 'hidden_size'?); it takes "
            "hidden_size, weight_drop, num_layers, bidirectional, dropout",
        ),
        ("lstm", {}, "encoder lstm: hidden_size is missing"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(
    name: str, options: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(UserError) as error:
        build_encoder(name, 4, options)
    assert str(error.value) == message
