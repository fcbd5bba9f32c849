"""What every training begins and ends with: a new network and what it stands on, its predictions.

The runs of a dataset and those of its learning curve differ in their rows and in what is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacking import Stack, inputs, stack
from bioseq_lstm.learning.starting import start_from
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks.base import Parts, Task


@dataclass(frozen=True)
class Start:
    """A network before its training, and what it is to learn.

    ``record`` is where it starts from, JSON-ready: ``init_from``, and the ``stack`` beneath it.
    """

    task: Task
    model: ModelSettings
    network: nn.Module
    left: Encoded
    under: Stack | None
    record: dict[str, Any]

    def decode(
        self, network: nn.Module, encoded: Encoded, rows: np.ndarray, pace: Pace | None = None
    ) -> list[np.ndarray]:
        """Predictions of ``rows`` by the trained network, with what lies under it added."""
        decoded = run_network(self.task, network, encoded, rows, self.model.training, pace)
        return decoded if self.under is None else self.under.sum(rows, decoded)


def start(
    task: Task,
    model: ModelSettings,
    learnt: Encoded,
    parts: Parts,
    layout: Layout,
    fold: int,
    seed: int,
) -> Start:
    """A new network for the training part, from the weights and on the baseline that it names."""
    torch.manual_seed(seed)
    network = task.network(model, learnt, parts.train)
    record = {} if model.init_from is None else {"init_from": start_from(network, model.init_from)}
    if model.stack_on is None:
        return Start(task, model, network, learnt, None, record)
    under = stack(task, model.stack_on, learnt, read_splits(layout.splits), parts, seed)
    record["stack"] = {**under.record, "fold": fold, "inputs": inputs(layout)}
    return Start(task, model, network, under.left(learnt), under, record)


def fingerprint(record: Mapping[str, Any]) -> str:
    """Of all that a training depends on: a checkpoint with another one is another training's."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
