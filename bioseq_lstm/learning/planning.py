"""What a configuration will take, before it runs: minutes and memory of each rule.

Training is reckoned from the histogram of lengths: letters read in an epoch, over the letters a
second that the same network was seen to read. That pace comes from a run of it in ``results/``; if
there is none, from a few batches of such lengths, trained here and now. So are the learning curve
and the explanations, with the steps that are asked for: where these do not suffice, up to four
times as many are taken. The other rules are small beside them; their figures are what the demo took
on one core of 2 GHz, in proportion.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bioseq_lstm.data.alphabets import DNA, PROTEIN, SMILES
from bioseq_lstm.data.profile import profile
from bioseq_lstm.files import read_json
from bioseq_lstm.learning.explaining.explain import RANDOMISED
from bioseq_lstm.learning.explaining.samples import MOST_RUNS
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.model_settings import InputSettings, ModelSettings
from bioseq_lstm.nn.network import SequenceEncoder
from bioseq_lstm.settings import Config, DatasetSettings
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.explained import explained

ALPHABETS = {"protein": PROTEIN, "dna": DNA, "molecule": SMILES}
START = 10.0  # seconds until torch and the rest are loaded
BASE_MB = 700  # of a process that has loaded them
# Seconds a thousand records, seen in the demo; MMseqs2 and the bootstrap are most of it.
PER_THOUSAND = {"read": 2.0, "split": 20.0, "encode": 1.0, "baselines": 10.0, "evaluate": 8.0,
                "predict": 3.0, "report": 2.0}  # fmt: skip
MEASURED = 3  # batches that are trained to see a pace; the first of them is not counted
VALIDATION = 1 / 3  # what a letter costs that is read forward alone, to one that is learnt from
_PARTS = ("embedding", "stem", "encoder", "attention")


@dataclass(frozen=True)
class Expected:
    """Jobs of one rule for one dataset; ``seconds`` and ``megabytes`` are those of one job."""

    dataset: str
    rule: str
    jobs: int
    seconds: float
    megabytes: int
    basis: str


@dataclass(frozen=True)
class Side:
    """One kind of sequence of a dataset: how many, how long."""

    entity: str
    kind: str
    records: int
    letters: int
    longest: int
    histogram: list[dict[str, int]]

    def lengths(self, count: int) -> np.ndarray:
        """``count`` lengths (count,) that stand for the histogram: its quantiles."""
        middles = [(bin_["from"] + bin_["to"]) // 2 for bin_ in self.histogram]
        counts = [bin_["count"] for bin_ in self.histogram]
        every = np.repeat(middles, counts)
        places = np.linspace(0, len(every) - 1, count).astype(int)
        return np.maximum(np.sort(every)[places], 1)


def plan(config: Config, results: Path) -> Iterator[Expected]:
    """Every rule of every dataset, with what each of its jobs is expected to take.

    Reads a dataset's ``profile.json`` or, if it was not read yet, its files. Training is reckoned
    with all epochs; it stops sooner where the validation loss no longer falls.
    """
    seen = list(_stored(results))
    for name, dataset in config.learnt.items():
        yield from _of_dataset(name, dataset, Layout(results / name), seen)


def _of_dataset(
    name: str, dataset: DatasetSettings, layout: Layout, seen: list[dict[str, Any]]
) -> Iterator[Expected]:
    task = TASKS[dataset.task]  # type: ignore[attr-defined]
    about = read_json(layout.profile) if layout.profile.is_file() else profile(task.read(dataset))
    sides = [
        Side(
            entry["entity"],
            task.kinds[entry["entity"]],
            entry["records"],
            entry["letters_total"],
            int(entry["length"]["max"]),
            entry["length"]["histogram"],
        )
        for entry in about["entities"]
    ]
    records = sum(side.records for side in sides)
    table_mb = BASE_MB + math.ceil(20 * sum(side.letters for side in sides) / 1e6)
    folds, seeds = dataset.split.folds, len(dataset.seeds)

    def light(rule: str, jobs: int = 1) -> Expected:
        seconds = START + PER_THOUSAND[rule] * records / 1000
        return Expected(name, rule, jobs, seconds, table_mb, "the demo")

    yield from (light("read"), light("split"), light("encode"), light("baselines", folds))
    slowest, explaining = Expected(name, "train", 0, 0.0, 0, ""), 0.0
    for label, model in dataset.models.items():
        paces, basis = _paces(sides, model, seen)
        memory = table_mb + _megabytes(sides, model)
        seconds = _training(sides, dataset, model, paces)
        jobs = folds * seeds + (dataset.controls == "all")
        training = Expected(name, f"train {label}", jobs, seconds, memory, basis)
        yield training
        if seconds > slowest.seconds:
            slowest, explaining = training, _explaining(task, sides, dataset, paces)
    yield light("evaluate")
    # Which model will be chosen is not known yet: the slowest.
    if dataset.learning_curve:
        train, validation, _ = dataset.split.fractions
        shares = [share * train + validation * VALIDATION for share in dataset.learning_curve]
        whole = train + validation * VALIDATION
        seconds = START + (slowest.seconds - START) * sum(shares) / whole
        yield replace(slowest, rule="learning-curve", jobs=1, seconds=seconds)
    yield light("predict")
    if dataset.explain.records:
        yield replace(slowest, rule="explain", jobs=1, seconds=explaining)
    yield light("report")


def _paces(
    sides: list[Side], model: ModelSettings, seen: list[dict[str, Any]]
) -> tuple[list[float], str]:
    """Letters a second that the model learns from, a number a side, and where they were seen."""
    names = [side.entity for side in sides]
    for run in seen:
        if _same(run["settings"], model, names):
            return [run["pace"]] * len(sides), "a run of this network"
    budget = model.training.token_budget
    paces = [measured_pace(side, model.input(side.entity), budget) for side in sides]
    return paces, f"{MEASURED} batches, timed now"


def _training(
    sides: list[Side], dataset: DatasetSettings, model: ModelSettings, paces: list[float]
) -> float:
    """Seconds of one training with all its epochs."""
    train, validation, _ = dataset.split.fractions
    seconds = START
    for side, pace in zip(sides, paces, strict=True):
        letters = side.letters if len(sides) == 1 else _letters_of_pairs(side, sides, model)
        seconds += letters * (train + validation * VALIDATION) / pace * model.training.epochs
    return seconds


def _explaining(
    task: Task, sides: list[Side], dataset: DatasetSettings, paces: list[float]
) -> float:
    """Seconds of the gradients at every step, and of the mutants of the records asked for."""
    asked, mutated = dataset.explain, explained(task.name).mutated
    runs = min(dataset.split.folds * len(dataset.seeds), MOST_RUNS)
    gradients = asked.steps * (asked.records * (runs + RANDOMISED) + asked.test_records)
    seconds = START
    for side, pace in zip(sides, paces, strict=True):
        length = side.letters / side.records
        passes = float(gradients)
        if side.entity == mutated:
            mutants = min(asked.mutants, length * (len(ALPHABETS[side.kind].letters) - 1))
            passes += asked.records * runs * mutants * VALIDATION
        seconds += length * passes / pace
    return seconds


def _letters_of_pairs(side: Side, sides: list[Side], model: ModelSettings) -> float:
    """Letters that an epoch reads of one side: its members once for each block of the other."""
    members = {"drug": model.training.block.drugs, "target": model.training.block.targets}
    others = (other for other in sides if other.entity != side.entity)
    blocks = (math.ceil(other.records / members[other.entity]) for other in others)
    return side.letters * float(math.prod(blocks))


def measured_pace(side: Side, own: InputSettings, budget: int) -> float:
    """Letters a second that the encoder of ``own`` learns from, seen in a few batches."""
    settings = own.model_dump()
    parts = {part: settings[part] for part in _PARTS}
    generator = torch.Generator().manual_seed(0)
    letters = ALPHABETS[side.kind].size
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = SequenceEncoder(letters, **parts)
        total, started = 0, 0.0
        for number, length in enumerate(side.lengths(MEASURED + 2)[1:-1]):
            rows = max(1, budget // int(length))
            codes = torch.randint(1, letters, (rows, int(length)), generator=generator)
            if number == 1:
                total, started = 0, time.perf_counter()
            states, _ = encoder(codes, torch.full((rows,), int(length)))
            states.square().mean().backward()
            total += codes.numel()
    return total / (time.perf_counter() - started)


def _megabytes(sides: list[Side], model: ModelSettings) -> int:
    """Of weights and of the states of a batch that the gradient needs, from their sizes."""
    total = 0.0
    for side in sides:
        own = model.input(side.entity)
        encoder, stem = own.encoder, own.stem
        width = encoder.hidden_size * (2 if encoder.bidirectional else 1)
        stem_width = 0
        if stem is not None:
            stem_width = 3 * len(stem.kernels) * stem.channels * (2 if stem.both_strands else 1)
        numbers = own.embedding.size + stem_width + 12 * width * encoder.num_layers
        tokens = max(model.training.token_budget, side.longest) / own.embedding.stride
        total += 8 * numbers * tokens + 16 * 12 * width**2 * encoder.num_layers
    return math.ceil(total / 1e6)


def _stored(results: Path) -> Iterator[dict[str, Any]]:
    """Settings and pace of every network that was trained here."""
    for path in sorted(results.glob("*/models/*/fold*/model.json")):
        card = read_json(path)
        pace = card["cost"].get("tokens_per_second")
        if pace:  # an earlier version did not measure it
            yield {"settings": card["settings"], "pace": pace}


def _same(settings: Mapping[str, Any], model: ModelSettings, sides: list[str]) -> bool:
    """Whether a trained network encodes as ``model`` will."""
    asked = model.model_dump(mode="json")
    there = [settings["inputs"].get(side, settings) for side in sides]
    here = [asked["inputs"].get(side, asked) for side in sides]
    return all(a[part] == b[part] for a, b in zip(there, here, strict=True) for part in _PARTS)


def told(expected: list[Expected]) -> str:
    """The plan as a table for a terminal."""
    head = ("dataset", "rule", "jobs", "minutes", "MB", "after")
    rows = [
        (e.dataset, e.rule, f"{e.jobs:,}", f"{e.jobs * e.seconds / 60:,.1f}",
         f"{e.megabytes:,}", e.basis)
        for e in expected
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    right = {"jobs", "minutes", "MB"}
    lines = [
        "  ".join(
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(head, row, widths, strict=True)
        ).rstrip()
        for row in (head, *rows)
    ]
    minutes = sum(e.jobs * e.seconds for e in expected) / 60
    most = max((e.megabytes for e in expected), default=0)
    lines.append(
        f"{minutes:,.0f} minutes one after the other on one core, at most {most:,} MB a job; "
        "early stopping shortens it"
    )
    return "\n".join(lines)
