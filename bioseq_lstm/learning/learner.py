"""What Lightning is given to train: a step's loss, the optimiser, the batches of each epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn

from bioseq_lstm.data.batching import thinned
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.nn.recurrence import begin_epoch, penalties
from bioseq_lstm.tasks.base import Batch, Parts, Task

WARM_UP = 0.1  # share of the steps during which the learning rate rises


@dataclass
class Sharing:
    """How each batch is shared out: over processes, and over steps whose gradients are added.

    The mean over processes and steps of what the shares' losses give, each by its ``weight``,
    is the gradient of the whole batch: how many there are changes no more than rounding.
    """

    processes: int = 1
    rank: int = 0
    steps: int = 1

    def of(self, task: Task, encoded: Encoded, rows: np.ndarray) -> Iterator[Batch]:
        """This process's shares of a batch; one without rows of its own weighs nothing."""
        count = self.processes * self.steps
        if count == 1:
            yield task.collate(encoded, rows)
            return
        targets = int(task.collate(encoded, rows).mask.sum())
        for step in range(self.steps):
            own = rows[self.rank * self.steps + step :: count]
            batch = task.collate(encoded, own if len(own) else rows[:1])
            weight = count * int(batch.mask.sum()) / max(targets, 1) if len(own) else 0.0
            yield replace(batch, weight=weight)


class Learner(lightning.LightningModule):
    """What Lightning needs to know: a step's loss, the optimiser, and the history of epochs."""

    def __init__(
        self,
        task: Task,
        network: nn.Module,
        settings: TrainingSettings,
        total_steps: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.task, self.network, self.settings = task, network, settings
        self.total_steps, self.seed = total_steps, seed
        self.history: list[dict[str, float]] = []
        self._losses: list[tuple[float, int]] = []

    def on_train_epoch_start(self) -> None:
        # Dropout of an epoch depends on the seed and the epoch alone, so that a resumed run
        # ends with the very weights of an undisturbed one.
        rank = [self.global_rank] if self.global_rank else []
        torch.manual_seed(_mix(self.seed, self.current_epoch, *rank))
        begin_epoch(self.network, self.current_epoch)
        self._losses, self._pace = [], Pace()
        self._started = time.perf_counter()

    def on_train_batch_start(self, batch: Batch, _: int) -> None:
        self._pace.start()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        loss = self._loss(batch)
        self._losses.append((float(loss.detach()), _targets(batch)))
        return (loss + penalties(self.network)) * batch.weight

    def on_train_batch_end(self, outputs: Any, batch: Batch, _: int) -> None:
        self._pace.stop(batch)

    def validation_step(self, batch: Batch, _: int) -> None:
        self.log(
            "validation_loss",
            self._loss(batch),
            on_epoch=True,
            batch_size=_targets(batch),
            prog_bar=True,
            sync_dist=self.trainer.world_size > 1,
        )

    def _loss(self, batch: Batch) -> Tensor:
        outputs = self.network(batch.inputs)
        if _targets(batch) == 0:  # the mean over none is no number
            return outputs.float().sum() * 0.0
        return self.task.loss(self.network, outputs, batch)

    def on_train_epoch_end(self) -> None:
        total = self._over_processes(sum(weight for _, weight in self._losses))
        losses = self._over_processes(sum(loss * weight for loss, weight in self._losses))
        epoch = {
            "epoch": self.current_epoch,
            "train_loss": losses / max(total, 1),
            "validation_loss": float(self.trainer.callback_metrics["validation_loss"]),
            "seconds": time.perf_counter() - self._started,
            "tokens_per_second": self._over_processes(self._pace.per_second),
        }
        self.history.append(epoch)
        if self.global_rank == 0:
            print(
                "epoch {epoch:3d}  train {train_loss:.4f}  validation {validation_loss:.4f}  "
                "{seconds:.1f} s  {tokens_per_second:,.0f} tokens/s".format(**epoch),
                file=sys.stderr,
                flush=True,
            )

    def _over_processes(self, number: float) -> float:
        """The sum of each process's number."""
        if self.trainer.world_size == 1:
            return number
        held = torch.tensor(number, dtype=torch.float64, device=self.device)
        return float(self.trainer.strategy.reduce(held, reduce_op="sum"))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history = list(checkpoint["history"])

    def configure_optimizers(self) -> Any:
        decayed = [p for p in self.network.parameters() if p.ndim > 1]
        plain = [p for p in self.network.parameters() if p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": self.settings.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=self.settings.learning_rate,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._share_of_rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def _share_of_rate(self, step: int) -> float:
        """Linear warm-up, then a half cosine down to a hundredth."""
        warm = max(1, int(WARM_UP * self.total_steps))
        if step < warm:
            return (step + 1) / warm
        done = min(1.0, (step - warm) / max(1, self.total_steps - warm))
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))


class _Batches:
    """The batches of one epoch, made as they are asked for."""

    def __init__(self, data: Data, batches: list[np.ndarray]) -> None:
        self.data, self.batches = data, batches

    def __len__(self) -> int:
        return len(self.batches) * self.data.sharing.steps

    def __iter__(self) -> Iterator[Batch]:
        data = self.data
        for rows in self.batches:
            data.at = rows
            yield from data.sharing.of(data.task, data.encoded, rows)


class Data(lightning.LightningDataModule):
    """The batches of a fold; ``at`` are the rows of the one that is being learnt or validated."""

    def __init__(
        self,
        task: Task,
        encoded: Encoded,
        parts: Parts,
        settings: TrainingSettings,
        seed: int,
        sharing: Sharing,
    ) -> None:
        super().__init__()
        self.task, self.encoded, self.parts = task, encoded, parts
        self.settings, self.seed, self.sharing = settings, seed, sharing
        self.at = np.array([], dtype=int)

    def setup(self, stage: str) -> None:
        self.sharing.processes = self.trainer.world_size
        self.sharing.rank = self.trainer.global_rank

    def epoch(self, number: int) -> _Batches:
        rng = np.random.default_rng([self.seed, number])
        rows, groups, most = self.parts.train, self.parts.groups, self.settings.per_group
        if most is not None and groups is not None:
            rows = thinned(rows, groups, most, rng)
        return _Batches(self, self.task.batches(self.encoded, rows, self.settings, rng))

    def train_dataloader(self) -> Any:
        return self.epoch(self.trainer.current_epoch)

    def val_dataloader(self) -> Any:
        rows = self.parts.validation
        return _Batches(self, self.task.batches(self.encoded, rows, self.settings, None))


def _targets(batch: Batch) -> int:
    """Number of targets that count; a share without rows of its own has none."""
    return int(batch.mask.sum()) if batch.weight else 0


def _mix(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
