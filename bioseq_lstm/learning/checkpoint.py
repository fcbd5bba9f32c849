"""Checkpoints of a running training, and the model file that remains of it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from safetensors.torch import save_file
from torch import nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, replacing, write_json
from bioseq_lstm.learning.stored import Stored, opened

_FINGERPRINT = "fingerprint.json"


class AtomicCheckpoints(TorchCheckpointIO):
    """Checkpoints that are never half written: a temporary name, synced, then renamed."""

    def __init__(self, fingerprint: str) -> None:
        super().__init__()
        self.fingerprint = fingerprint

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        path = Path(path)
        with replacing(path) as temporary:
            torch.save(checkpoint, temporary)
        write_json(path.parent / _FINGERPRINT, self.fingerprint)


def discard_foreign(folder: Path, fingerprint: str) -> Path | None:
    """The last checkpoint if it belongs to this very training; any other is removed, and said."""
    last = folder / "last.ckpt"
    if last.exists():
        recorded = folder / _FINGERPRINT
        if recorded.exists() and read_json(recorded) == fingerprint:
            print(f"going on from {last}", file=sys.stderr)
            return last
        print(f"{folder}: a checkpoint of other settings or data is set aside", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return None


def save_weights(path: str | Path, network: nn.Module) -> None:
    """Parameters and buffers as safetensors; nothing in it can run code."""
    tensors = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with replacing(path) as temporary:
        save_file(tensors, temporary)


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
