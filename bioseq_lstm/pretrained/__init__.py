"""Models that are installed with the package: one folder each, beside this module.

This module stays light: Snakemake reads it every time it starts.
"""

from __future__ import annotations

import json
from pathlib import Path

from bioseq_lstm.errors import UserError, nearest

ROOT = Path(__file__).parent
WEIGHTS, CARD = "model.safetensors", "model.json"


def installed() -> list[str]:
    """Names of the models that are installed, in order."""
    return sorted(path.parent.name for path in ROOT.glob(f"*/{CARD}"))


def find(model: str) -> Path:
    """The folder of an installed model, or a folder that is named itself.

    A folder is named with a ``/`` in it (``./mine``), or by a name that no installed model has.
    Raises ``UserError`` if there is neither.
    """
    names = installed()
    if model in names:
        return ROOT / model
    folder = Path(model)
    if not _is_folder(folder):
        known = f"installed are {', '.join(names)}" if names else "none is installed"
        raise UserError(
            f"there is no model {model!r}{nearest(model, names)}; {known}, and no folder has that "
            "name"
        )
    for name in (CARD, WEIGHTS):
        if not (folder / name).is_file():
            raise UserError(f"has no {name}: `bioseq-lstm package` makes such a folder", file=model)
    return folder


def task_of(folder: Path) -> str | None:
    """The task that a packed model's card names; None where it is no card, as is told later."""
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    task = card.get("task") if isinstance(card, dict) else None
    return task if isinstance(task, str) else None


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a text that no file system takes as a name
        return False
