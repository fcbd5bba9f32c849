"""Whether the files and models that ``config.yaml`` names are there, before anything runs.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from pathlib import Path

from bioseq_lstm import pretrained
from bioseq_lstm.config import line_in, stands
from bioseq_lstm.download_settings import DOWNLOADS, MEND
from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.init_settings import InitSettings
from bioseq_lstm.newfiles import new_folder
from bioseq_lstm.places import leaves
from bioseq_lstm.settings import Config, PretrainedDataset
from bioseq_lstm.strict_yaml import load_yaml

# What the rules `train` and `control` write.
_RUN = re.compile(
    r"results/(?P<dataset>[^/]+)/models/(?P<model>[^/]+)/(?:fold(?P<fold>\d+)-seed\d+|control)"
    rf"/{re.escape(pretrained.WEIGHTS)}"
)


def check_files(config: Config, file: str | Path | None = None, made: Collection[str] = ()) -> None:
    """Raise ``UserError`` for a path that leads out of the project, a packed model or weights to
    start from that are not there, or a file that no rule makes.

    ``made`` are folders whose files rules make; those of ``data/downloads`` stand in `downloads`.
    Snakemake would not say so while results of an earlier file of that dataset stand.
    """
    _check_places(config, file)
    for name, alone in config.predicted.items():
        _check_model(alone.pretrained, ("datasets", name, "pretrained"), file)
        _check_task(name, alone, file)
        _check_new(name, alone, file)
    for name, dataset in config.learnt.items():
        for label, model in dataset.models.items():
            if model.init_from is not None:
                _check_start(config, model.init_from, _start_keys(name, label, file), file, made)
        for key, path in dataset.files.paths().items():
            folder = Path(path).parent
            fetched = folder == Path(DOWNLOADS)
            if Path(path).is_file() or str(folder) in made:
                continue
            if fetched and Path(path).name in config.downloads:
                continue
            there = [other.name for other in folder.iterdir()] if folder.is_dir() else []
            raise UserError(
                f"datasets.{name}.files.{key}: there is no file {path!r}"
                f"{', and `downloads` does not name it' if fetched else ''}"
                f"{nearest(Path(path).name, [*there, *config.downloads] if fetched else there)}",
                file=file,
                line=line_in(file, ("datasets", name, "files", *key.split("."))),
            )


def unobtainable(config: Config) -> Iterator[str]:
    """A line for each download that is neither there nor to be had, where `local` names no copies.

    They stop a run only when a rule wants them, and so are no fault of the configuration.
    """
    for name, download in config.downloads.items():
        if not (download.url or config.local or (Path(DOWNLOADS) / name).is_file()):
            yield f"{name}: {download.no_address}: {MEND}"


def _check_places(config: Config, file: str | Path | None) -> None:
    """Raise ``UserError`` for a path that leaves the project and is not below ``outside``."""
    for keys, path in _paths(config):
        if leaves(path, config.outside):
            raise UserError(
                f"{'.'.join(keys)}: {path!r} leaves the project: put it below this folder, or list "
                "its folder under `outside`",
                file=file,
                line=line_in(file, keys),
            )


def _paths(config: Config) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every path of the configuration that is read, and its keys."""
    for name, dataset in config.datasets.items():
        where = ("datasets", name)
        if dataset.new is not None:
            yield (*where, "new"), dataset.new
        if isinstance(dataset, PretrainedDataset):
            yield (*where, "pretrained"), dataset.pretrained
            continue
        for key, path in dataset.files.paths().items():
            yield (*where, "files", *key.split(".")), path
        for label, model in dataset.models.items():
            if model.init_from is not None:
                path = model.init_from.file or model.init_from.pretrained or ""
                yield ("models", label, "init_from"), path


def _check_new(name: str, alone: PretrainedDataset, file: str | Path | None) -> None:
    """Raise ``UserError`` where the folder is missing that holds all a dataset consists of."""
    folder = Path(new_folder(name, alone.new))
    if not folder.exists():
        keys = ("datasets", name, "new")
        there = [other.name for other in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise UserError(
            f"{'.'.join(keys)}: there is no folder {str(folder)!r}{nearest(folder.name, there)}: "
            "put the files to be predicted there, or name the folder that has them",
            file=file,
            line=line_in(file, keys),
        )


def _check_start(
    config: Config,
    init: InitSettings,
    keys: tuple[str, ...],
    file: str | Path | None,
    made: Collection[str],
) -> None:
    """Raise ``UserError`` for weights to start from that are not there and that no rule makes."""
    if init.file is None:
        _check_model(init.pretrained or "", keys, file)
        return
    if init.weights.is_file() or _is_made(config, init.weights, made):
        return
    named = Path(init.file)
    there = [other.name for other in named.parent.iterdir()] if named.parent.is_dir() else []
    if named.is_file():
        said = f"{init.file!r} is no .safetensors file"
    elif named.is_dir():
        said = f"the folder {init.file!r} has no {pretrained.WEIGHTS}"
    else:
        said = f"there is no file or folder {init.file!r}{nearest(named.name, there)}"
    keys = (*keys, "file")
    raise UserError(
        f"{'.'.join(keys)}: {said}: name a .safetensors file, or the folder of a run or of a "
        "packed model",
        file=file,
        line=line_in(file, keys),
    )


def _is_made(config: Config, weights: Path, made: Collection[str]) -> bool:
    """Whether a rule makes the file: a download, or the weights of a run of this configuration."""
    path = Path(os.path.relpath(weights))
    if str(path.parent) in made:
        return True
    if path.parent == Path(DOWNLOADS):
        return path.name in config.downloads
    run = _RUN.fullmatch(path.as_posix())
    dataset = config.learnt.get(run["dataset"]) if run else None
    if run is None or dataset is None or run["model"] not in dataset.models:
        return False
    return int(run["fold"] or 0) < dataset.split.folds


def _start_keys(dataset: str, model: str, file: str | Path | None) -> tuple[str, ...]:
    """Where ``init_from`` of a model stands: in the dataset, or else in `models`."""
    own = ("datasets", dataset, "models", model, "init_from")
    written = load_yaml(file) if file is not None and Path(file).is_file() else None
    return own if stands(written, own) else own[2:]


def _check_task(name: str, alone: PretrainedDataset, file: str | Path | None) -> None:
    """Raise ``UserError`` where the dataset's model predicts for another task."""
    task = pretrained.task_of(pretrained.find(alone.pretrained))
    if task not in (alone.task, None):
        keys = ("datasets", name, "task")
        raise UserError(
            f"{'.'.join(keys)}: {alone.task!r} is not what the model {alone.pretrained!r} "
            f"predicts: write `task: {task}`, or name another model",
            file=file,
            line=line_in(file, keys),
        )


def _check_model(model: str, keys: tuple[str, ...], file: str | Path | None) -> None:
    """Raise ``UserError`` unless ``model`` is installed or a folder."""
    try:
        pretrained.find(model)
    except UserError as error:
        message = f"{'.'.join(keys)}: {error}"
        raise UserError(message, file=file, line=line_in(file, keys)) from None
