from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.encoders import ENCODERS
from bioseq_lstm.nn.heads import PairHead, ResidueHead, SequenceHead
from bioseq_lstm.nn.network import PooledEncoder, SequenceEncoder
from bioseq_lstm.tasks.affinity.network import AffinityNetwork
from bioseq_lstm.tasks.expression.network import ExpressionNetwork
from bioseq_lstm.tasks.structure.network import StructureNetwork

TYPICAL: list[dict[str, Any]] = [
    {"name": "lstm", "hidden_size": 6, "num_layers": 2, "dropout": 0.5},
    {"name": "convlstm", "hidden_size": 6, "window": 8, "kernel_size": 3, "peephole": True},
]
EMBEDDINGS = [
    {"size": 5, "token_dropout": 0.3},
    {"size": 5, "kmer": 3, "stride": 2, "token_dropout": 0.3},
]
STEM = {"kernels": [9, 15], "channels": 4, "dropout": 0.3}
ATTENTION = {"heads": 3, "dropout": 0.3}
LENGTHS = torch.tensor([40, 1, 2, 17, 24])
# Last bits of float64, after sums of some hundred terms.
ATOL = 1e-12

typical_encoders = pytest.mark.parametrize("encoder", TYPICAL, ids=lambda e: e["name"])
every_embedding = pytest.mark.parametrize("embedding", EMBEDDINGS, ids=["residues", "kmers"])
every_stem = pytest.mark.parametrize("stem", [None, STEM], ids=["plain", "stem"])
every_attention = pytest.mark.parametrize(
    "attention", [None, ATTENTION], ids=["alone", "attention"]
)


def random_network(
    embedding: Any, stem: Any, encoder: Any, attention: Any = None
) -> SequenceEncoder:
    torch.manual_seed(0)
    return SequenceEncoder(22, embedding, stem, encoder, attention).double().eval()


def random_codes() -> torch.Tensor:
    codes = torch.randint(1, 22, (5, 40), generator=torch.Generator().manual_seed(0))
    return codes.masked_fill(torch.arange(40) >= LENGTHS[:, None], 0)


@typical_encoders
@every_embedding
@every_stem
@every_attention
def test_predictions_for_a_sequence_are_the_same_alone_and_in_any_batch_and_order(
    encoder: Any, embedding: Any, stem: Any, attention: Any
) -> None:
    network = random_network(embedding, stem, encoder, attention)
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


@typical_encoders
def test_a_pair_is_predicted_the_same_alone_and_among_others(encoder: Any) -> None:
    drugs = PooledEncoder(random_network(EMBEDDINGS[0], None, encoder)).double().eval()
    targets = PooledEncoder(random_network(EMBEDDINGS[1], STEM, encoder, ATTENTION))
    targets.double().eval()
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


@pytest.mark.parametrize("name", ENCODERS)
def test_a_stem_and_attention_go_around_every_encoder_by_configuration_alone(name: str) -> None:
    written = {
        "embedding": {"size": 5, "kmer": 2},
        "stem": {"kernels": [9, 15], "channels": 4, "dropout": 0.3},
        "encoder": {"name": name, "hidden_size": 8},
        "attention": {"heads": 2, "dropout": 0.3},
    }
    model = ModelSettings.model_validate(written).model_dump()
    network = random_network(*(model[part] for part in written))
    codes = random_codes()
    x, counts = network.embedding(codes, LENGTHS)
    assert network.stem is not None and network.attention is not None
    by_hand = network.attention(network.encoder(network.stem(x, counts), counts), counts)
    states, same_counts = network(codes, LENGTHS)
    assert torch.equal(states, by_hand)
    assert torch.equal(counts, same_counts)
    assert states.shape == (5, 39, network.output_size)
    for row, length in enumerate(LENGTHS):
        alone, count = network(codes[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], states[row, : count[0]], rtol=0, atol=ATOL)
        assert not states[row, count[0] :].any()


@typical_encoders
@every_stem
@every_attention
def test_training_reaches_every_parameter(encoder: Any, stem: Any, attention: Any) -> None:
    network = random_network(EMBEDDINGS[1], stem, encoder, attention).train()
    states, _ = network(random_codes(), LENGTHS)
    weights = torch.randn_like(states)  # squares of layer-normed states would sum up the same
    (states * weights).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None]
    assert not without
    assert all(p.grad.any() for p in network.parameters() if p.grad is not None)


# The landmark at base 20: read base by base it is step 20, in codons from base 2 on step 6.
@pytest.mark.parametrize(
    ("kmer", "stride", "landmark", "shift"), [(1, 1, 20, 1), (3, 3, 20, 1), (3, 2, 20, 4)]
)
def test_a_window_of_an_anchored_encoder_begins_at_the_landmark_of_the_embedding(
    kmer: int, stride: int, landmark: int, shift: int
) -> None:
    embedding = {"size": 5, "kmer": kmer, "stride": stride, "landmark": landmark}
    window = {"window": 7, "kernel_size": 3, "anchored": True}
    encoder = {"name": "convlstm", "hidden_size": 6, **window}
    network: Any = SequenceEncoder(6, embedding, None, encoder)
    codes, lengths = torch.randint(1, 5, (1, 40)), torch.tensor([40])
    tokens, _ = network.embedding.tokens(codes, lengths)
    coding = tokens[0] > network.embedding.kmers
    step = int(coding.nonzero()[0])  # the first token that is read as coding
    assert network.embedding.landmark_token == step
    assert (network.encoder.shift + step) % 7 == 0
    assert network.encoder.shift == shift


def test_the_network_of_every_task_has_the_attention_that_is_asked_for() -> None:
    asked = {"attention": {"heads": 3, "dropout": 0.2}, "inputs": {"drug": {"attention": None}}}
    settings = ModelSettings.model_validate(asked)
    pairs: Any = AffinityNetwork(settings)
    found = [
        StructureNetwork(settings).encoder.attention,
        ExpressionNetwork(settings, 2).encoder.attention,
        pairs.encoders["target"].encoder.attention,
    ]
    assert [(a.heads, a.dropout.p) for a in found if a is not None] == [(3, 0.2)] * 3
    assert pairs.encoders["drug"].encoder.attention is None


def test_windows_of_the_expression_network_are_anchored_at_coding_start() -> None:
    encoder = {"name": "convlstm", "hidden_size": 6, "window": 9, "anchored": True}
    settings = ModelSettings.model_validate({"encoder": encoder})
    network: Any = ExpressionNetwork(settings, 2, coding_start=50)
    assert network.encoder.encoder.shift == 4  # 4 + 50 is a multiple of 9
    gene = torch.randint(1, 5, (2, 70))
    assert network({"gene": gene, "lengths": torch.tensor([70, 33])}).isfinite().all()


def test_anchored_windows_without_a_landmark_are_refused() -> None:
    encoder = {"name": "convlstm", "hidden_size": 6, "anchored": True}
    with pytest.raises(UserError, match="anchored needs a landmark"):
        SequenceEncoder(6, {"size": 5}, None, encoder)


def test_initial_vectors_reach_the_embedding() -> None:
    values = torch.randn(22, 5)
    network = SequenceEncoder(22, {"size": 5}, None, TYPICAL[0], values=values)
    assert torch.equal(network.embedding.table.weight[1:], values[1:])


@pytest.mark.parametrize(
    ("embedding", "stem", "encoder", "message"),
    [
        ({"size": 5}, None, {}, "encoder: name is missing"),
        ({}, None, TYPICAL[0], "embedding: size is missing"),
        (
            {"size": 5, "values": 1},
            None,
            TYPICAL[0],
            "embedding: no option 'values'; it takes size, kmer, stride, token_dropout, landmark",
        ),
        (
            {"size": 5},
            {"kernel": [9]},
            TYPICAL[0],
            "stem: no option 'kernel' (did you mean 'kernels'?); it takes "
            "channels, kernels, dropout, both_strands",
        ),
    ],
)
def test_wrong_settings_are_refused_by_the_name_of_their_part(
    embedding: Any, stem: Any, encoder: Any, message: str
) -> None:
    with pytest.raises(UserError) as error:
        SequenceEncoder(22, embedding, stem, encoder)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("attention", "message"),
    [
        (
            {"head": 2},
            "attention: no option 'head' (did you mean 'heads'?); it takes heads, dropout",
        ),
        ({"heads": 0}, "attention: heads is 0: write a whole number from 1 on"),
        ({"heads": 5}, "attention: heads is 5 and must divide 12, the encoder's output size"),
    ],
)
def test_wrong_settings_of_attention_are_refused(attention: Any, message: str) -> None:
    with pytest.raises(UserError) as error:
        SequenceEncoder(22, {"size": 5}, None, TYPICAL[0], attention)
    assert str(error.value) == message
