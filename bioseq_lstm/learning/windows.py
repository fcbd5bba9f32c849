"""Sequences too long to be read at once, read in windows that overlap."""

from __future__ import annotations

import numpy as np
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.tasks.base import Task

# Memory grows with the length, 13 kB a residue for two layers of 256. No known protein is as long
# as a window, so that windows are for what is no protein, or for many joined into one.
WINDOW = 50_000
MARGIN = 1_000  # letters on either side of what is kept of a window


def predict_new_rows(task: Task, network: nn.Module, encoded: Encoded) -> list[np.ndarray]:
    """Decoded predictions of all samples; those of long sequences are joined from windows.

    Only tasks that predict letter by letter have windows; others read every sequence whole.
    """
    settings, rows = TrainingSettings(), np.arange(task.count(encoded))
    name = task.by_position
    if name is None or encoded.sequences[name].lengths.max(initial=0) <= WINDOW:
        return run_network(task, network, encoded, rows, settings)
    sequences = encoded.sequences[name]
    cuts = [windows(int(length)) for length in sequences.lengths]
    pieces = [sequences[row][cut.read] for row, own in enumerate(cuts) for cut in own]
    cut_up = encoded.with_sequences(**{name: Ragged.from_list(pieces)})
    decoded = iter(run_network(task, network, cut_up, np.arange(len(pieces)), settings))
    return [np.concatenate([next(decoded)[cut.keep] for cut in own]) for own in cuts]


class Cut:
    """Letters ``read`` of a sequence, and which of those predictions to ``keep``."""

    def __init__(self, start: int, stop: int, length: int) -> None:
        first, last = max(0, start - MARGIN), min(length, stop + MARGIN)
        self.read, self.keep = slice(first, last), slice(start - first, stop - first)


def windows(length: int) -> list[Cut]:
    """The windows of a sequence; what they keep are its letters, each once and in order."""
    if length <= WINDOW:
        return [Cut(0, length, length)]
    step = WINDOW - 2 * MARGIN
    return [Cut(start, min(start + step, length), length) for start in range(0, length, step)]
