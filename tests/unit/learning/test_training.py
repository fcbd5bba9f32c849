from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_training import (
    assert_same,
    contradicting,
    mean_loss,
    trained,
)
from torch import Tensor, nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.learner import Learner
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.nn.native import library
from bioseq_lstm.tasks.base import Batch
from bioseq_lstm.tasks.structure.task import StructureTask

TASKS = ("structure", "expression", "affinity")
Make = Callable[..., Any]


# --- the same again


@pytest.mark.parametrize("task", TASKS)
def test_the_same_seed_gives_the_same_weights_and_predictions(
    toy: Make, tmp_path: Path, task: str
) -> None:
    data = toy(task).told(epochs=2)
    first, second = (trained(data, tmp_path / name) for name in "ab")
    assert_same(first, second)
    settings = data.model.training
    for one, other in zip(
        *(run_network(data.task, t.network, data.encoded, data.parts.test, settings)
          for t in (first, second)),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_weights(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=1)
    first, second = trained(data, tmp_path / "a", 1), trained(data, tmp_path / "b", 2)
    assert first.validation_loss != second.validation_loss


def test_every_epoch_has_batches_of_its_own(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=2)
    seen: list[tuple[int, ...]] = []

    class Watched(StructureTask):
        def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
            seen.append(tuple(rows.tolist()))
            return super().collate(encoded, rows)

    trained(replace(data, task=Watched()), tmp_path)
    train = [rows for rows in seen if set(rows) <= set(data.parts.train.tolist())]
    first, second = train[: len(train) // 2], train[len(train) // 2 :]
    assert sorted(sum(first, ())) == sorted(sum(second, ())) == data.parts.train.tolist()
    assert first != second


# --- learning


@pytest.mark.parametrize("encoder", ["lstm", "convlstm"])
@pytest.mark.parametrize("task", TASKS)
def test_what_can_be_learnt_is_learnt(toy: Make, tmp_path: Path, task: str, encoder: str) -> None:
    data = toy(task, encoder).told(epochs=12)
    found = trained(data, tmp_path)
    start = data.task.network(data.model, data.encoded, data.parts.train)
    assert found.validation_loss < mean_loss(data, start, data.parts.validation) / 3
    assert found.history["train_loss"].iloc[-1] < found.history["train_loss"].iloc[0] / 3
    assert found.history["epoch"].tolist() == list(range(12))


def test_labels_that_follow_from_the_residue_are_predicted(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=15)
    network = trained(data, tmp_path).network
    rows = data.parts.test
    decoded = run_network(data.task, network, data.encoded, rows, data.model.training)
    states = np.concatenate([p.argmax(axis=1) for p in decoded])
    truth = data.encoded.sequences["labels"].take(rows).codes.astype(int) - 1
    assert (states == truth)[truth < 8].mean() > 0.95


def test_what_it_cost_is_written_down(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=1)
    found = trained(data, tmp_path)
    assert found.cost["epochs"] == 1
    assert found.cost["precision"] == "32-true"
    assert found.cost["parameters"] == sum(p.numel() for p in found.network.parameters())
    assert found.cost["engine"] == "torch"  # its own LSTM
    assert not found.network.training


class Clock:
    """Stands still but where it is put forward; takes the place of the module ``time``."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


def test_tokens_per_second_are_those_of_training_batches_alone(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()

    class Slow(StructureTask):
        """A batch takes 7 seconds to make, 3 to learn from, and 5 when it is of validation."""

        def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
            clock.now += 7
            return super().collate(encoded, rows)

        def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
            clock.now += 3 if network.training else 5
            return super().loss(network, outputs, batch)

    monkeypatch.setattr("bioseq_lstm.learning.pace.time", clock)
    data = toy("structure").told(epochs=3)
    found = trained(replace(data, task=Slow()), tmp_path)
    letters = int(data.encoded.sequences["chain"].lengths[data.parts.train].sum())
    batches = [len(_batches(data, epoch)) for epoch in range(3)]
    per_second = [letters / (3 * count) for count in batches]
    assert found.history["tokens_per_second"].tolist() == pytest.approx(per_second)
    assert found.cost["tokens_per_second"] == pytest.approx(np.median(per_second), abs=0.05)


def _batches(data: Any, epoch: int) -> list[np.ndarray]:
    rng = np.random.default_rng([1, epoch])
    batches: list[np.ndarray] = data.task.batches(
        data.encoded, data.parts.train, data.model.training, rng
    )
    return batches


@pytest.mark.parametrize("encoder", ["lstm", "convlstm", "peephole"])
def test_the_engine_is_what_runs_the_time_loop(toy: Make, tmp_path: Path, encoder: str) -> None:
    data = toy("structure", encoder).told(epochs=1)
    in_cpp = encoder == "peephole" and library.available()
    assert trained(data, tmp_path / "a").cost["engine"] == ("cpp" if in_cpp else "torch")
    with library.disabled():
        assert trained(data, tmp_path / "b").cost["engine"] == "torch"


# --- the validation part alone chooses the epoch


def test_the_weights_are_those_of_the_best_epoch_not_of_the_last(toy: Make, tmp_path: Path) -> None:
    data = contradicting(toy("structure")).told(epochs=8, patience=8)
    found = trained(data, tmp_path)
    losses = found.history["validation_loss"]
    assert found.best_epoch == losses.idxmin() < 7
    assert found.validation_loss == losses.min() < losses.iloc[-1]
    measured = mean_loss(data, found.network, data.parts.validation)
    assert measured == pytest.approx(losses.min(), rel=1e-5)


def test_training_stops_when_the_validation_loss_rises(toy: Make, tmp_path: Path) -> None:
    data = contradicting(toy("structure")).told(epochs=20, patience=2)
    found = trained(data, tmp_path)
    assert len(found.history) == found.best_epoch + 1 + 2 < 20


def test_the_test_part_has_no_say(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=2)
    labels = data.encoded.sequences["labels"]
    codes = labels.codes.copy()
    for row in data.parts.test:
        codes[labels.offsets[row] : labels.offsets[row + 1]] = 1
    other = replace(data, encoded=data.encoded.with_sequences(labels=replace(labels, codes=codes)))
    assert (codes != labels.codes).any()
    assert_same(trained(data, tmp_path / "a"), trained(other, tmp_path / "b"))


@pytest.mark.parametrize("task", ["structure", "affinity"])
def test_the_validation_loss_is_the_mean_over_targets_whatever_the_batches(
    toy: Make, tmp_path: Path, task: str
) -> None:
    data = toy(task).told(epochs=1)
    found = trained(data, tmp_path)
    measured = mean_loss(data, found.network, data.parts.validation)
    assert found.validation_loss == pytest.approx(measured, rel=1e-5)


# --- what goes wrong


def test_a_loss_that_is_not_finite_stops_with_advice(toy: Make, tmp_path: Path) -> None:
    said = r"the loss is not finite at step \d+, in the batch of 'c\d+', .*: lower training\.lea"
    with pytest.raises(UserError, match=said):
        trained(toy("structure").told(learning_rate=1e30), tmp_path)


def test_a_validation_loss_that_is_not_finite_stops_too(toy: Make, tmp_path: Path) -> None:
    class Broken(StructureTask):
        def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
            loss = super().loss(network, outputs, batch)
            return loss if network.training else loss * torch.nan

    with pytest.raises(UserError, match="the validation loss is not finite"):
        trained(replace(toy("structure"), task=Broken()), tmp_path)


# --- the learning rate


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth(toy: Make) -> None:
    data = toy("structure")
    network = data.task.network(data.model, data.encoded, data.parts.train)
    learner = Learner(data.task, network, data.model.training, total_steps=100, seed=1)
    schedule = learner.configure_optimizers()["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(100):
        rates.append(schedule.get_last_lr()[0] / data.model.training.learning_rate)
        schedule.optimizer.step()
        schedule.step()
    np.testing.assert_allclose(rates[:10], np.arange(1, 11) / 10)
    np.testing.assert_allclose(rates[55], 0.01 + 0.99 / 2)  # half of the cosine
    assert np.argmax(rates) in (9, 10)
    assert rates[-1] == pytest.approx(0.01, abs=1e-3)


def test_weight_decay_spares_biases(toy: Make) -> None:
    data = toy("structure")
    network = data.task.network(data.model, data.encoded, data.parts.train)
    learner = Learner(data.task, network, data.model.training, total_steps=10, seed=1)
    decayed, plain = learner.configure_optimizers()["optimizer"].param_groups
    assert plain["weight_decay"] == 0 < decayed["weight_decay"]
    assert {p.ndim for p in plain["params"]} == {1}
    assert len(decayed["params"]) + len(plain["params"]) == len(list(network.parameters()))


# --- predictions


@pytest.mark.parametrize("encoder", ["lstm", "convlstm"])
@pytest.mark.parametrize(
    ("task", "stride", "composition"),
    [*((task, 1, False) for task in TASKS), ("expression", 3, True), ("affinity", 1, True)],
)
def test_a_prediction_does_not_depend_on_its_batch(
    toy: Make, task: str, encoder: str, stride: int, composition: bool
) -> None:
    data = toy(task, encoder, stride, composition=composition)
    torch.manual_seed(3)
    network: nn.Module = data.task.network(data.model, data.encoded, data.parts.train)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)  # a new network hardly looks at its input
    rows = np.arange(data.task.count(data.encoded))
    settings = data.model.training
    alone = [
        run_network(data.task, network, data.encoded, np.array([row]), settings)[0]
        for row in rows[:20]
    ]
    assert np.ptp(np.concatenate([np.ravel(a) for a in alone])) > 0.05
    for budget, order in ((50, rows), (1000, rows[::-1]), (10**6, np.roll(rows, 7))):
        block = settings.block.model_copy(update={"drugs": budget, "targets": budget // 50})
        other = settings.model_copy(update={"token_budget": budget, "block": block})
        together = run_network(data.task, network, data.encoded, order, other)
        by_row = dict(zip(order.tolist(), together, strict=True))
        for row, one in enumerate(alone):
            np.testing.assert_allclose(by_row[row], one, atol=1e-5)


def test_predictions_are_made_without_dropout(toy: Make) -> None:
    data = toy("structure")
    network: nn.Module = data.task.network(data.model, data.encoded, data.parts.train).train()
    first, second = (
        run_network(data.task, network, data.encoded, data.parts.test, data.model.training)
        for _ in range(2)
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
