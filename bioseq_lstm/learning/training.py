"""Training one network with Lightning: early stopping, checkpoints, exact resumption."""

from __future__ import annotations

import logging
import math
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from torch import Tensor, nn

from bioseq_lstm.data.batching import thinned
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.learning.checkpoint import AtomicCheckpoints, discard_foreign
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.learning.stopping import Patience, StopAtNaN
from bioseq_lstm.nn.recurrence import begin_epoch, engine, penalties
from bioseq_lstm.settings import TrainingSettings
from bioseq_lstm.tasks.base import Batch, Parts, Task

MIN_DELTA = 1e-3  # a smaller fall of the validation loss does not prolong the training
WARM_UP = 0.1  # share of the steps during which the learning rate rises


@dataclass(frozen=True)
class Trained:
    """A trained network (weights of its best epoch) and how it came about."""

    network: nn.Module
    history: pd.DataFrame
    best_epoch: int
    validation_loss: float
    cost: dict[str, Any]


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
        torch.manual_seed(_mix(self.seed, self.current_epoch))
        begin_epoch(self.network, self.current_epoch)
        self._losses, self._pace = [], Pace()
        self._started = time.perf_counter()

    def on_train_batch_start(self, batch: Batch, _: int) -> None:
        self._pace.start()

    def training_step(self, batch: Batch, _: int) -> Tensor:
        loss = self.task.loss(self.network, self.network(batch.inputs), batch)
        self._losses.append((float(loss.detach()), int(batch.mask.sum())))
        return loss + penalties(self.network)

    def on_train_batch_end(self, outputs: Any, batch: Batch, _: int) -> None:
        self._pace.stop(batch)

    def validation_step(self, batch: Batch, _: int) -> None:
        loss = self.task.loss(self.network, self.network(batch.inputs), batch)
        weight = max(int(batch.mask.sum()), 1)
        self.log("validation_loss", loss, on_epoch=True, batch_size=weight, prog_bar=True)

    def on_train_epoch_end(self) -> None:
        total = sum(weight for _, weight in self._losses)
        train_loss = sum(loss * weight for loss, weight in self._losses) / max(total, 1)
        epoch = {
            "epoch": self.current_epoch,
            "train_loss": train_loss,
            "validation_loss": float(self.trainer.callback_metrics["validation_loss"]),
            "seconds": time.perf_counter() - self._started,
            "tokens_per_second": self._pace.per_second,
        }
        self.history.append(epoch)
        print(
            "epoch {epoch:3d}  train {train_loss:.4f}  validation {validation_loss:.4f}  "
            "{seconds:.1f} s  {tokens_per_second:,.0f} tokens/s".format(**epoch),
            file=sys.stderr,
            flush=True,
        )

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

    def __init__(self, task: Task, encoded: Encoded, batches: list[np.ndarray]) -> None:
        self.task, self.encoded, self.batches = task, encoded, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Batch]:
        return (self.task.collate(self.encoded, rows) for rows in self.batches)


class _Data(lightning.LightningDataModule):
    def __init__(
        self, task: Task, encoded: Encoded, parts: Parts, settings: TrainingSettings, seed: int
    ) -> None:
        super().__init__()
        self.task, self.encoded, self.parts = task, encoded, parts
        self.settings, self.seed = settings, seed

    def epoch(self, number: int) -> _Batches:
        rng = np.random.default_rng([self.seed, number])
        rows, groups, most = self.parts.train, self.parts.groups, self.settings.per_group
        if most is not None and groups is not None:
            rows = thinned(rows, groups, most, rng)
        batches = self.task.batches(self.encoded, rows, self.settings, rng)
        return _Batches(self.task, self.encoded, batches)

    def train_dataloader(self) -> Any:
        return self.epoch(self.trainer.current_epoch)

    def val_dataloader(self) -> Any:
        batches = self.task.batches(self.encoded, self.parts.validation, self.settings, None)
        return _Batches(self.task, self.encoded, batches)


def train(
    task: Task,
    network: nn.Module,
    encoded: Encoded,
    parts: Parts,
    settings: TrainingSettings,
    seed: int,
    folder: Path,
    fingerprint: str,
) -> Trained:
    """Train ``network`` on one fold's training part; the validation part alone chooses the epoch.

    Args:
        folder: where checkpoints are kept while training; a run that was cut off goes on from
            the last one if it was made with the same ``fingerprint`` of settings and data.

    Raises:
        UserError: when a loss becomes NaN or infinite.
    """
    data = _Data(task, encoded, parts, settings, seed)
    steps = len(data.epoch(0)) * settings.epochs
    learner = Learner(task, network, settings, steps, seed)
    keep = ModelCheckpoint(
        folder, filename="best", monitor="validation_loss", enable_version_counter=False
    )
    # `save_last` of the one above would save only the epochs that are the best so far.
    every = ModelCheckpoint(folder, filename="last", enable_version_counter=False)
    last = discard_foreign(folder, fingerprint)
    bf16 = settings.precision == "bfloat16" or (settings.precision == "auto" and _has_bf16())
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        trainer = lightning.Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=settings.epochs,
            precision="bf16-mixed" if bf16 else "32-true",
            gradient_clip_val=settings.gradient_clip,
            callbacks=[
                *_averaging(settings, steps),
                keep,
                every,
                Patience(
                    "validation_loss",
                    min_delta=MIN_DELTA,
                    patience=settings.patience,
                    check_finite=False,
                ),
                StopAtNaN(),
            ],
            plugins=[AtomicCheckpoints(fingerprint)],
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=sys.stderr.isatty(),
            enable_model_summary=False,
            default_root_dir=folder,
        )
        # Asked before the first batch, whose time would else hold the building of the C++.
        loops = engine(network, trainer.strategy.root_device)
        trainer.fit(learner, datamodule=data, ckpt_path=last, weights_only=True)
    best = torch.load(keep.best_model_path, map_location="cpu", weights_only=True)
    learner.load_state_dict(best["state_dict"])
    history = pd.DataFrame(learner.history)
    chosen = int(history["validation_loss"].idxmin())
    cost = {
        "wall_seconds": round(time.perf_counter() - started, 1),
        "training_seconds": round(float(history["seconds"].sum()), 1),
        "epochs": len(history),
        # The median over epochs: the first one warms up, and others use the machine at times.
        "tokens_per_second": round(float(history["tokens_per_second"].median()), 1),
        "engine": loops,
        "parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "precision": trainer.precision,
        "device": str(trainer.strategy.root_device),
    }
    return Trained(
        network.to("cpu").float().eval(),
        history,
        int(history["epoch"][chosen]),
        float(history["validation_loss"][chosen]),
        cost,
    )


def _averaging(settings: TrainingSettings, steps: int) -> list[Callback]:
    """The moving average of the weights, which is then what is validated and kept."""
    if not settings.averaging:
        return []
    start = int(WARM_UP * steps)  # an average that began at random weights would keep some of them
    return [
        EMAWeightAveraging(
            decay=settings.averaging, update_starting_at_step=start, use_buffers=False
        )
    ]


def run_network(
    task: Task,
    network: nn.Module,
    encoded: Encoded,
    rows: np.ndarray,
    settings: TrainingSettings,
    pace: Pace | None = None,
) -> list[np.ndarray]:
    """Decoded float32 predictions, one array per sample, in the order of ``rows``.

    ``pace`` is told what the network read, and how long it took.
    """
    batches = task.batches(encoded, rows, settings, None)
    decoded = run_batches(task, network, encoded, batches, pace or Pace())
    return [decoded[int(row)] for row in rows]


@torch.inference_mode()
def run_batches(
    task: Task, network: nn.Module, encoded: Encoded, batches: list[np.ndarray], pace: Pace
) -> dict[int, np.ndarray]:
    """The same by row, in these very batches and in their order."""
    network.eval()
    decoded: dict[int, np.ndarray] = {}
    for members in batches:
        batch = task.collate(encoded, members)
        pace.start()
        outputs = network(batch.inputs)
        pace.stop(batch)
        decoded.update(zip(members.tolist(), task.decode(network, outputs, batch), strict=True))
    return decoded


def _has_bf16() -> bool:
    """Whether bfloat16 products are native here; emulated ones are slower than float32."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and "avx512_bf16" in _cpu_flags()


def _cpu_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text() if info.exists() else ""


def _mix(seed: int, number: int) -> int:
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
