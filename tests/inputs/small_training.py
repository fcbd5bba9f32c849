"""Short trainings of the toy tasks, and what cuts them off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.training import Trained, train
from bioseq_lstm.tasks.base import Batch
from bioseq_lstm.tasks.structure.task import StructureTask


def trained(toy: Any, folder: Path, seed: int = 1, fingerprint: str = "f") -> Trained:
    torch.manual_seed(seed)
    network = toy.task.network(toy.model, toy.encoded, toy.parts.train)
    return train(
        toy.task,
        network,
        toy.encoded,
        toy.parts,
        toy.model.training,
        seed,
        folder,
        fingerprint,
    )


def weights(network: nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in network.state_dict().items()}


def assert_same(a: Trained, b: Trained) -> None:
    """The very weights and losses, not nearly the same."""
    for (name, one), other in zip(
        weights(a.network).items(), weights(b.network).values(), strict=True
    ):
        np.testing.assert_array_equal(one, other, err_msg=name)
    for column in ("epoch", "train_loss", "validation_loss"):
        assert a.history[column].tolist() == b.history[column].tolist()
    assert (a.best_epoch, a.validation_loss) == (b.best_epoch, b.validation_loss)


def mean_loss(toy: Any, network: nn.Module, rows: np.ndarray) -> float:
    """The loss over all targets of ``rows`` at once."""
    batch = toy.task.collate(toy.encoded, rows)
    with torch.no_grad():
        return float(toy.task.loss(network.eval(), network(batch.inputs), batch))


class CutOff(StructureTask):
    """A task whose ``batch``-th batch of all epochs never comes."""

    def __init__(self, batch: int, how: Callable[[], None]) -> None:
        self.left, self.how = batch, how

    def collate(self, encoded: Encoded, rows: np.ndarray) -> Batch:
        if self.left == 0:
            self.how()
        self.left -= 1
        return super().collate(encoded, rows)


def power_cut() -> None:
    raise RuntimeError("power cut")


def contradicting(data: Any) -> Any:
    """Data whose validation part teaches the opposite: its loss soon rises."""
    rows = data.parts.validation
    labels = data.encoded.sequences["labels"]
    codes = labels.codes.copy()
    for row in rows:
        own = slice(labels.offsets[row], labels.offsets[row + 1])
        codes[own] = np.where(codes[own] <= 8, codes[own] % 8 + 1, codes[own])
    return replace(data, encoded=data.encoded.with_sequences(labels=replace(labels, codes=codes)))
