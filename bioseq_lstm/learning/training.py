"""Training one network with Lightning: early stopping, checkpoints, exact resumption."""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EMAWeightAveraging, ModelCheckpoint
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.checkpoint import BEST, LAST, Checkpoints, last_good, read_checkpoint
from bioseq_lstm.learning.learner import WARM_UP, Data, Learner, Sharing
from bioseq_lstm.learning.pace import Pace, letters
from bioseq_lstm.learning.stopping import Patience, StopAtNaN, out_of_memory
from bioseq_lstm.model_settings import TrainerSettings, TrainingSettings
from bioseq_lstm.nn.recurrence import engine
from bioseq_lstm.tasks.base import Parts, Task

ALONE = TrainerSettings()  # one process
MIN_DELTA = 1e-3  # a smaller fall of the validation loss does not prolong the training


@dataclass(frozen=True)
class Trained:
    """A trained network (weights of its best epoch) and how it came about."""

    network: nn.Module
    history: pd.DataFrame
    best_epoch: int
    validation_loss: float
    cost: dict[str, Any]


def train(
    task: Task,
    network: nn.Module,
    encoded: Encoded,
    parts: Parts,
    settings: TrainingSettings,
    seed: int,
    folder: Path,
    fingerprint: str,
    on: TrainerSettings = ALONE,
) -> Trained:
    """Train ``network`` on one fold's training part; the validation part alone chooses the epoch.

    Where a batch does not fit into memory, each is learnt in twice as many parts whose gradients
    are added, which gives the same but for rounding.

    Args:
        folder: where checkpoints are kept while training; a run that was cut off goes on from
            the last one if it was made with the same ``fingerprint`` of settings and data.
        on: devices; with several, each process comes back with the same network.

    Raises:
        UserError: when a loss becomes NaN or infinite, or one record alone does not fit.
    """
    _check_nodes(on)
    sharing = Sharing()
    data = Data(task, encoded, parts, settings, seed, sharing)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    while True:
        try:
            return _fit(network, data, folder, fingerprint, on)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            _check_can_share(data, on, str(error).splitlines()[0] if str(error) else "")
        gc.collect()
        torch.cuda.empty_cache()
        sharing.steps *= 2
        print(
            f"out of memory in a batch of {len(data.at)} records: each batch is now learnt in "
            f"{sharing.steps} parts whose gradients are added",
            file=sys.stderr,
        )
        network.load_state_dict(start)


def _check_nodes(on: TrainerSettings) -> None:
    """Raise ``UserError`` rather than wait for processes that nobody started."""
    wanted, started = on.nodes * on.devices, int(os.environ.get("SLURM_NTASKS", 1))
    if on.nodes > 1 and started != wanted:
        raise UserError(
            f"trainer.nodes {on.nodes}: its {wanted} processes do not start by themselves: "
            f"srun --nodes={on.nodes} --ntasks-per-node={on.devices}, then what snakemake -p shows"
        )


def _check_can_share(data: Data, on: TrainerSettings, error: str) -> None:
    """Raise ``UserError`` where a batch cannot be cut further."""
    if on.devices * on.nodes == 1 and len(data.at) > data.sharing.steps:
        return
    read = {
        row: letters(data.task.collate(data.encoded, data.at[[n]])) for n, row in enumerate(data.at)
    }
    longest = max(data.at, key=lambda row: read[row])
    raise UserError(
        f"out of memory with a batch of {len(data.at)} records, the longest of them "
        f"{data.parts.name(int(longest))} with {read[longest]:,} letters: refuse long records by "
        "max_length, lower training.token_budget or hidden_size, or give it more memory "
        f"({error})"
    )


def _fit(
    network: nn.Module, data: Data, folder: Path, fingerprint: str, on: TrainerSettings
) -> Trained:
    settings, sharing = data.settings, data.sharing
    steps = len(data.epoch(0).batches) * settings.epochs
    learner = Learner(data.task, network, settings, steps, data.seed)
    keep = ModelCheckpoint(
        folder,
        filename=Path(BEST).stem,
        monitor="validation_loss",
        enable_version_counter=False,
    )
    # `save_last` of the one above would save only the epochs that are the best so far.
    every = ModelCheckpoint(folder, filename=Path(LAST).stem, enable_version_counter=False)
    last = folder / LAST
    if rank_zero_only.rank == 0:  # the other processes are started later, or wait
        last_good(folder, fingerprint)
    bf16 = settings.precision == "bfloat16" or (settings.precision == "auto" and _has_bf16())
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        trainer = lightning.Trainer(
            accelerator=on.accelerator,
            devices=on.devices,
            num_nodes=on.nodes,
            strategy=on.strategy,
            max_epochs=settings.epochs,
            precision="bf16-mixed" if bf16 else "32-true",
            gradient_clip_val=settings.gradient_clip,
            accumulate_grad_batches=sharing.steps,
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
                StopAtNaN(data.parts, folder),
            ],
            plugins=[Checkpoints(fingerprint), *_environment(on)],
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=False,
            enable_progress_bar=sys.stderr.isatty(),
            enable_model_summary=False,
            default_root_dir=folder,
        )
        # Asked before the first batch, whose time would else hold the building of the C++.
        loops = engine(network, trainer.strategy.root_device)
        going_on = last if last.exists() else None
        trainer.fit(learner, datamodule=data, ckpt_path=going_on, weights_only=True)
    learner.load_state_dict(read_checkpoint(keep.best_model_path)["state_dict"])
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
        "processes": trainer.world_size,
        "parts_of_a_batch": sharing.steps,
    }
    return Trained(
        network.to("cpu").float().eval(),
        history,
        int(history["epoch"][chosen]),
        float(history["validation_loss"][chosen]),
        cost,
    )


def _environment(on: TrainerSettings) -> list[LightningEnvironment]:
    """Processes of one node are started here, also in a job of Slurm, where `srun` starts those
    of several nodes and Lightning finds out by itself.
    """
    return [LightningEnvironment()] if on.nodes == 1 and on.devices > 1 else []


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
