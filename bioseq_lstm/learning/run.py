"""One training run: a model on one fold with one seed, from encoded data to a folder of results."""

from __future__ import annotations

import shutil
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from lightning.pytorch.utilities import rank_zero_only
from torch import nn

from bioseq_lstm.config import parse_model
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import (
    read_json,
    sha256,
    sha256_of,
    write_json,
    write_parquet,
    write_text,
    write_tsv,
)
from bioseq_lstm.learning.checkpoint import save_weights
from bioseq_lstm.learning.fitting import fingerprint, ingredients, start
from bioseq_lstm.learning.foreign import check_calibration, network_of
from bioseq_lstm.learning.invariance import measure_invariance
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.pace import Pace
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.training import train
from bioseq_lstm.learning.turns import in_turn
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Parts, Task


@dataclass(frozen=True)
class Run:
    """What is trained: ``shuffled`` permutes the labels first, as a control."""

    model: str
    fold: int
    seed: int
    shuffled: bool = False


def run_training(
    task: Task,
    settings: DatasetSettings,
    model: ModelSettings,
    run: Run,
    folder: Path,
) -> None:
    """Train and write ``run.yaml``, ``model.safetensors``, ``model.json``, ``history.tsv`` and
    ``test_predictions.parquet``.

    The test part is predicted once, after the weights are final.
    """
    layout = Layout(folder)
    out = layout.control(run.model) if run.shuffled else layout.run(run.model, run.fold, run.seed)
    # The first of several processes of one training holds the folder for all of them.
    with in_turn(out) if rank_zero_only.rank == 0 else nullcontext():
        _train(task, settings, model, run, layout, out)


def _train(
    task: Task, settings: DatasetSettings, model: ModelSettings, run: Run, layout: Layout, out: Path
) -> None:
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    parts = Parts.of(splits, run.fold)
    made_of = ingredients(model, layout, run.seed, "bioseq_lstm.learning.run")
    record = {
        "task": task.name,
        "model": run.model,
        "fold": run.fold,
        "labels_shuffled": run.shuffled,
        "dataset": settings.model_dump(mode="json", exclude={"models"}),
        **made_of,
    }
    learnt = encoded
    if run.shuffled:
        rows = np.concatenate([parts.train, parts.validation])
        learnt = task.shuffled(encoded, rows, np.random.default_rng(run.seed))
    begun = start(task, model, learnt, splits, run.fold, parts, run.seed, made_of)
    # Weights to start from are part of the fingerprint: others are another training. What lies
    # under the network is not: it follows from the rest, but for its last digits elsewhere.
    identity = fingerprint({**record, "init_from": begun.record.get("init_from")})
    record |= begun.record
    if rank_zero_only.rank == 0:
        write_text(out / "run.yaml", yaml.safe_dump(record, sort_keys=False))
    trained = train(
        task,
        begun.network,
        begun.left,
        parts,
        model.training,
        run.seed,
        out / "checkpoints",
        fingerprint=identity,
        on=model.trainer,
    )
    if rank_zero_only.rank > 0:  # the first of several processes tells the rest
        return
    told = begun.settle(trained.network, parts.validation)
    validation = begun.decode(trained.network, learnt, parts.validation)
    calibration = task.calibrate(learnt, parts.validation, validation)
    invariance = measure_invariance(task, trained.network, learnt, parts.validation, model.training)
    pace = Pace()
    decoded = begun.decode(trained.network, encoded, parts.test, pace)
    table = task.table(encoded, splits, parts.test, decoded, calibration)
    tokens = sum(int(ragged.lengths.sum()) for ragged in encoded.sequences.values())
    write_tsv(out / "history.tsv", trained.history)
    write_parquet(out / "test_predictions.parquet", table)
    save_weights(out / "model.safetensors", trained.network)
    write_json(
        out / "model.json",
        {
            "task": task.name,
            "about": encoded.about,
            "settings": model.model_dump(mode="json"),
            "weights_sha256": sha256(out / "model.safetensors"),
            **told,
            "validation_loss": trained.validation_loss,
            "best_epoch": trained.best_epoch,
            "calibration": calibration,
            "invariance": invariance.as_dict(),
            "cost": {
                **trained.cost,
                "prediction_tokens_per_second": round(pace.per_second, 1),
                "letters_in_dataset": tokens,
            },
            "outputs": sha256_of(
                [out / name for name in ("run.yaml", "history.tsv", "test_predictions.parquet")],
                out,
            ),
        },
    )
    shutil.rmtree(out / "checkpoints")


def load_network(task: Task, run: Path) -> tuple[nn.Module, dict[str, Any]]:
    """A trained network and its ``model.json``; the weights must be the ones that were saved."""
    card = read_json(run / "model.json")
    for key in ("task", "about", "settings", "weights_sha256", "calibration"):
        if not isinstance(card, dict) or key not in card:
            raise UserError(f"is no card of a trained run: {key} is missing", file=run)
    if card["task"] != task.name:
        raise UserError(f"is a model for {card['task']}, not {task.name}", file=run)
    weights = run / "model.safetensors"
    if sha256(weights) != card["weights_sha256"]:
        raise UserError("is not the file that model.json describes; train again", file=weights)
    if "stack" in card and "baselines" not in card["stack"]:
        raise UserError("was stacked by an earlier version: train again", file=run / "model.json")
    check_calibration(task, card["calibration"], run / "model.json")
    return network_of(task, parse_model(card["settings"]), card["about"], weights), card
