from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.nn.heads import PairHead, ResidueHead, SequenceHead
from bioseq_lstm.nn.network import PooledEncoder, SequenceEncoder

ENCODERS: list[dict[str, Any]] = [
    {"name": "lstm", "hidden_size": 6, "num_layers": 2, "dropout": 0.5},
    {"name": "convlstm", "hidden_size": 6, "window": 8, "kernel_size": 3, "peephole": True},
]
EMBEDDINGS = [
    {"size": 5, "token_dropout": 0.3},
    {"size": 5, "kmer": 3, "stride": 2, "token_dropout": 0.3},
]
STEM = {"kernels": [9, 15], "channels": 4, "dropout": 0.3}
LENGTHS = torch.tensor([40, 1, 2, 17, 24])
# Last bits of float64, after sums of some hundred terms.
ATOL = 1e-12

every_encoder = pytest.mark.parametrize("encoder", ENCODERS, ids=lambda e: e["name"])
every_embedding = pytest.mark.parametrize("embedding", EMBEDDINGS, ids=["residues", "kmers"])
every_stem = pytest.mark.parametrize("stem", [None, STEM], ids=["plain", "stem"])


def random_network(embedding: Any, stem: Any, encoder: Any) -> SequenceEncoder:
    torch.manual_seed(0)
    return SequenceEncoder(22, embedding, stem, encoder).double().eval()


def random_codes() -> torch.Tensor:
    codes = torch.randint(1, 22, (5, 40), generator=torch.Generator().manual_seed(0))
    return codes.masked_fill(torch.arange(40) >= LENGTHS[:, None], 0)


@every_encoder
@every_embedding
@every_stem
def test_predictions_for_a_sequence_are_the_same_alone_and_in_any_batch_and_order(
    encoder: Any, embedding: Any, stem: Any
) -> None:
    network = random_network(embedding, stem, encoder)
    residue = ResidueHead(network.output_size, 8, 7, 0.5).double().eval()
    sequence = SequenceHead(network.output_size, 3, 7, 0.5, rank=2).double().eval()
    nn.init.normal_(sequence.pooling.attention.query)
    codes = random_codes()
    states, counts = network(codes, LENGTHS)
    labels, values = residue(states, counts), sequence(states, counts)
    for row in (4, 2, 0, 3, 1):
        alone, count = network(codes[row : row + 1, : LENGTHS[row]], LENGTHS[row : row + 1])
        assert count == counts[row]
        for whole, own in ((states, alone), (labels, residue(alone, count))):
            torch.testing.assert_close(own[0], whole[row, : count[0]], rtol=0, atol=ATOL)
            assert not whole[row, count[0] :].any()
        torch.testing.assert_close(sequence(alone, count)[0], values[row], rtol=0, atol=ATOL)
    order = torch.tensor([3, 0, 4, 1, 2])
    shuffled, _ = network(codes[order], LENGTHS[order])
    torch.testing.assert_close(shuffled, states[order], rtol=0, atol=ATOL)


@every_encoder
def test_a_pair_is_predicted_the_same_alone_and_among_others(encoder: Any) -> None:
    drugs = PooledEncoder(random_network(EMBEDDINGS[0], None, encoder)).double().eval()
    targets = PooledEncoder(random_network(EMBEDDINGS[1], STEM, encoder)).double().eval()
    head = PairHead(drugs.output_size, targets.output_size, 7, 0.5).double().eval()
    codes = random_codes()
    index_drug, index_target = torch.tensor([0, 2, 3]), torch.tensor([3, 0, 1])
    together = head(drugs(codes, LENGTHS), targets(codes, LENGTHS), index_drug, index_target)
    zero = torch.tensor([0])
    for pair, (d, t) in enumerate(zip(index_drug, index_target, strict=True)):
        drug = drugs(codes[d : d + 1, : LENGTHS[d]], LENGTHS[d : d + 1])
        target = targets(codes[t : t + 1, : LENGTHS[t]], LENGTHS[t : t + 1])
        alone = head(drug, target, zero, zero)
        torch.testing.assert_close(alone[0], together[pair], rtol=0, atol=ATOL)


@every_encoder
@every_stem
def test_training_reaches_every_parameter(encoder: Any, stem: Any) -> None:
    network = random_network(EMBEDDINGS[1], stem, encoder).train()
    states, _ = network(random_codes(), LENGTHS)
    states.square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None]
    assert not without
    assert all(p.grad.any() for p in network.parameters() if p.grad is not None)


def test_initial_vectors_reach_the_embedding() -> None:
    values = torch.randn(22, 5)
    network = SequenceEncoder(22, {"size": 5}, None, ENCODERS[0], values=values)
    assert torch.equal(network.embedding.table.weight[1:], values[1:])


@pytest.mark.parametrize(
    ("embedding", "stem", "encoder", "message"),
    [
        ({"size": 5}, None, {}, "encoder: name is missing"),
        ({}, None, ENCODERS[0], "embedding: size is missing"),
        (
            {"size": 5, "values": 1},
            None,
            ENCODERS[0],
            "embedding: no option 'values'; it takes size, kmer, stride, token_dropout, landmark",
        ),
        (
            {"size": 5},
            {"kernel": [9]},
            ENCODERS[0],
            "stem: no option 'kernel' (did you mean 'kernels'?); it takes "
            "channels, kernels, dropout",
        ),
    ],
)
def test_wrong_settings_are_refused_by_the_name_of_their_part(
    embedding: Any, stem: Any, encoder: Any, message: str
) -> None:
    with pytest.raises(UserError) as error:
        SequenceEncoder(22, embedding, stem, encoder)
    assert str(error.value) == message
