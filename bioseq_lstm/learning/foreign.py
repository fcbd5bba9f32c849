"""Networks from files that anybody may have written: nothing is built before it is known to fit.

A card says how large a network is, and a lie there would ask for more memory than there is. So no
size may be larger than the file of weights accounts for, the network is first laid out without
memory, and only when its tensors are those of the file is it made.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.checkpoint import check_shapes, load_weights
from bioseq_lstm.learning.stored import opened
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks.base import Task

_PARTS = ("embedding", "stem", "encoder", "attention", "head", "inputs")
_REPEATED = ("num_layers", "levels", "rules", "rounds", "kernels")  # of which each has own tensors


def network_of(
    task: Task, settings: ModelSettings, about: dict[str, Any], weights: Path, member: str = ""
) -> nn.Module:
    """The network that ``settings`` describe, with the weights of a file, ready to predict.

    ``about``: facts of the data that it was trained on. ``member``: the beginning of the names of
    one of several networks in the file. Raises UserError for a network that is larger than the
    file, or another than its tensors, and for weights that are no numbers.
    """
    with opened(weights, member) as stored:
        _check_sizes(settings.model_dump(), about, stored.shapes, weights)
        with torch.device("meta"):
            check_shapes(_made(task, settings, about, weights), stored)
    network = _made(task, settings, about, weights)
    load_weights(weights, network, member)
    for name, tensor in network.state_dict().items():
        if not bool(tensor.isfinite().all()):
            raise UserError(f"the tensor {name!r} holds NaN or infinity", file=weights)
    return network.eval()


def check_calibration(task: Task, calibration: Any, file: Path) -> None:
    """Raise UserError unless ``calibration`` has what the task decodes with: finite numbers."""
    found = calibration.get(task.calibrated_by) if isinstance(calibration, Mapping) else None
    numbers: list[Any] = found if isinstance(found, list) and found else [found]
    if not all(type(n) in (int, float) and math.isfinite(n) and n >= 0 for n in numbers):
        raise UserError(
            f"calibration: {task.calibrated_by} must be numbers from 0 on, not {found!r}", file=file
        )


def _made(task: Task, settings: ModelSettings, about: dict[str, Any], file: Path) -> nn.Module:
    try:
        return task.network(settings, Encoded({}, about=about), np.array([], dtype=int))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(
            f"its card describes no network of task {task.name} ({type(error).__name__}: {error})",
            file=file,
        ) from None


def _check_sizes(
    settings: Mapping[str, Any],
    about: Mapping[str, Any],
    shapes: Mapping[str, tuple[int, ...]],
    file: Path,
) -> None:
    """Raise UserError for a size that the tensors of the file cannot account for."""
    numbers = sum(math.prod(shape) for shape in shapes.values())
    sizes = dict(_sizes({part: settings[part] for part in _PARTS}))
    sizes |= {f"about.{key}": len(v) for key, v in about.items() if isinstance(v, list)}
    for where, size in sizes.items():
        most = len(shapes) if where.rpartition(".")[2] in _REPEATED else numbers
        if size > most:
            raise UserError(
                f"its card says {where} {size:,}, which a file of {len(shapes):,} tensors with "
                f"{numbers:,} numbers cannot hold",
                file=file,
            )


def _sizes(settings: Any, where: str = "") -> Iterator[tuple[str, int]]:
    """Whole numbers of nested settings by their keys; of a list its length and its items."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            yield from _sizes(value, f"{where}.{key}" if where else str(key))
    elif isinstance(settings, list | tuple):
        yield where, len(settings)
        for number, value in enumerate(settings):
            yield from _sizes(value, f"{where}[{number}]")
    elif type(settings) is int:
        yield where, settings
