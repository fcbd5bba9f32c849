"""Packing trained runs into a folder that predicts by itself."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, replacing, sha256, write_json, write_text
from bioseq_lstm.learning.card import (
    KEPT_OF_DATASET,
    Card,
    Storage,
    Test,
    Words,
    check_name,
)
from bioseq_lstm.learning.card_text import card_text
from bioseq_lstm.learning.checkpoint import load_weights
from bioseq_lstm.learning.described import member, tested, trained_on
from bioseq_lstm.learning.evaluation import band_table, read_splits
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.stored import compact
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.metrics.bootstrap import bootstrap
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.pretrained import CARD, WEIGHTS
from bioseq_lstm.provenance import versions
from bioseq_lstm.strict_yaml import load_yaml
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Parts, Task
from bioseq_lstm.tasks.exported import Exported

TEXT = "MODEL_CARD.md"
# How much storing may change a prediction, as a share of the range of the predictions.
TOLERANCE = {"float32": 0.0, "float16": 0.01, "int8": 0.1}


@dataclass(frozen=True)
class Source:
    """A run that is packed: its folder, ``run.yaml``, ``model.json`` and network."""

    folder: Path
    record: dict[str, Any]
    card: dict[str, Any]
    network: nn.Module

    @property
    def layout(self) -> Layout:
        """The dataset's folder: the run lies in ``models/<model>/fold<f>-seed<s>`` below it."""
        return Layout(self.folder.resolve().parents[2])


def package(runs: Sequence[Path], out: Path, name: str, store: str, words: Words) -> Card:
    """Write a packed model: the mean over ``runs``, with its card.

    Figures and calibration are those of the packed model itself, as it is stored. They are measured
    only where all runs are of one fold of one dataset: else the test part of one is the training
    part of another, and the calibrations of the runs are averaged.

    Raises:
        UserError: for what is no run or a control, runs of two tasks, a stacked model, or if
            storing changes the predictions by more than ``TOLERANCE``.
    """
    check_name(name)
    sources = [_source(run) for run in runs]
    task = TASKS[sources[0].card["task"]]
    if any(source.card["task"] != task.name for source in sources):
        raise UserError("the runs are of different tasks: pack those of one", file=runs[0])
    if out.exists() and not (out / CARD).is_file():
        raise UserError("is there already and holds no model: name another place", file=out)
    stored = [copy.deepcopy(source.network) for source in sources]
    tensors = {
        f"{number}/{key}": tensor
        for number, network in enumerate(stored)
        for key, tensor in compact(network.state_dict(), store).items()
    }
    with replacing(out / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    for number, network in enumerate(stored):
        load_weights(out / WEIGHTS, network, f"{number}/")
    change = max(_change(task, s, n) for s, n in zip(sources, stored, strict=True))
    if not change <= TOLERANCE[store]:
        (out / WEIGHTS).unlink()
        raise UserError(
            f"stored as {store}, predictions change by {change:.2g} of their range, more than "
            f"{TOLERANCE[store]:g}: store them with more bits",
            file=runs[0],
        )
    calibration, test = _judged(task, sources, stored)
    prepared = _exported(task, sources[0], stored[0])
    card = Card(
        name=name,
        task=task.name,
        words=words,
        members=[member(source.record, source.card) for source in sources],
        calibration=calibration,
        letters={key: list(known.letters) for key, known in prepared.alphabets.items()},
        outputs=prepared.about(),
        dataset={k: v for k, v in sources[0].record["dataset"].items() if k in KEPT_OF_DATASET},
        trained_on=trained_on(sources[0].layout),
        test=test,
        storage=Storage(
            store=store,
            largest_change=change,
            bytes=(out / WEIGHTS).stat().st_size,
        ),
        weights_sha256=sha256(out / WEIGHTS),
        versions=versions(),
    )
    write_json(out / CARD, card.model_dump(mode="json"))
    write_text(out / TEXT, card_text(card))
    return card


def _source(run: Path) -> Source:
    for name in ("model.json", "run.yaml"):
        if not (run / name).is_file():
            raise UserError(
                f"has no {name}: name the folder of one run, such as "
                "results/mine/models/bilstm/fold0-seed1",
                file=run,
            )
    record, card = load_yaml(run / "run.yaml"), read_json(run / "model.json")
    if record["labels_shuffled"]:
        raise UserError("is a control, trained on shuffled labels", file=run)
    if "stack" in card:
        raise UserError(
            "is stacked on baselines, which a packed model cannot hold: pack a model without "
            "stack_on",
            file=run,
        )
    network, card = load_network(TASKS[card["task"]], run)
    return Source(run, record, card, network)


def _exported(task: Task, source: Source, network: nn.Module) -> Exported:
    module = import_module(f"bioseq_lstm.tasks.{task.name}.exported")
    prepared: Exported = module.ExportedNetwork(network, source.card).eval()
    return prepared


def _change(task: Task, source: Source, stored: nn.Module) -> float:
    """The largest change of a prediction of random sequences, as share of their range."""
    before, after = (_exported(task, source, n) for n in (source.network, stored))
    with torch.random.fork_rng(devices=[]), torch.inference_mode():
        torch.manual_seed(0)
        example = before.example(8, 200)
        first, second = before(example), after(example)
    span = float(first.max() - first.min())
    return float((first - second).abs().max()) / max(span, 1e-12)


def _judged(
    task: Task, sources: Sequence[Source], networks: Sequence[nn.Module]
) -> tuple[list[dict[str, Any]], Test | None]:
    """The calibration of the packed model, and what it reaches on the test part."""
    layout, fold = sources[0].layout, sources[0].record["fold"]
    own = [source.card["calibration"] for source in sources]
    inputs = (layout.encoded, layout.splits, layout.leakage)
    same = all((s.layout.folder, s.record["fold"]) == (layout.folder, fold) for s in sources)
    if not same or not all(path.is_file() for path in inputs):
        return own, None
    recorded = {name: digest for s in sources for name, digest in s.record["inputs"].items()}
    for path in inputs[:2]:
        if recorded[path.name] != sha256(path):
            raise UserError("is not the file that the runs were trained on", file=path)
    encoded, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    parts, settings = Parts.of(splits, fold), TrainingSettings()

    def decoded(rows: np.ndarray) -> list[np.ndarray]:
        runs = [run_network(task, network, encoded, rows, settings) for network in networks]
        return [np.mean(same, axis=0) for same in zip(*runs, strict=True)]

    if len(networks) > 1:
        own = [task.calibrate(encoded, parts.validation, decoded(parts.validation))]
    table = task.table(encoded, splits, parts.test, decoded(parts.test), own[0])
    leakage = read_tsv(layout.leakage, text=("id", "nearest"))
    replicates = sources[0].record["dataset"]["bootstrap"]
    bands = band_table(task, [table], splits, task.similarity(leakage, splits), replicates)
    figures = bootstrap({"": [task.scorer(table, splits)]}, replicates).table()
    return own, tested(task, figures, int(table["sample"].nunique()), bands, replicates)
