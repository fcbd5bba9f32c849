"""Whether a prediction depends on anything but its record: the batch, its order, the threads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.settings import TrainingSettings
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
    """Predict some of ``rows`` together, each alone, and together again: reversed, other threads.

    What is left is rounding: sums of single precision, taken in another order.
    """
    chosen = rows[np.linspace(0, len(rows) - 1, min(RECORDS, len(rows))).astype(int)]
    together = run_network(task, network, encoded, chosen, settings)
    alone = [run_network(task, network, encoded, chosen[i : i + 1], settings)[0]
             for i in range(len(chosen))]  # fmt: skip
    before = torch.get_num_threads()
    torch.set_num_threads(2 if before == 1 else 1)
    try:
        backwards = run_network(task, network, encoded, chosen[::-1], settings)[::-1]
    finally:
        torch.set_num_threads(before)
    change = max(
        float(np.abs(other - value).max())
        for others in (alone, backwards)
        for other, value in zip(others, together, strict=True)
    )
    return Invariance(len(chosen), change)
