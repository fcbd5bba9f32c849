"""Checkpoints of a running training, and the model file that remains of it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from safetensors.torch import save
from torch import nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import replacing
from bioseq_lstm.learning.stored import Stored, opened

LAST, BEFORE, BEST = "last.ckpt", "before.ckpt", "best.ckpt"
_LONGEST_HEADER = 1000  # bytes


class Checkpoints(TorchCheckpointIO):
    """Checkpoints that carry their SHA-256 and whose they are, and are never half written.

    The first line of a file is JSON: ``sha256`` of the rest, and the ``fingerprint`` of settings
    and data. zip and safetensors notice neither a flipped bit nor another training's weights.
    Of the last epoch's checkpoint the one before is kept too.
    """

    def __init__(self, fingerprint: str) -> None:
        super().__init__()
        self.fingerprint = fingerprint

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        path, held = Path(path), io.BytesIO()
        torch.save(checkpoint, held)
        digest = hashlib.sha256(held.getbuffer()).hexdigest()
        header = json.dumps({"sha256": digest, "fingerprint": self.fingerprint})
        if path.name == LAST and path.exists():
            with replacing(path.with_name(BEFORE)) as temporary:
                shutil.copyfile(path, temporary)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(header.encode() + b"\n")
            file.write(held.getbuffer())

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any = "cpu", weights_only: Any = True
    ) -> dict[str, Any]:
        return read_checkpoint(path, map_location)


def read_checkpoint(path: str | os.PathLike[str], map_location: Any = "cpu") -> dict[str, Any]:
    """What was saved; it can run no code. ``UserError`` for a file that is damaged."""
    _, content = _parted(Path(path))
    loaded: dict[str, Any] = torch.load(
        io.BytesIO(content), map_location=map_location, weights_only=True
    )
    return loaded


def last_good(folder: Path, fingerprint: str) -> Path | None:
    """The last checkpoint of this very training that is whole, and says what it made of others.

    One that is damaged gives way to the one before. Those of other settings or data are removed,
    and so are all if the best weights so far are damaged: these are in no other file.
    """
    last, before, best = (folder / name for name in (LAST, BEFORE, BEST))
    found = [path for path in (last, before) if path.exists()]
    try:
        whole = _first_whole(found) if not found or _parted(best) else None
    except UserError as error:
        print(f"{error}; training begins anew", file=sys.stderr)
        whole = None
    if whole is not None:
        path, owner = whole
        if owner == fingerprint:
            path.replace(last)
            print(f"going on from {last}", file=sys.stderr)
            return last
        print(f"{folder}: a checkpoint of other settings or data is set aside", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _first_whole(paths: list[Path]) -> tuple[Path, str] | None:
    """The first of some checkpoints that is not damaged, and whose it is."""
    for number, path in enumerate(paths, 1):
        try:
            return path, _parted(path)[0]
        except UserError as error:
            then = "the one before is taken" if number < len(paths) else "training begins anew"
            print(f"{error}; {then}", file=sys.stderr)
    return None


def _parted(path: Path) -> tuple[str, bytes]:
    """Fingerprint and content of a checkpoint; ``UserError`` if it is not as it was written."""
    damaged = UserError("the checkpoint is damaged", file=path)
    try:
        with path.open("rb") as file:
            header, content = file.readline(_LONGEST_HEADER), file.read()
        said = json.loads(header)
        if hashlib.sha256(content).hexdigest() == said["sha256"]:
            return str(said["fingerprint"]), content
    except (FileNotFoundError, ValueError, LookupError, TypeError):
        raise damaged from None
    raise damaged


def save_weights(path: str | Path, network: nn.Module) -> None:
    """Parameters and buffers as safetensors; nothing in it can run code."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors))


def keep_weights(checkpoint: Path, path: Path) -> None:
    """The network's weights of a checkpoint as safetensors, under the names of ``save_weights``."""
    state = read_checkpoint(checkpoint)["state_dict"]
    own = {
        name.removeprefix("network."): tensor.contiguous()
        for name, tensor in state.items()
        if name.startswith("network.")
    }
    with replacing(path) as temporary:
        temporary.write_bytes(save(own))


def load_weights(path: str | Path, network: nn.Module, member: str = "") -> None:
    """Fill ``network`` from a file whose names and shapes must be its own.

    ``member``: the beginning of the names of one of several networks in the file.
    """
    with opened(path, member) as stored:
        check_shapes(network, stored)
        tensors = {name: stored.read(name) for name in stored.shapes}
    network.load_state_dict(tensors)


def check_shapes(network: nn.Module, stored: Stored) -> None:
    """Raise UserError unless names and shapes of the file are those of ``network``."""
    wanted = network.state_dict()
    for name in sorted(stored.shapes.keys() ^ wanted.keys()):
        known = "is missing" if name in wanted else "does not belong to this model"
        raise UserError(f"the tensor {name!r} {known}", file=stored.path)
    for name, tensor in wanted.items():
        if stored.shapes[name] != tuple(tensor.shape):
            raise UserError(
                f"the tensor {name!r} has shape {stored.shapes[name]}, "
                f"the model wants {tuple(tensor.shape)}",
                file=stored.path,
            )
