from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.learning.explaining.gradients import integrated_gradients, mean_tokens, spread
from bioseq_lstm.learning.explaining.sanity import randomised, rank_correlation
from bioseq_lstm.nn.stems import Embedding

WAYS: list[dict[str, Any]] = [
    {"task": "structure"},
    {"task": "structure", "encoder": "convlstm"},
    {"task": "expression"},
    {"task": "expression", "stride": 3, "composition": True},
    {"task": "expression", "both_strands": True},
    {"task": "affinity"},
    {"task": "affinity", "composition": True},
]


def attributed(case: Any, steps: int) -> Any:
    return integrated_gradients(
        case.task, case.explained, case.network, case.encoded, case.row, case.question, steps
    )


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_attributions_sum_to_what_the_prediction_exceeds_nothing_by(
    case: Callable[..., Any], how: dict[str, Any]
) -> None:
    own = case(**how)
    found = attributed(own, 64)
    assert abs(found.score - found.baseline) > 1e-4
    assert abs(found.error) < 1e-3 * abs(found.score - found.baseline) + 1e-5
    for side, codes in own.explained.sequences(own.encoded, own.row).items():
        assert found.letters[side].shape == codes.shape


def test_the_score_is_that_of_the_prediction(case: Callable[..., Any]) -> None:
    own = case("affinity")
    batch = own.task.collate(own.encoded, np.array([own.row]))
    with torch.inference_mode():
        decoded = own.task.decode(own.network, own.network(batch.inputs), batch)
    assert attributed(own, 8).score == pytest.approx(float(decoded[0]), rel=1e-5)


def test_dropout_does_not_act(case: Callable[..., Any]) -> None:
    own = case("structure")
    own.network.train()
    first, second = attributed(own, 8), attributed(own, 8)
    assert np.array_equal(first.letters["chain"], second.letters["chain"])


def test_of_a_linear_network_a_letter_bears_its_own_term(case: Callable[..., Any]) -> None:
    """The mean state of a network without recurrence and stem: w . (embedding - mean)."""
    own = case("expression")
    network = own.network

    class Sum(torch.nn.Module):
        def forward(self, states: Any, lengths: Any, extra: Any = None) -> Any:
            return states.sum(dim=(1, 2))[:, None].expand(-1, 3)

    class Same(torch.nn.Module):
        def forward(self, x: Any, lengths: Any) -> Any:
            return x

    network.head, network.encoder.encoder = Sum(), Same()
    network.centre.zero_()
    network.scale.fill_(1)
    found = attributed(own, 8).letters["gene"]
    codes = own.explained.sequences(own.encoded, own.row)["gene"].astype(int)
    table = network.encoder.embedding.table.weight.detach().numpy()
    expected = (table[codes] - table[1:5].mean(axis=0)).sum(axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_token_is_shared_by_its_letters_in_frame() -> None:
    embedding = Embedding(6, 4, kmer=3, stride=3, landmark=4)
    # Reading begins at base 4 % 3 = 1; the last base makes no codon.
    assert spread(embedding, np.array([3.0, 6.0]), 8).tolist() == [0, 1, 1, 1, 2, 2, 2, 0]


def test_nothing_is_the_mean_of_the_known_tokens_of_a_kind() -> None:
    embedding = Embedding(6, 1, kmer=1, stride=1, landmark=2)
    with torch.no_grad():
        embedding.table.weight[:, 0] = torch.tensor([0, 1, 2, 3, 6, 99, 10, 20, 30, 60, 99.0])
    means = mean_tokens(embedding, torch.tensor([[1, 4, 6, 9]]))
    assert means.flatten().tolist() == [3, 3, 30, 30]


def test_random_weights_are_fresh_and_scales_stay(case: Callable[..., Any]) -> None:
    own = case("expression")
    card = {"settings": own_settings(), "about": own.encoded.about}
    fresh, again = (randomised(own.task, card, own.network, 1) for _ in range(2))
    assert torch.equal(fresh.centre, own.network.centre)
    pairs = list(zip(fresh.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(one, other) for one, other in pairs)
    known = own.network.encoder.embedding.table.weight
    assert not torch.equal(fresh.encoder.embedding.table.weight, known)


def own_settings() -> dict[str, Any]:
    return {"embedding": {"size": 8}, "encoder": {"name": "lstm", "hidden_size": 8},
            "head": {"hidden": 16, "dropout": 0.1}}  # fmt: skip


def test_rank_correlation_by_hand() -> None:
    assert rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 20, 90])) == pytest.approx(1)
    # Ranks 1 2 3 4 against 2 1 4 3: 1 - 6 * 4 / (4 * 15)
    assert rank_correlation(np.arange(4.0), np.array([2.0, 1, 4, 3])) == pytest.approx(0.6)
    assert rank_correlation(np.zeros(4), np.arange(4.0)) is None
