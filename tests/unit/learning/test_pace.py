from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.learning.pace import Pace, letters
from bioseq_lstm.learning.training import run_network

Make = Callable[..., Any]


@pytest.mark.parametrize(("task", "entity"), [("structure", "chain"), ("expression", "gene")])
def test_letters_of_a_batch_are_counted_without_padding(toy: Make, task: str, entity: str) -> None:
    data = toy(task)
    rows = np.array([3, 1, 8])
    lengths = data.encoded.sequences[entity].lengths[rows]
    assert len(set(lengths)) > 1  # so that there is padding
    assert letters(data.task.collate(data.encoded, rows)) == lengths.sum()


def test_codons_are_counted_by_their_letters(toy: Make) -> None:
    rows = np.arange(5)
    one, three = toy("expression"), toy("expression", stride=3)
    assert letters(one.task.collate(one.encoded, rows)) == letters(
        three.task.collate(three.encoded, rows)
    )


def test_a_drug_and_a_target_of_several_pairs_are_counted_once(toy: Make) -> None:
    data = toy("affinity")
    pairs = data.encoded.arrays["pairs"]
    rows = np.flatnonzero((pairs[:, 0] < 2) & (pairs[:, 1] < 2))
    assert len(rows) == 4
    expected = sum(data.encoded.sequences[side].lengths[:2].sum() for side in ("drug", "target"))
    assert letters(data.task.collate(data.encoded, rows)) == expected


@pytest.mark.parametrize("task", ["structure", "expression"])
def test_a_prediction_tells_what_it_read(toy: Make, task: str) -> None:
    data, pace = toy(task), Pace()
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    rows = data.parts.test
    run_network(data.task, network, data.encoded, rows, data.model.training, pace)
    (sequences,) = (s for name, s in data.encoded.sequences.items() if name != "labels")
    assert pace.letters == sequences.lengths[rows].sum()
    assert pace.per_second == pace.letters / pace.seconds > 0
