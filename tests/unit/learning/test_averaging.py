"""The moving average of the weights, and epochs that take a part of each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_training import CutOff, assert_same, mean_loss, power_cut, trained

from bioseq_lstm.learning.learner import WARM_UP, Learner

Make = Callable[..., Any]


def test_the_average_is_kept_from_the_end_of_the_warm_up_on(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[dict[str, torch.Tensor]] = []
    ended = Learner.on_train_batch_end

    def recorded(self: Learner, *arguments: Any) -> None:
        steps.append({k: v.detach().double() for k, v in self.network.named_parameters()})
        ended(self, *arguments)

    monkeypatch.setattr(Learner, "on_train_batch_end", recorded)
    data = toy("structure").told(epochs=3, patience=3, averaging=0.6)
    found = trained(data, tmp_path)
    per_epoch, left = divmod(len(steps), 3)
    assert left == 0 and per_epoch > 1
    start = int(WARM_UP * len(steps))
    expected = steps[start]
    for step in steps[start + 1 : (found.best_epoch + 1) * per_epoch]:
        expected = {name: 0.6 * expected[name] + 0.4 * step[name] for name in expected}
    for name, parameter in found.network.named_parameters():
        # float32, a few dozen sums
        torch.testing.assert_close(parameter.double(), expected[name], rtol=0, atol=1e-5)


def test_what_is_validated_is_what_is_kept(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=4, averaging=0.9)
    found = trained(data, tmp_path)
    measured = mean_loss(data, found.network, data.parts.validation)
    assert found.validation_loss == pytest.approx(measured, rel=1e-5)


def test_an_average_that_was_cut_off_goes_on_as_if_undisturbed(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=5, patience=5, averaging=0.8)
    undisturbed = trained(data, tmp_path / "a")
    parts = (data.parts.train, data.parts.validation)
    batches = [
        len(data.task.batches(data.encoded, rows, data.model.training, None)) for rows in parts
    ]
    with pytest.raises(RuntimeError, match="power cut"):
        trained(replace(data, task=CutOff(int(2.5 * sum(batches)), power_cut)), tmp_path / "b")
    assert_same(trained(data, tmp_path / "b"), undisturbed)


def test_an_epoch_takes_no_more_of_a_group_than_asked(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("structure").told(epochs=2, patience=2, per_group=1)
    groups = data.parts.groups.copy()
    groups[data.parts.train] = np.array(["a", "b", "c"])[np.arange(len(data.parts.train)) % 3]
    seen: list[np.ndarray] = []
    collate = data.task.collate

    def told(encoded: Any, rows: np.ndarray) -> Any:
        seen.append(rows[np.isin(rows, data.parts.train)])
        return collate(encoded, rows)

    monkeypatch.setattr(data.task, "collate", told)

    class Told:
        parts = replace(data.parts, groups=groups)
        task, model, encoded = data.task, data.model, data.encoded

    trained(Told, tmp_path)
    rows = np.concatenate(seen)
    wanted = np.unique(groups[data.parts.train])
    assert sorted(groups[rows]) == sorted([*wanted, *wanted])  # once in each of two epochs
