"""A new network that starts from trained weights: what fits by name and shape, what does not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256
from bioseq_lstm.init_settings import InitSettings
from bioseq_lstm.learning.stored import Stored, opened
from bioseq_lstm.pretrained import CARD

SHOWN = 5  # names of each kind in the log; all stand in run.yaml


def start_from(network: nn.Module, init: InitSettings) -> dict[str, Any]:
    """Copy into ``network`` every parameter that the file has under its name and in its shape.

    Means and scales that were fitted on the training part are no parameters and stay. Of a packed
    ensemble the first network is taken.

    Returns:
        The section ``init_from`` of ``run.yaml`` and ``model.json``: ``source``, ``sha256``, names
        ``loaded``, ``missing`` in the file, of ``other_shape`` (here and there), and ``unused``.

    Raises:
        UserError: for a file that cannot be read, a tensor that is not of numbers with fractions,
            or if nothing fits at all.
    """
    path = init.weights
    wanted = dict(network.named_parameters())
    with opened(path, _member(path)) as stored:
        names = {name: _renamed(name, init.map) for name in wanted}
        missing = [name for name in wanted if names[name] not in stored.shapes]
        other = {
            name: {"here": list(tensor.shape), "file": list(stored.shapes[names[name]])}
            for name, tensor in wanted.items()
            if name not in missing and stored.shapes[names[name]] != tuple(tensor.shape)
        }
        loaded = [name for name in wanted if name not in missing and name not in other]
        if not loaded:
            raise UserError(_nothing(wanted, stored, other), file=path)
        for name in loaded:
            _copy(stored, names[name], wanted[name])
        unused = sorted(stored.shapes.keys() - {names[name] for name in loaded})
    record = {
        "source": init.pretrained or init.file,
        "sha256": sha256(path),
        "loaded": loaded,
        "missing": missing,
        "other_shape": other,
        "unused": unused,
    }
    print(told(record), file=sys.stderr)
    return record


def told(record: dict[str, Any]) -> str:
    """The section ``init_from`` in a line a kind."""
    lines = [f"weights from {record['source']} (SHA-256 {record['sha256'][:16]}…)"]
    for key in ("loaded", "missing", "other_shape", "unused"):
        names = list(record[key])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        shown = f": {', '.join(names[:SHOWN])}{more}" if names else ""
        lines.append(f"  {key.replace('_', ' ')} {len(names)}{shown}")
    return "\n".join(lines)


def _member(path: Path) -> str:
    """The beginning of the first network's names, if the file is that of a packed model."""
    card = path.parent / CARD
    if not card.is_file():
        return ""
    try:
        content = json.loads(card.read_text(encoding="utf-8"))
    except ValueError:
        return ""  # some other program's file
    return "0/" if isinstance(content, dict) and "members" in content else ""


def _renamed(name: str, prefixes: dict[str, str]) -> str:
    """The name in the file; the longest beginning that fits is exchanged."""
    fitting = [prefix for prefix in prefixes if name.startswith(prefix)]
    if not fitting:
        return name
    prefix = max(fitting, key=len)
    return prefixes[prefix] + name.removeprefix(prefix)


def _copy(stored: Stored, name: str, parameter: Tensor) -> None:
    tensor = stored.read(name)
    if not tensor.is_floating_point():
        raise UserError(
            f"the tensor {name!r} holds {str(tensor.dtype).removeprefix('torch.')}, not numbers "
            "with fractions",
            file=stored.path,
        )
    if not bool(tensor.isfinite().all()):
        raise UserError(f"the tensor {name!r} holds NaN or infinity", file=stored.path)
    with torch.no_grad():
        parameter.copy_(tensor)


def _nothing(wanted: dict[str, Any], stored: Stored, other: dict[str, Any]) -> str:
    """Why no tensor could be taken, in one line."""
    if other:
        name, shapes = next(iter(other.items()))
        reason = f"{name!r} has shape {shapes['file']} there and {shapes['here']} here"
    else:
        here, there = next(iter(wanted)), next(iter(stored.shapes), None)
        reason = (
            f"names here are like {here!r}, there like {there!r}: say in `map` what corresponds"
            if there
            else "it holds no tensor"
        )
    return f"no tensor of it fits this model; {reason}"
