from __future__ import annotations

from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import conv1d, gelu

from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.stems import ConvStem, Embedding

DNA = {letter: code for code, letter in enumerate("ACGT", start=1)} | {"N": 5}
COMPLEMENT = [4, 3, 2, 1]


def padded_codes(sequences: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, sequences))
    rows = [[DNA[letter] for letter in s] + [0] * (width - len(s)) for s in sequences]
    return torch.tensor(rows), torch.tensor([len(s) for s in sequences])


@given(
    sequences=st.lists(st.text("ACGTN", min_size=1, max_size=12), min_size=1, max_size=4),
    kmer=st.integers(1, 4),
    stride=st.integers(1, 5),
)
def test_tokens_are_the_kmers_that_slicing_the_text_gives(
    sequences: list[str], kmer: int, stride: int
) -> None:
    numbers = {"".join(word): i for i, word in enumerate(product("ACGT", repeat=kmer), start=1)}
    embedding = Embedding(6, 2, kmer=kmer, stride=stride)
    tokens, counts = embedding.tokens(*padded_codes(sequences))
    for row, sequence in enumerate(sequences):
        starts = range(0, len(sequence) - kmer + 1, stride)
        words = [sequence[start : start + kmer] for start in starts] or ["too short"]
        expected = [numbers.get(word, len(numbers) + 1) for word in words]
        assert counts[row] == len(expected)
        assert tokens[row].tolist() == expected + [0] * (tokens.shape[1] - len(expected))


def test_codons_are_kmers_of_three_read_every_three_residues() -> None:
    embedding = Embedding(6, 2, kmer=3, stride=3)
    features, counts = embedding(*padded_codes(["ATGAAATGA", "ATGAA"]))
    assert counts.tolist() == [3, 1]
    # ATG is 0, 3, 2 in base 4, AAA 0, TGA 3, 2, 0; numbered from 1.
    expected = embedding.table.weight[torch.tensor([14 + 1, 0 + 1, 56 + 1])]
    assert torch.equal(features[0], expected)
    assert torch.equal(features[1], torch.stack([expected[0], *torch.zeros(2, 2)]))


def test_features_of_single_residues_are_rows_of_the_table_and_pads_are_zero() -> None:
    embedding = Embedding(6, 3)
    codes, lengths = torch.tensor([[1, 5, 4], [2, 3, 3]]), torch.tensor([3, 1])
    features, counts = embedding(codes, lengths)
    assert torch.equal(counts, lengths)
    assert torch.equal(features[0], embedding.table.weight[[1, 5, 4]])
    assert torch.equal(features[1, 1:], torch.zeros(2, 3))


def test_padding_is_never_learned() -> None:
    embedding = Embedding(6, 3)
    features, _ = embedding(torch.tensor([[1, 0]]), torch.tensor([1]))
    features.sum().backward()
    gradient = embedding.table.weight.grad
    assert gradient is not None
    assert gradient.any(dim=1).tolist() == [False, True, False, False, False, False]


def test_initial_values_are_taken_and_padding_stays_zero() -> None:
    values = torch.randn(6, 3)
    table = Embedding(6, 3, values=values).table.weight
    assert torch.equal(table[1:], values[1:])
    assert not table[0].any()


def test_token_dropout_reads_residues_as_unknown_in_training_only() -> None:
    torch.manual_seed(0)
    embedding = Embedding(6, 3, token_dropout=0.3)
    codes, lengths = torch.full((8, 1000), 2), torch.tensor([1000] * 7 + [10])
    unknown, two = embedding.table.weight[5], embedding.table.weight[2]
    features, _ = embedding(codes, lengths)
    dropped = (features == unknown).all(dim=2)
    assert (dropped | (features == two).all(dim=2))[:7].all()
    assert not features[7, 10:].any()
    # 7,000 draws: the share is .3 with a standard deviation of .0055.
    assert abs(float(dropped[:7].float().mean()) - 0.3) < 0.03
    features, _ = embedding.eval()(codes, lengths)
    assert (features[:7] == two).all()


def test_a_dropped_residue_makes_every_kmer_over_it_unknown() -> None:
    torch.manual_seed(0)
    embedding = Embedding(6, 3, kmer=3, token_dropout=0.3)
    features, _ = embedding(torch.full((1, 20_000), 2), torch.tensor([20_000]))
    dropped = (features == embedding.table.weight[-1]).all(dim=2)
    # A 3-mer stays known when none of its residues is dropped: .7 ** 3 = .343.
    assert abs(float(dropped.float().mean()) - 0.657) < 0.03


def test_a_table_of_too_many_kmers_is_refused() -> None:
    with pytest.raises(UserError, match=r"kmer 5 over 20 letters needs a table of 3,200,002 rows"):
        Embedding(22, 8, kmer=5)


def test_the_stem_is_convolutions_of_each_sequence_alone_and_a_projection() -> None:
    """Values and gradients; float64's last bits after sums of some ten terms."""
    torch.manual_seed(0)
    stem = ConvStem(3, 4, kernels=(9, 5)).double()
    x = torch.randn(3, 12, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([12, 1, 7])
    states = stem(x, lengths)
    assert states.shape == (3, 12, stem.output_size) == (3, 12, 8)
    by_hand = torch.zeros_like(states)
    for row, length in enumerate(lengths.tolist()):
        own = x[row, :length]
        sides = [
            conv1d(own.T, conv.weight, conv.bias, padding=width // 2).T
            for conv, width in zip(stem.convolutions, (9, 5), strict=True)
        ]
        expected = gelu(torch.cat(sides, dim=1)) + own @ stem.projection.weight.T
        by_hand[row, :length] = expected
        assert not states[row, length:].any()
    torch.testing.assert_close(states, by_hand, rtol=0, atol=1e-12)
    weights, wanted = torch.randn_like(states), [x, *stem.parameters()]
    gradients = torch.autograd.grad((states * weights).sum(), wanted)
    references = torch.autograd.grad((by_hand * weights).sum(), wanted)
    for gradient, reference in zip(gradients, references, strict=True):
        torch.testing.assert_close(gradient, reference, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kernels", [(), (8,), (9, -1)])
def test_kernels_without_a_middle_are_refused(kernels: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="write one or more odd numbers"):
        ConvStem(3, 4, kernels=kernels)


def test_kmers_from_the_landmark_on_are_in_frame_and_tokens_of_their_own() -> None:
    embedding = Embedding(6, 2, kmer=3, stride=3, landmark=5)
    # Reading begins at 5 % 3 = 2: AAA lies before the start codon, ATG and AAA from it on.
    tokens, counts = embedding.tokens(*padded_codes(["CCAAAATGAAAC"]))
    aaa, atg = 0 + 1, 14 + 1
    assert counts.tolist() == [3]
    assert tokens.tolist() == [[aaa, atg + embedding.kmers, aaa + embedding.kmers]]
    assert embedding.num_tokens == 2 * (64 + 1) + 1


def test_a_sequence_that_ends_before_its_frame_begins_is_one_unknown_token() -> None:
    embedding = Embedding(6, 2, kmer=3, stride=3, landmark=5)
    tokens, counts = embedding.tokens(*padded_codes(["CC", "CCAAAATG"]))
    assert counts.tolist() == [1, 2]
    assert tokens[0].tolist() == [embedding.kmers, 0]


@given(sequence=st.text("ACGTN", min_size=1, max_size=12), kmer=st.integers(1, 3))
def test_beside_each_token_stands_its_reverse_complement(sequence: str, kmer: int) -> None:
    embedding = Embedding(6, 2, kmer=kmer, complement=COMPLEMENT)
    features, _ = embedding(*padded_codes([sequence]))
    turned, _ = embedding(*padded_codes([reverse_complement(sequence)]))
    assert embedding.output_size == 4
    assert torch.equal(
        features[..., :2], embedding.table.weight[embedding.tokens(*padded_codes([sequence]))[0]]
    )
    # Base pairs: read from the other end, own and opposite change places.
    assert torch.equal(features[..., 2:], turned.flip(1)[..., :2])
    assert torch.equal(features[..., :2], turned.flip(1)[..., 2:])


def test_the_reverse_complement_of_a_token_lies_on_its_side_of_the_landmark() -> None:
    embedding = Embedding(6, 2, kmer=3, stride=3, landmark=3, complement=COMPLEMENT)
    features, _ = embedding(*padded_codes(["ATGATGNNN"]))
    # CAT is 1, 0, 3 in base 4; from the landmark on tokens are numbered after the 65 before it.
    assert torch.equal(features[0, 0, 2:], embedding.table.weight[19 + 1])
    assert torch.equal(features[0, 1, 2:], embedding.table.weight[65 + 19 + 1])
    assert torch.equal(features[0, 2, 2:], embedding.table.weight[65 + 65])


@pytest.mark.parametrize("kmer", [1, 2])
def test_a_stem_of_both_strands_finds_on_one_what_it_finds_on_the_other(kmer: int) -> None:
    """Sequences of one batch and their reverse complements; rounding of float64."""
    torch.manual_seed(0)
    embedding = Embedding(6, 3, kmer=kmer, complement=COMPLEMENT).double()
    stem = ConvStem(embedding.output_size, 4, kernels=(9, 5), both_strands=True).double()
    sequences = ["ACGTTGCANACGGT", "TTGAC", "GG"]
    states = stem(*embedding(*padded_codes(sequences)))
    turned = stem(*embedding(*padded_codes([reverse_complement(one) for one in sequences])))
    assert states.shape[2] == stem.output_size == 16
    for row, sequence in enumerate(sequences):
        own, other = (of[row, : len(sequence) - kmer + 1] for of in (states, turned))
        torch.testing.assert_close(own[:, 8:], other.flip(0)[:, :8], rtol=0, atol=1e-12)
        assert not states[row, len(own) :].any()


def test_one_strand_of_both_is_what_a_stem_of_one_finds() -> None:
    torch.manual_seed(0)
    both, one = ConvStem(6, 4, both_strands=True), ConvStem(3, 4)
    one.load_state_dict(both.state_dict())
    x, lengths = torch.randn(2, 20, 6), torch.tensor([20, 7])
    assert torch.equal(both(x, lengths)[..., :8], one(x[..., :3], lengths))
