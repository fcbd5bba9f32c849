"""How fast a network reads, told so that encoders can be compared."""

from __future__ import annotations

import time

import torch

from bioseq_lstm.tasks.base import Batch


class Pace:
    """Letters that were read, and the seconds that it took: of the batches alone.

    A letter is a residue, base or character of SMILES, whatever k-mers an embedding makes of
    them; padding does not count. Where each drug and target of a block of pairs is read once, it
    counts once a block. Making batches is not timed.
    """

    def __init__(self) -> None:
        self.letters, self.seconds = 0, 0.0
        self._started = 0.0

    def start(self) -> None:
        self._started = time.perf_counter()

    def stop(self, batch: Batch) -> None:
        if batch.target.is_cuda:
            torch.cuda.synchronize()  # else what is still under way would not be timed
        self.seconds += time.perf_counter() - self._started
        self.letters += letters(batch)

    @property
    def per_second(self) -> float:
        return self.letters / self.seconds


def letters(batch: Batch) -> int:
    """Letters of all sequences of a batch, without padding."""
    counted = (t for name, t in batch.inputs.items() if name.endswith("lengths"))
    return sum(int(lengths.sum()) for lengths in counted)
