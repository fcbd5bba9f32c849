from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.data.alphabets import DNA
from bioseq_lstm.learning.explaining.mutants import (
    Wild,
    most_that_count,
    saturation,
    single_mutants,
)

WAYS: list[dict[str, Any]] = [
    {"task": "structure"},
    {"task": "structure", "encoder": "convlstm"},
    {"task": "expression", "stride": 3, "composition": True},
    {"task": "affinity", "composition": True},
]


def one_by_one(case: Any, sequences: list[np.ndarray]) -> list[float]:
    """The plain loop: every mutant in a batch of its own."""
    side, scores = case.explained.mutated, []
    for codes in sequences:
        encoded = case.explained.mutants(case.encoded, case.row, side, [codes])
        batch = case.task.collate(encoded, np.array([0]))
        with torch.inference_mode():
            scores.append(float(case.question.score(case.network, case.network(batch.inputs))))
    return scores


@pytest.mark.parametrize("how", WAYS, ids=str)
def test_saturation_equals_the_plain_loop_over_mutants(
    case: Callable[..., Any], how: dict[str, Any]
) -> None:
    own = case(**how)
    wild = Wild(own.task, own.explained, own.encoded, own.row, own.explained.mutated)
    positions = np.arange(len(wild.codes))
    table = saturation(wild, [own.network], own.question, positions)
    alphabet = own.explained.sides[wild.side]
    assert len(table) == len(positions) * (len(alphabet.letters) - 1)
    sequence = alphabet.decode(wild.codes)
    changed = []
    for row in table.itertuples():
        assert sequence[row.position - 1] == row.wild != row.letter
        text = sequence[: row.position - 1] + row.letter + sequence[row.position :]
        changed.append(alphabet.encode(text))
    before, *after = one_by_one(own, [wild.codes, *changed])
    np.testing.assert_allclose(table["effect"], np.array(after) - before, atol=2e-5)
    assert np.abs(after - np.array(before)).max() > 1e-3


def test_equal_mutants_are_predicted_once(case: Callable[..., Any]) -> None:
    own = case("expression")
    wild = Wild(own.task, own.explained, own.encoded, own.row, "gene")
    mutants, _, _ = single_mutants(wild.codes, DNA, [1, 2])
    read = [len(rows) for rows, _, _ in wild.read(own.network, mutants)]
    twice = np.concatenate([mutants, mutants[::-1]])
    seen: list[int] = []
    own.network.register_forward_hook(lambda _, __, outputs: seen.append(len(outputs)))
    scores = wild.scores(own.network, own.question, twice)
    assert sum(seen) == sum(read) == 6
    np.testing.assert_array_equal(scores[:6], scores[6:][::-1])


def test_where_there_are_too_many_the_positions_that_count_most_are_mutated() -> None:
    weights = np.array([0.1, -5.0, 0.2, 3.0])
    assert most_that_count(weights, 6, 4).tolist() == [1, 3]
    assert most_that_count(weights, 12, 4).tolist() == [0, 1, 2, 3]
