"""Predicting new files, part by part: with a dataset's chosen model, or with a packed one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.records import Reading, refusal_table, without_formulas, write_rejected
from bioseq_lstm.data.text import check_unpacked
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, replacing_folder, sha256, write_json
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.novelty import Judged, Novelty, sample_names
from bioseq_lstm.learning.planted import evaluate_planted
from bioseq_lstm.learning.plate import MOST_CANDIDATES, Candidates
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacking import Fitted, refitted, with_baselines
from bioseq_lstm.learning.windows import predict_new_rows
from bioseq_lstm.newfiles import visible_files
from bioseq_lstm.provenance import checksums
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.tasks.base import Parts, Task
from bioseq_lstm.tasks.outcomes import Nearest, NewPredictions, Trust

LETTERS = 500_000  # of a part; its tables take some hundred bytes a letter
REJECTED, OUTSIDE, PLATE, MANIFEST = "rejected.tsv", "outside.tsv", "plate.tsv", "manifest.json"
OURS = {REJECTED, OUTSIDE, PLATE, MANIFEST}


@dataclass(frozen=True)
class Decoded:
    """Decoded predictions of all samples, and how far the runs differ on each, (samples,).

    ``disagreement`` is the standard deviation over runs, mean over all that is predicted of a
    sample; None where one run predicts.
    """

    values: list[np.ndarray]
    disagreement: np.ndarray | None = None


@dataclass(frozen=True)
class Predictor:
    """What predicts: ``decode`` gives the decoded predictions of all samples.

    ``settings`` are those of the dataset that was learnt from. ``nearest`` and ``novelty`` are None
    where the training records are not at hand.
    """

    task: Task
    settings: Any
    trust: Trust
    decode: Callable[[Encoded], Decoded]
    nearest: Callable[[Reading], Nearest] | None = None
    novelty: Novelty | None = None


def predict(
    task: Task, settings: DatasetSettings, new: Path, folder: Path, threads: int = 1
) -> None:
    """Write ``predictions/`` for the files of ``new``, with the dataset's chosen model.

    The chosen model's runs (folds and seeds) are averaged.
    """
    layout = Layout(folder)
    chosen = read_json(layout.evaluation)["chosen"]
    runs = list(layout.runs(chosen, settings.split.folds, settings.seeds))
    loaded = [load_network(task, run) for run in runs]
    cards = [card for _, card in loaded]
    trust = Trust(
        [card["calibration"] for card in cards], read_tsv(layout.bands), cards[0]["about"]
    )
    training = _training_records(task, layout)
    under = refitted(task, layout, cards)
    learnt, splits = Encoded.load(layout.encoded), read_splits(layout.splits)
    networks = [network for network, _ in loaded]
    numbered = [fold for fold in range(settings.split.folds) for _ in settings.seeds]
    novelty = Novelty.fit(task, networks, numbered, learnt, splits, training)
    predictor = Predictor(
        task,
        settings,
        trust,
        lambda encoded: _ensemble(task, loaded, under, encoded),
        lambda reading: task.nearest(reading, training, settings, threads),
        novelty,
    )
    about = {
        "model": chosen,
        "weights_sha256": [card["weights_sha256"] for card in cards],
        "novelty": {
            **novelty.as_dict(),
            "planted": evaluate_planted(
                task, novelty.surprises[0], learnt, Parts.of(splits, 0), novelty.threshold
            ),
        },
    }  # fmt: skip
    write_predictions(predictor, visible_files(new), layout.predictions, about)


def write_predictions(
    predictor: Predictor, paths: Sequence[Path], out: Path, about: Mapping[str, Any]
) -> dict[str, Any]:
    """Write tables by file, ``rejected.tsv`` and ``manifest.json``, which is also returned.

    Records are read, predicted and written in parts, so that memory does not grow with the files.
    The folder is made beside ``out`` and moved there when it is complete. Raises UserError for a
    file that cannot be read, and where ``out`` is a folder of something else.
    """
    task = predictor.task
    _check_replaceable(out)
    check_unpacked(task.reads(paths), predictor.settings.max_unpacked)
    files: dict[str, dict[str, Any]] = {}
    candidates = Candidates()
    with replacing_folder(out) as folder:
        write_rejected(folder / REJECTED, [])
        if predictor.novelty is not None:
            _append(folder / OUTSIDE, pd.DataFrame(columns=["file", "id", "why"]))
        for name, reading in task.read_new(paths, predictor.settings, LETTERS):
            first = name not in files
            entry = files.setdefault(
                name, {"records": 0, "refused": 0, "notes": {}, "tables": {}, "rows": {}}
            )
            entry["refused"] += len(reading.refusals)
            _append(folder / REJECTED, refusal_table(reading.refusals))
            for note, count in reading.notes.items():
                entry["notes"][note] = entry["notes"].get(note, 0) + count
            part = _predicted(predictor, reading)
            if part is None:
                continue
            written = part.predictions
            if first or not entry["records"]:
                _check_names(folder, name, written, paths)
            entry["records"] += len(reading.records)
            for suffix, table in written.tables.items():
                _append(folder / f"{name}{suffix}", table)
                entry["rows"][suffix] = entry["rows"].get(suffix, 0) + len(table)
            for suffix, text in written.texts.items():
                with (folder / f"{name}{suffix}").open("a", encoding="utf-8", newline="") as file:
                    file.write(text)
            entry["tables"] |= dict.fromkeys([*written.tables, *written.texts], "")
            if part.outside is not None and part.places is not None:
                entry["outside"] = entry.get("outside", 0) + len(part.outside)
                _append(folder / OUTSIDE, part.outside.assign(file=name)[["file", "id", "why"]])
                candidates.add(part.candidates.assign(file=name), part.places)
        for name, entry in files.items():
            entry["tables"] = {s: sha256(folder / f"{name}{s}") for s in entry["tables"]}
        read = task.reads(paths)
        if predictor.novelty is not None:
            _append(folder / PLATE, candidates.plate())
        lists = [name for name in (REJECTED, OUTSIDE, PLATE) if (folder / name).exists()]
        manifest = {
            **about,
            "inputs": checksums(read),
            "lists": {name: sha256(folder / name) for name in lists},
            "passed_over": sorted(path.name for path in paths if path not in read),
            "files": files,
        }
        write_json(folder / MANIFEST, manifest)
    return manifest


@dataclass(frozen=True)
class _Part:
    """Predictions of one part; where novelty is judged, what lies outside and what to measure."""

    predictions: NewPredictions
    outside: pd.DataFrame | None = None
    candidates: pd.DataFrame = field(default_factory=pd.DataFrame)
    places: np.ndarray | None = None


def _predicted(predictor: Predictor, reading: Reading) -> _Part | None:
    """Tables and texts of one part; None if every record of it was refused."""
    task, settings, trust = predictor.task, predictor.settings, predictor.trust
    encoded = task.encode(reading, settings)
    if not task.count(encoded):
        return None
    encoded.about.update(trust.about)
    decoded = predictor.decode(encoded)
    near = None if predictor.nearest is None else predictor.nearest(reading)
    if predictor.novelty is None or near is None:
        return _Part(task.new_tables(reading, decoded.values, near, trust, settings))
    judged = predictor.novelty.judge(encoded)
    near = replace(near, surprise=judged.surprise)
    worth = _worth_measuring(task, reading, encoded, decoded, judged)
    best = worth["worth"].nlargest(MOST_CANDIDATES).index.to_numpy()
    return _Part(
        task.new_tables(reading, decoded.values, near, trust, settings),
        predictor.novelty.reasons(reading, encoded, judged, near, trust.bands),
        worth.loc[best].reset_index(drop=True),
        judged.places(best),
    )


def _worth_measuring(
    task: Task, reading: Reading, encoded: Encoded, decoded: Decoded, judged: Judged
) -> pd.DataFrame:
    """Columns id, disagreement (where several runs predict), surprise_fraction and ``worth``."""
    table = pd.DataFrame({"id": sample_names(task, reading, encoded)})
    if decoded.disagreement is not None:
        table["disagreement"] = decoded.disagreement.round(4)
    table["surprise_fraction"] = judged.surprise.round(3)
    worth = judged.surprise if decoded.disagreement is None else decoded.disagreement
    return table.assign(worth=worth)


def _append(path: Path, table: pd.DataFrame) -> None:
    new = not path.exists()
    table = without_formulas(table)
    with path.open("a", encoding="utf-8", newline="") as file:
        table.to_csv(file, sep="\t", index=False, header=new, lineterminator="\n")


def _check_names(folder: Path, name: str, written: NewPredictions, paths: Sequence[Path]) -> None:
    for suffix in [*written.tables, *written.texts]:
        if f"{name}{suffix}" in OURS or (folder / f"{name}{suffix}").exists():
            raise UserError(
                f"{name}{suffix} is the name of another output: rename the file {name}.*",
                file=paths[0].parent,
            )


def _check_replaceable(out: Path) -> None:
    """Raise UserError rather than remove a folder that these predictions did not make."""
    if not out.exists() or (out / MANIFEST).is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        raise UserError("is there already and holds no predictions: name another place", file=out)


def _training_records(task: Task, layout: Layout) -> pd.DataFrame:
    """Records that any of the averaged runs was trained on."""
    splits = read_splits(layout.splits)
    folds = splits.filter(regex=r"^fold\d+$")
    trained = splits[(folds == "train").any(axis=1)]
    records = pd.read_parquet(layout.records)
    ids = {entity: set(trained[column]) for entity, column in task.columns.items()}
    keep = [
        name in ids[entity] for entity, name in zip(records["entity"], records["id"], strict=True)
    ]
    return records[keep]


def _ensemble(
    task: Task,
    loaded: list[tuple[nn.Module, dict[str, Any]]],
    under: Mapping[int, Fitted],
    encoded: Encoded,
) -> Decoded:
    """Mean over runs; ``under``: the baselines, by fold, of stacked networks."""
    rows = np.arange(task.count(encoded))
    offsets = {fold: fitted.offsets(encoded, rows) for fold, fitted in under.items()}
    runs = []
    for network, card in loaded:
        decoded = predict_new_rows(task, network, encoded)
        runs.append(with_baselines(card, offsets, decoded))
    values = [np.mean(same, axis=0) for same in zip(*runs, strict=True)]
    if len(runs) == 1:
        return Decoded(values)
    spread = [float(np.std(same, axis=0).mean()) for same in zip(*runs, strict=True)]
    return Decoded(values, np.array(spread))
