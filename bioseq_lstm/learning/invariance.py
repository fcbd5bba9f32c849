"""Whether a prediction depends on anything but its record: the batch, its order, the threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.learning.training import run_batches
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.tasks.base import Task

RECORDS = 16


@dataclass(frozen=True)
class Invariance:
    """The largest change of a predicted value, in the units of the data, over ``records``."""

    records: int
    largest_change: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_invariance(
    task: Task, network: nn.Module, encoded: Encoded, rows: np.ndarray, settings: TrainingSettings
) -> Invariance:
    """Predict some of ``rows`` in batches, each alone, and in the batches reversed, other threads.

    What is left is rounding: sums of single precision, taken in another order. Of pairs, the
    pairs of a batch are reversed; its drugs and targets are encoded in one order always.
    """
    chosen = rows[np.linspace(0, len(rows) - 1, min(RECORDS, len(rows))).astype(int)]
    batches = task.batches(encoded, chosen, settings, None)
    run = partial(run_batches, task, network, encoded, pace=Pace())
    together = run(batches)
    alone = run([chosen[i : i + 1] for i in range(len(chosen))])
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        backwards = run([members[::-1] for members in batches])
    finally:
        torch.set_num_threads(before)
    change = max(
        float(np.abs(others[row] - value).max())
        for others in (alone, backwards)
        for row, value in together.items()
    )
    return Invariance(len(chosen), change)
