"""Configurations of one dataset, as short as they can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bioseq_lstm.config import parse_config
from bioseq_lstm.settings import Config

FILES = {
    "structure": {"sequences": "chains.3line"},
    "expression": {"sequences": "genes.fasta", "expression": "tpm.tsv"},
    "affinity": {"drugs": "drugs.tsv", "targets": "t.fasta", "affinities": "kd.tsv"},
}


def dataset(task: str = "structure", **more: Any) -> dict[str, Any]:
    return {"task": task, "files": FILES[task], **more}


def config(task: str = "structure", models: Any = None, **more: Any) -> Config:
    raw: dict[str, Any] = {"datasets": {"d": dataset(task, **more)}}
    return parse_config(raw if models is None else {**raw, "models": models})


def write_package_files(folder: Path) -> None:
    folder.mkdir()
    for name in ("model.json", "model.safetensors"):
        (folder / name).touch()
