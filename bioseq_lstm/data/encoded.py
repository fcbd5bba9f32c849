"""``encoded.safetensors``: a dataset as numbers, written once and read by every training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.files import replacing

_CODES, _OFFSETS = "codes", "offsets"
_METADATA = "encoded"


@dataclass(frozen=True)
class Encoded:
    """Ragged sequences by name, plain arrays by name, and what a reader must know of them.

    Attributes:
        sequences: uint8 codes end to end with offsets (``chain``, ``gene``, ``drug``, ...).
        arrays: targets and what else is known (``values``, ``pairs``), rows as in the samples or
            as in the sequences they belong to.
        about: JSON-ready facts, such as the names of the conditions.
    """

    sequences: dict[str, Ragged]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def with_arrays(self, **arrays: np.ndarray) -> Encoded:
        return replace(self, arrays={**self.arrays, **arrays})

    def with_sequences(self, **sequences: Ragged) -> Encoded:
        return replace(self, sequences={**self.sequences, **sequences})

    def save(self, path: str | Path, inputs: Mapping[str, str] | None = None) -> None:
        """Write the file; ``inputs``: SHA-256 of the files that this was made from."""
        tensors = {f"array/{name}": np.ascontiguousarray(a) for name, a in self.arrays.items()}
        for name, ragged in self.sequences.items():
            tensors[f"sequence/{name}/{_CODES}"] = np.ascontiguousarray(ragged.codes)
            tensors[f"sequence/{name}/{_OFFSETS}"] = np.ascontiguousarray(ragged.offsets)
        # One entry: safetensors writes several in an order that changes from call to call, and
        # with it the checksum that a training goes on by.
        metadata = json.dumps({"about": self.about, "inputs": dict(inputs or {})})
        with replacing(path) as temporary:
            temporary.write_bytes(save(tensors, metadata={_METADATA: metadata}))

    @classmethod
    def load(cls, path: str | Path) -> Encoded:
        with safe_open(path, framework="numpy") as stored:
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
            about = _metadata(stored)["about"]
        names = [key.split("/")[1] for key in tensors if key.endswith(f"/{_CODES}")]
        sequences = {
            name: Ragged(*(tensors[f"sequence/{name}/{part}"] for part in (_CODES, _OFFSETS)))
            for name in names
        }
        arrays = {k.removeprefix("array/"): v for k, v in tensors.items() if k.startswith("array/")}
        return cls(sequences, arrays, about)


def inputs_of(path: Path) -> dict[str, str]:
    """SHA-256 of the files that an encoded dataset says it was made from; empty if it says none."""
    with safe_open(path, framework="numpy") as stored:
        inputs: dict[str, str] = _metadata(stored).get("inputs", {})
    return inputs


def _metadata(stored: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((stored.metadata() or {}).get(_METADATA, "{}"))
    return content
