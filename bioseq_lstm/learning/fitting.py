"""What every training begins and ends with: a new network and what it stands on, its predictions.

The runs of a dataset and those of its learning curve differ in their rows and in what is kept.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.learning.stacking import Stack, inputs, stack
from bioseq_lstm.learning.starting import start_from
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.nn.heads import PairHead, SequenceHead, shrink
from bioseq_lstm.provenance import code_digest, machine, versions
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

    def settle(self, trained: nn.Module, rows: np.ndarray) -> dict[str, Any]:
        """Shrink what a trained network adds to its baselines to what ``rows`` bear out.

        The least-squares coefficient of its predictions of the validation part, at least 0 and at
        most 1 (Breiman 1996, Machine Learning 24, 49-64): where validation does not see that it
        helps, the sum is theirs. Returns ``record`` with the ``share`` of it that is left.
        """
        if self.under is None:
            return self.record
        decoded = run_network(self.task, trained, self.left, rows, self.model.training)
        assert isinstance(trained.centre, Tensor)
        said = np.array(decoded, dtype=float) - trained.centre.numpy()
        asked = self.left.arrays["values"][rows] - trained.centre.numpy()
        known = np.isfinite(asked)
        norm = float(np.square(said[known]).sum())
        share = float(np.clip((said * asked)[known].sum() / norm, 0, 1)) if norm else 0.0
        assert isinstance(trained.head, SequenceHead | PairHead)
        shrink(trained.head, share)
        print(f"stacked: {share:.0%} of what the network adds is borne out", file=sys.stderr)
        return {**self.record, "stack": {**self.record["stack"], "share": share}}

    def decode(
        self, trained: nn.Module, encoded: Encoded, rows: np.ndarray, pace: Pace | None = None
    ) -> list[np.ndarray]:
        """Predictions of ``rows`` by the trained network, with what lies under it added."""
        decoded = run_network(self.task, trained, encoded, rows, self.model.training, pace)
        return decoded if self.under is None else self.under.sum(rows, decoded)


def start(
    task: Task,
    model: ModelSettings,
    learnt: Encoded,
    splits: pd.DataFrame,
    fold: int,
    parts: Parts,
    seed: int,
    made_of: Mapping[str, Any],
) -> Start:
    """A new network for the training part, from the weights and on the baselines that it names.

    ``made_of`` (see ``ingredients``) has the checksums of the data, by which baselines beneath the
    network are fitted again later.
    """
    torch.manual_seed(seed)
    network = task.network(model, learnt, parts.train)
    record = {} if model.init_from is None else {"init_from": start_from(network, model.init_from)}
    if not model.stack_on:
        return Start(task, model, network, learnt, None, record)
    under = stack(task, model.stack_on, learnt, splits, parts, seed)
    record["stack"] = {**under.record, "fold": fold, "inputs": made_of["inputs"]}
    return Start(task, model, network, under.left(learnt), under, record)


def ingredients(model: ModelSettings, layout: Layout, seed: int, module: str) -> dict[str, Any]:
    """What every training depends on, JSON-ready; ``module`` is the one that trains."""
    return {
        "seed": seed,
        "settings": model.model_dump(mode="json"),
        "code": code_digest(module, "bioseq_lstm.tasks.*.task", "bioseq_lstm.tasks.*.stacking"),
        "inputs": inputs(layout),
        "versions": versions(),
        "machine": machine(),
        "threads": torch.get_num_threads(),
    }


def fingerprint(record: Mapping[str, Any]) -> str:
    """Of all that a training depends on: a checkpoint with another one is another training's."""
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
