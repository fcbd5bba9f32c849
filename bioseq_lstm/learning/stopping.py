"""What ends a training before its last epoch."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from torch import Tensor

from bioseq_lstm.errors import UserError


class StopAtNaN(Callback):
    """A loss that is not finite is an error, told with what to do."""

    def on_train_batch_end(self, trainer: Any, learner: Any, outputs: Any, *_: Any) -> None:
        self._check(outputs["loss"], "the loss", trainer)

    def on_validation_end(self, trainer: Any, learner: Any) -> None:
        self._check(trainer.callback_metrics["validation_loss"], "the validation loss", trainer)

    def _check(self, loss: Tensor, name: str, trainer: Any) -> None:
        if not torch.isfinite(loss):
            raise UserError(
                f"{name} is not finite at step {trainer.global_step}: "
                "lower training.learning_rate or set training.precision: float32"
            )


class Patience(EarlyStopping):
    """Early stopping that a run which was cut off after its last epoch remembers."""

    def on_train_start(self, trainer: Any, learner: Any) -> None:
        trainer.should_stop = trainer.should_stop or self.wait_count >= self.patience
