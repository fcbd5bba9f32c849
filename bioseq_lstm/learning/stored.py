"""Tensors in safetensors files: written smaller than they are, read as they were, never believed.

A file may hold several networks: tensor ``name`` of the second is ``1/name``. Matrices stored as
int8 have a scale for each row beside them, ``name:scale``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from bioseq_lstm.errors import UserError

SCALE = ":scale"
STORES = ("float32", "float16", "int8")
_LARGEST = 127  # of int8, the same on both sides of 0


class Stored:
    """The tensors of a file, or those of one of its networks, read one by one."""

    def __init__(self, path: Path, handle: Any, member: str = "") -> None:
        """``member``: the beginning of the names of one network, such as ``0/``."""
        self.path, self.member, self._handle = path, member, handle
        self._keys = frozenset(handle.keys())
        slices = {
            key.removeprefix(member): handle.get_slice(key)
            for key in sorted(self._keys)
            if key.startswith(member) and not key.endswith(SCALE)
        }
        self.shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}

    def read(self, name: str) -> Tensor:
        """One tensor: float32 if it holds fractions, else as it is.

        Raises UserError for a scale that does not fit.
        """
        key = self.member + name
        tensor: Tensor = self._handle.get_tensor(key)
        if key + SCALE in self._keys:
            scale = self._handle.get_tensor(key + SCALE)
            if scale.shape != tensor.shape[:1] or not scale.is_floating_point():
                raise UserError(f"the scale of {name!r} does not fit it", file=self.path)
            tensor = tensor.float() * _along_rows(scale, tensor)
        elif tensor.is_floating_point():
            tensor = tensor.float()
        return tensor


@contextmanager
def opened(path: str | Path, member: str = "") -> Iterator[Stored]:
    """The tensors of a file. Raises UserError for a file that is missing, broken or none."""
    path = Path(path)
    try:
        # The library holds what the header declares against the length of the file.
        with safe_open(path, framework="pt") as handle:
            yield Stored(path, handle, member)
    except FileNotFoundError:
        raise UserError("there is no such file", file=path) from None
    except (SafetensorError, OSError, ValueError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise UserError(f"is no safetensors file: {reason}", file=path) from None


def compact(tensors: Mapping[str, Tensor], store: str) -> dict[str, Tensor]:
    """Tensors ready to be written; matrices as ``store`` (one of ``STORES``), the rest as it is.

    float16 keeps 11 bits of each weight; int8 rounds to 1/127 of the largest of its row.
    """
    if store not in STORES:
        raise ValueError(f"store is one of {', '.join(STORES)}, not {store!r}")
    found: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        whole = tensor.ndim < 2 or not tensor.is_floating_point() or store == "float32"
        if whole:
            found[name] = tensor.contiguous()
        elif store == "float16":
            found[name] = tensor.half().contiguous()
        else:
            scale = tensor.abs().flatten(1).amax(dim=1).clamp(min=1e-12) / _LARGEST
            found[name] = (tensor / _along_rows(scale, tensor)).round().to(torch.int8).contiguous()
            found[name + SCALE] = scale
    return found


def _along_rows(scale: Tensor, tensor: Tensor) -> Tensor:
    return scale.float().reshape(-1, *[1] * (tensor.ndim - 1))
