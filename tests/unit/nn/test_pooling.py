from __future__ import annotations

import math

import torch

from bioseq_lstm.nn.pooling import AttentionAndMean, AttentionPooling, masked_max, masked_mean

# Two sequences of lengths 2 and 1; what stands in the padding must not count.
X = torch.tensor([[[1.0, -2.0], [3.0, -4.0], [9.0, 9.0]], [[5.0, -6.0], [9.0, 9.0], [9.0, 9.0]]])
LENGTHS = torch.tensor([2, 1])


def test_the_mean_is_over_each_sequence_alone() -> None:
    assert masked_mean(X, LENGTHS).tolist() == [[2.0, -3.0], [5.0, -6.0]]


def test_the_maximum_is_over_each_sequence_alone() -> None:
    assert masked_max(X, LENGTHS).tolist() == [[3.0, -2.0], [5.0, -6.0]]


def test_zero_scores_give_the_masked_mean() -> None:
    pooling = AttentionPooling(2)
    torch.testing.assert_close(pooling(X, LENGTHS), masked_mean(X, LENGTHS))


def test_scores_zero_and_log_three_weigh_one_to_three_and_pads_nothing() -> None:
    pooling = AttentionPooling(1, hidden=1)
    with torch.no_grad():
        pooling.projection.weight.fill_(1.0)
        pooling.projection.bias.zero_()
        pooling.query.fill_(math.log(3))
    # tanh(0) is 0 and tanh(20) is 1 in float32: the scores are 0 and log 3.
    x = torch.tensor([[0.0, 20.0, 20.0]]).unsqueeze(-1)
    lengths = torch.tensor([2])
    weights = pooling.weights(x, lengths)
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75, 0.0]]))
    assert weights[0, 2] == 0
    torch.testing.assert_close(pooling(x, lengths), torch.tensor([[15.0]]))


def test_pads_weigh_exactly_nothing_whatever_their_scores() -> None:
    torch.manual_seed(0)
    pooling = AttentionPooling(3, hidden=4)
    torch.nn.init.normal_(pooling.query, std=30.0)
    x, lengths = 1e3 * torch.randn(4, 6, 3), torch.tensor([6, 1, 4, 2])
    weights = pooling.weights(x, lengths)
    assert not weights[torch.arange(6) >= lengths[:, None]].any()
    assert weights[1, 0] == 1
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))


def test_attention_equals_the_formula_of_bahdanau_on_each_sequence_alone() -> None:
    torch.manual_seed(0)
    pooling = AttentionPooling(3, hidden=4).double()
    torch.nn.init.normal_(pooling.query)
    W, b, v = pooling.projection.weight, pooling.projection.bias, pooling.query
    x, lengths = torch.randn(3, 6, 3, dtype=torch.float64), torch.tensor([6, 1, 4])
    pooled = pooling(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        scores = torch.stack([v.dot(torch.tanh(W @ h + b)) for h in x[row, :length]])
        expected = (scores.exp() / scores.exp().sum()) @ x[row, :length]
        torch.testing.assert_close(pooled[row], expected, rtol=0, atol=1e-12)


def test_attention_learns_from_its_mean_like_start() -> None:
    pooling = AttentionPooling(2)
    pooling(X, LENGTHS)[:, 0].sum().backward()
    assert pooling.query.grad is not None
    assert pooling.query.grad.any()


def test_attention_and_mean_stand_side_by_side() -> None:
    pooling = AttentionAndMean(2)
    assert pooling.output_size == 4
    expected = masked_mean(X, LENGTHS).repeat(1, 2)
    torch.testing.assert_close(pooling(X, LENGTHS), expected)
