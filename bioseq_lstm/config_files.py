"""Whether the files and models that ``config.yaml`` names are there, before anything runs.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from bioseq_lstm import pretrained
from bioseq_lstm.config import line_in
from bioseq_lstm.download_settings import DOWNLOADS
from bioseq_lstm.errors import UserError, nearest
from bioseq_lstm.places import leaves
from bioseq_lstm.settings import Config, PretrainedDataset


def check_files(config: Config, file: str | Path | None = None, made: Collection[str] = ()) -> None:
    """Raise ``UserError`` for a path that leads out of the project, a packed model that is not
    there, or a file that no rule makes.

    ``made`` are folders whose files rules make; those of ``data/downloads`` stand in `downloads`.
    Snakemake would not say so while results of an earlier file of that dataset stand.
    """
    _check_places(config, file)
    for name, alone in config.predicted.items():
        _check_model(alone.pretrained, ("datasets", name, "pretrained"), file)
        _check_task(name, alone, file)
    for name, dataset in config.learnt.items():
        for label, model in dataset.models.items():
            if model.init_from is not None and model.init_from.pretrained is not None:
                _check_model(model.init_from.pretrained, ("models", label, "init_from"), file)
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
