from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.attention import SelfAttention
from bioseq_lstm.nn.reversal import position_mask

RAGGED, EVEN = [13, 4, 1, 8], [13, 13, 13, 13]
# Last bits of float64 after sums of some ten terms.
ATOL = 1e-12

both_batches = pytest.mark.parametrize("lengths", [RAGGED, EVEN], ids=["ragged", "even"])


def random_attention(heads: int = 3, dropout: float = 0.0) -> SelfAttention:
    torch.manual_seed(1)
    attention = SelfAttention(6, heads, dropout).double()
    for parameter in attention.parameters():
        nn.init.normal_(parameter, std=0.5)
    return attention


def random_states(lengths: list[int]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    counts = torch.tensor(lengths)
    x = torch.randn(len(lengths), max(lengths), 6, dtype=torch.float64)
    return x.masked_fill(~position_mask(counts, max(lengths)).unsqueeze(-1), 0.0), counts


@both_batches
@pytest.mark.parametrize("heads", [1, 3, 6])
def test_values_and_gradients_equal_those_of_torch_with_a_residual_and_layer_norm(
    heads: int, lengths: list[int]
) -> None:
    attention = random_attention(heads)
    theirs = nn.MultiheadAttention(6, heads, batch_first=True).double()
    pairs = [
        (attention.project.weight, theirs.in_proj_weight),
        (attention.project.bias, theirs.in_proj_bias),
        (attention.join.weight, theirs.out_proj.weight),
        (attention.join.bias, theirs.out_proj.bias),
    ]
    with torch.no_grad():
        for ours, reference in pairs:
            reference.copy_(ours)
    values, counts = random_states(lengths)
    x, y = values.clone().requires_grad_(), values.clone().requires_grad_()
    states = attention(x, counts)
    pads = ~position_mask(counts, x.shape[1])
    attended, _ = theirs(y, y, y, key_padding_mask=pads, need_weights=False)
    normed = layer_norm(y + attended, (6,), attention.norm.weight, attention.norm.bias)
    expected = normed.masked_fill(pads.unsqueeze(-1), 0.0)
    torch.testing.assert_close(states, expected, rtol=0, atol=ATOL)
    assert not states[pads].any()

    weights = torch.randn_like(states)
    gradients = torch.autograd.grad((states * weights).sum(), [x, *(ours for ours, _ in pairs)])
    references = torch.autograd.grad(
        (expected * weights).sum(), [y, *(their for _, their in pairs)]
    )
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=0, atol=10 * ATOL)
    assert not gradients[0][pads].any()


def test_a_sequence_alone_equals_the_same_sequence_in_any_batch() -> None:
    attention = random_attention().eval()
    x, counts = random_states(RAGGED)
    together = attention(x, counts)
    for row, length in enumerate(RAGGED):
        alone = attention(x[row : row + 1, :length], counts[row : row + 1])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=ATOL)
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(
        attention(x[order], counts[order]), together[order], rtol=0, atol=ATOL
    )


def test_what_stands_in_the_padding_changes_nothing() -> None:
    attention = random_attention()
    x, counts = random_states(RAGGED)
    pads = ~position_mask(counts, x.shape[1]).unsqueeze(-1)
    garbage = x.masked_fill(pads, float("nan"))
    states = attention(garbage, counts)
    assert torch.equal(states, attention(x, counts))
    states.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())


@both_batches
def test_a_program_compiled_for_any_lengths_gives_the_same(lengths: list[int]) -> None:
    attention = random_attention().eval()
    x, counts = random_states(lengths)
    program = torch.export.export(attention, (x, counts)).module()
    ragged, others = random_states(RAGGED)
    torch.testing.assert_close(
        program(ragged, others), attention(ragged, others), rtol=0, atol=ATOL
    )


def test_gradients_agree_with_finite_differences() -> None:
    attention = random_attention()
    x, counts = random_states([5, 1, 3])
    assert torch.autograd.gradcheck(lambda x: attention(x, counts), x.requires_grad_())


def test_dropout_acts_in_training_only_and_on_what_is_attended_to() -> None:
    attention = random_attention(dropout=0.5)
    x, counts = random_states(EVEN)
    assert not torch.equal(attention(x, counts), attention(x, counts))
    attention.eval()
    assert torch.equal(attention(x, counts), attention(x, counts))
    # With nothing attended to, dropout has nothing to drop: the states go through whole.
    with torch.no_grad():
        attention.join.weight.zero_()
        attention.join.bias.zero_()
    assert torch.equal(attention.train()(x, counts), attention.eval()(x, counts))


def test_bf16_autocast_stays_near_full_precision() -> None:
    attention = random_attention().float().eval()
    x, counts = random_states(RAGGED)
    with torch.autocast("cpu", torch.bfloat16):
        states = attention(x.float(), counts)
    # bf16 keeps 8 bits, errors of .4 % of values up to about 3; two products follow each other.
    torch.testing.assert_close(states.float(), attention(x.float(), counts), rtol=0, atol=0.1)


def test_heads_that_do_not_divide_the_states_are_refused() -> None:
    with pytest.raises(UserError) as error:
        SelfAttention(10, heads=4)
    assert str(error.value) == (
        "attention: heads is 4 and must divide 10, the encoder's output size"
    )
