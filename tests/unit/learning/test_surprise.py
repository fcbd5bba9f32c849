from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.planted import PLANTS, evaluate_planted
from bioseq_lstm.learning.surprise import FEWEST_HELD_OUT, Signal, Surprise
from bioseq_lstm.tasks.base import Parts


def lengths_of(sequences: Ragged) -> np.ndarray:
    return sequences.lengths.astype(float)


def ragged(*lengths: int) -> Ragged:
    return Ragged.from_list([np.ones(length, np.uint8) for length in lengths])


def test_rarity_is_the_share_of_usual_ones_as_high_with_the_sequence_counted_in() -> None:
    signal = Signal("chain", lengths_of, np.array([1.0, 2.0, 3.0, 4.0]), True)
    # Of 4 usual ones and itself: 5 of 5 are as long as 1, 3 of 5 as 3, itself alone as 9.
    assert signal.rarity(ragged(1, 3, 9)) == pytest.approx([1.0, 0.6, 0.2])


def test_two_signals_have_two_chances_to_be_rare() -> None:
    signal = Signal("chain", lengths_of, np.arange(1.0, 20.0), True)
    flat = Signal("chain", lambda own: np.zeros(len(own)), np.zeros(19), True)
    both = Surprise([signal, flat], {})
    assert both.rarity("chain", ragged(50)) == pytest.approx([2 * 0.05])
    assert both.rarity("chain", ragged(1)) == pytest.approx([1.0])
    assert both.least("chain") == pytest.approx(2 / 20)


def test_too_few_usual_ones_tell_nothing() -> None:
    few = Surprise([Signal("target", lengths_of, np.arange(1.0, 19.0), True)], {})
    assert few.rarity("target", ragged(1, 500)).tolist() == [1.0, 1.0]
    assert few.least("target") == 0.0


@pytest.mark.parametrize("task", ["structure", "expression", "affinity"])
def test_usual_are_the_validation_sequences_that_training_lacks(
    toy: Callable[..., Any], task: str
) -> None:
    data = toy(task)
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    fitted = Surprise.fit(data.task, network, data.encoded, data.parts)
    members = data.task.members(data.encoded)
    for signal in fitted.signals:
        train, validation = (
            set(members[signal.kind][rows]) for rows in (data.parts.train, data.parts.validation)
        )
        unseen = validation - train
        assert signal.held_out == (len(unseen) >= FEWEST_HELD_OUT)
        assert len(signal.reference) == len(unseen if signal.held_out else train)


def test_planted_outliers_stand_beside_test_sequences_that_training_lacks(
    toy: Callable[..., Any],
) -> None:
    data = toy("expression")
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    fitted = Surprise.fit(data.task, network, data.encoded, data.parts)
    rows = evaluate_planted(data.task, fitted, data.encoded, data.parts, 0.1)
    assert [row["planted"] for row in rows][1:] == list(PLANTS)
    assert {row["sequences"] for row in rows} == {len(data.parts.test)}
    assert all(row["low"] <= row["auc"] <= row["high"] for row in rows[1:])
    repeated = rows[-1]
    assert repeated["auc"] > 0.9  # one base over and over, beside four in equal parts
    seen = Parts(data.parts.train, data.parts.validation, data.parts.train)
    assert evaluate_planted(data.task, fitted, data.encoded, seen, 0.1) == []
