from __future__ import annotations

import torch

from bioseq_lstm.nn.heads import PairHead, ResidueHead, SequenceHead

LENGTHS = torch.tensor([6, 1, 4])


def test_residue_logits_depend_on_their_own_residue_only_and_pads_are_zero() -> None:
    torch.manual_seed(0)
    head = ResidueHead(5, num_classes=8, hidden=7, dropout=0.5).eval()
    states = torch.randn(3, 6, 5)
    logits = head(states, LENGTHS)
    assert logits.shape == (3, 6, 8)
    alone = head(states[2:, 3:4], torch.tensor([1]))
    torch.testing.assert_close(logits[2, 3], alone[0, 0])
    assert not logits[2, 4:].any()


def test_sequence_outputs_are_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    head = SequenceHead(5, num_outputs=4, hidden=7, dropout=0.5).double().eval()
    torch.nn.init.normal_(head.pooling.attention.query)
    states = torch.randn(3, 6, 5, dtype=torch.float64)
    outputs = head(states, LENGTHS)
    assert outputs.shape == (3, 4)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = head(states[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], outputs[row], rtol=0, atol=1e-12)


def test_rank_bounds_the_directions_in_which_outputs_vary() -> None:
    torch.manual_seed(0)
    states, lengths = torch.randn(50, 3, 5, dtype=torch.float64), torch.full((50,), 3)
    for rank, expected in ((None, 10), (2, 2)):
        head = SequenceHead(5, num_outputs=10, hidden=16, dropout=0.0, rank=rank).double()
        outputs = head(states, lengths)
        assert torch.linalg.matrix_rank(outputs - outputs.mean(dim=0)) == expected


def test_pairs_equal_concatenation_and_product_through_one_layer() -> None:
    torch.manual_seed(0)
    head = PairHead(3, 4, hidden=6, dropout=0.3).double().eval()
    drugs, targets = (torch.randn(n, size, dtype=torch.float64) for n, size in ((5, 3), (2, 4)))
    index_drug, index_target = torch.tensor([4, 0, 4, 2]), torch.tensor([1, 1, 0, 0])
    outputs = head(drugs, targets, index_drug, index_target)
    assert outputs.shape == (4,)
    weight = torch.cat([head.from_a.weight, head.from_b.weight, head.from_product.weight], dim=1)
    for pair, (d, t) in enumerate(zip(index_drug, index_target, strict=True)):
        a = torch.nn.functional.gelu(head.project_a(drugs[d]))
        b = torch.nn.functional.gelu(head.project_b(targets[t]))
        expected = head.output(weight @ torch.cat([a, b, a * b]) + head.from_a.bias)
        torch.testing.assert_close(outputs[pair], expected[0], rtol=0, atol=1e-12)


def test_heads_agree_with_finite_differences() -> None:
    torch.manual_seed(0)
    states = torch.randn(3, 6, 2, dtype=torch.float64, requires_grad=True)
    residue = ResidueHead(2, 3, 4, 0.0).double()
    sequence = SequenceHead(2, 3, 4, 0.0, rank=2).double()
    torch.nn.init.normal_(sequence.pooling.attention.query)
    assert torch.autograd.gradcheck(lambda s: residue(s, LENGTHS), (states,))
    assert torch.autograd.gradcheck(lambda s: sequence(s, LENGTHS), (states,))
    pair = PairHead(2, 3, 4, 0.0).double()
    a = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    b = torch.randn(3, 3, dtype=torch.float64, requires_grad=True)
    rows, columns = torch.tensor([0, 1, 1]), torch.tensor([2, 2, 0])
    assert torch.autograd.gradcheck(lambda a, b: pair(a, b, rows, columns), (a, b))
