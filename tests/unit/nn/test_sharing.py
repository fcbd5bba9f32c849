"""Sharing states changes what is computed, not what comes out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bioseq_lstm.nn.encoders import CELLS
from bioseq_lstm.nn.network import SequenceEncoder
from bioseq_lstm.nn.sharing import sharing

LENGTH = 60
LETTERWISE = {"embedding": {"size": 8}, "stem": {"kernels": [3, 7], "channels": 4}}
STRANDS = {
    "embedding": {"size": 8},
    "stem": {"kernels": [3, 7], "channels": 4, "both_strands": True},
    "complement": [4, 3, 2, 1],
}
CODONS = {"embedding": {"size": 8, "kmer": 3, "stride": 3, "landmark": 4}, "stem": None}


def encoder(name: str = "lstm", ways: dict[str, Any] = LETTERWISE, **more: Any) -> SequenceEncoder:
    torch.manual_seed(0)
    attention = more.pop("attention", None)
    options = {"name": name, "hidden_size": 8, **more}
    return SequenceEncoder(6, **ways, encoder=options, attention=attention).eval()


def mutants(places: list[int]) -> tuple[Tensor, Tensor]:
    """A sequence, and one with another letter at each of the places."""
    wild = torch.randint(1, 5, (1, LENGTH), generator=torch.Generator().manual_seed(1))
    changed = wild.repeat(len(places), 1)
    for row, place in enumerate(places):
        changed[row, place] = changed[row, place] % 4 + 1
    return wild, changed


def both(model: SequenceEncoder, wild: Tensor, changed: Tensor) -> tuple[bool, Tensor, Tensor]:
    lengths = torch.full((len(changed),), LENGTH)
    with torch.inference_mode():
        plain, _ = model(changed, lengths)
        with sharing(model, wild) as shared:
            found, _ = model(changed, lengths)
    return shared, plain, found


@pytest.mark.parametrize(
    "ways", [LETTERWISE, STRANDS, CODONS], ids=["letters", "strands", "codons"]
)
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_gives_the_states_of_the_plain_forward(name: str, ways: dict[str, Any]) -> None:
    """In double precision: the quotient of matrix memories makes single rounding show."""
    shared, plain, found = both(encoder(name, ways).double(), *mutants([20, 21, 21, 25]))
    assert shared == (name != "multiplicative")
    torch.testing.assert_close(found, plain, atol=1e-11, rtol=0)


@pytest.mark.parametrize("places", [[0], [LENGTH - 1], [0, LENGTH - 1], [3, 30, 59]])
def test_ends_and_wide_batches_are_exact_too(places: list[int]) -> None:
    _, plain, found = both(encoder(), *mutants(places))
    torch.testing.assert_close(found, plain, atol=2e-5, rtol=0)


def test_the_wild_type_itself_is_no_special_case() -> None:
    wild, _ = mutants([5])
    _, plain, found = both(encoder(), wild, wild)
    torch.testing.assert_close(found, plain, atol=2e-5, rtol=0)


@pytest.mark.parametrize("more", [{"bidirectional": False}, {"attention": {"heads": 2}}])
def test_one_direction_and_attention_over_shared_states(more: dict[str, Any]) -> None:
    shared, plain, found = both(encoder(**more), *mutants([10, 12]))
    assert shared
    torch.testing.assert_close(found, plain, atol=2e-5, rtol=0)


@pytest.mark.parametrize("more", [{"num_layers": 2}, {"name": "convlstm", "window": 8}])
def test_what_cannot_be_shared_is_computed_plainly(more: dict[str, Any]) -> None:
    shared, plain, found = both(encoder(**more), *mutants([10, 12]))
    assert not shared
    assert torch.equal(found, plain)


def test_afterwards_the_encoder_is_as_it_was() -> None:
    model = encoder()
    wild, changed = mutants([10])
    with pytest.raises(ValueError, match="of one length alone"), sharing(model, wild):
        model(changed[:, :-1], torch.tensor([LENGTH - 1]))
    assert "forward" not in vars(model)
