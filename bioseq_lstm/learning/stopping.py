"""What ends a training before its last epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.checkpoint import BEST, keep_weights
from bioseq_lstm.tasks.base import Batch, Parts

NAMED = 10  # records of a batch that a message names
LAST_GOOD = "last-good.safetensors"
_FULL = ("not enough memory", "allocate memory", "could not create a memory object", "bad_alloc",
         "out of memory")  # fmt: skip


class StopAtNaN(Callback):
    """A loss that is not finite is an error, told with the records, and with what to do.

    The weights of the best epoch before it are kept beside the folder of checkpoints.
    """

    def __init__(self, parts: Parts, folder: Path) -> None:
        self.parts, self.folder = parts, folder

    def on_train_batch_end(
        self, trainer: Any, learner: Any, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        rows = batch.rows
        named = ", ".join(self.parts.name(int(row)) for row in rows[:NAMED])
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        self._check(outputs["loss"], "the loss", trainer, f", in the batch of {named}{more}")

    def on_validation_end(self, trainer: Any, learner: Any) -> None:
        self._check(trainer.callback_metrics["validation_loss"], "the validation loss", trainer)

    def _check(self, loss: Tensor, name: str, trainer: Any, where: str = "") -> None:
        if torch.isfinite(loss):
            return
        best, kept = self.folder / BEST, self.folder.parent / LAST_GOOD
        if best.exists():
            keep_weights(best, kept)
            left = f"the weights of the best epoch before it are kept in {kept}"
        else:
            left = "no epoch had ended before it"
        raise UserError(
            f"{name} is not finite at step {trainer.global_step}{where}: "
            "lower training.learning_rate, set training.precision: float32, or look at these "
            f"records; {left}"
        )


class Patience(EarlyStopping):
    """Early stopping that a run which was cut off after its last epoch remembers."""

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch, its libraries or Python says that memory was not enough."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _FULL)
