"""A trained run as one ONNX file, for use without this package and without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, replacing
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.stacking import formula
from bioseq_lstm.nn.exportable import exportable
from bioseq_lstm.nn.onnx import to_onnx
from bioseq_lstm.provenance import versions
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.exported import Exported

if TYPE_CHECKING:
    from onnx import ModelProto

PACKAGES = ("onnx", "onnxscript")
LONG = 1 << 17  # letters of the traced example: more than any window, stride or k-mer has
# Of the largest prediction. Both compute in float32, in another order and over hundreds of steps,
# which is 1e-6 or so; a graph that is wrong is off by far more.
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Export:
    """What was written, and how far its predictions are from torch's, as far as was looked at."""

    file: Path
    difference: float | None

    def __str__(self) -> str:
        if self.difference is None:
            return f"{self.file}: not compared with torch, since onnxruntime is not installed"
        return f"{self.file}: differs from torch by {self.difference:.1g} at most in onnxruntime"


def export_run(run: Path, out: Path | None = None) -> Export:
    """Write the network of a run's folder as ONNX, by default to ``model.onnx`` in that folder.

    Where onnxruntime is installed the model predicts sequences of other numbers and lengths than
    it was made with, and is not written unless it says what torch says. Raises ``UserError`` if
    a package is missing or if the folder holds no trained run.
    """
    for package in PACKAGES:
        if find_spec(package) is None:
            raise UserError(f"export needs {package}: run pip install 'bioseq-lstm[export]'")
    if not (run / "model.json").is_file():
        raise UserError(
            "has no model.json: name the folder of one run, such as "
            "results/mine/models/bilstm/fold0-seed1",
            file=run,
        )
    task = TASKS[read_json(run / "model.json")["task"]]
    network, card = load_network(task, run)
    if "stack" in card:
        raise UserError(
            f"is stacked on {formula(card['stack'])}, which ONNX cannot hold: export a model "
            "without stack_on",
            file=run,
        )
    of_task = import_module(f"bioseq_lstm.tasks.{task.name}.exported")
    prepared: Exported = of_task.ExportedNetwork(network, card).eval()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        example = prepared.example(3, LONG)
        model = to_onnx(
            exportable(prepared), example, prepared.inputs, prepared.output, _metadata(prepared)
        )
        difference = _compare(prepared, model)
    out = run / "model.onnx" if out is None else out
    with replacing(out) as temporary:
        temporary.write_bytes(model.SerializeToString(deterministic=True))
    return Export(out, difference)


def _metadata(prepared: Exported) -> dict[str, str]:
    """What a user of the file must know, and what it was made of: text, or JSON.

    ``letters``: code 1 is the first, the code after the last is any other letter, 0 is padding.
    """
    card = prepared.card
    structured = {
        "letters": {name: list(known.letters) for name, known in prepared.alphabets.items()},
        "about": prepared.about(),
        "settings": card["settings"],
        "versions": {**versions(), **{name: metadata.version(name) for name in PACKAGES}},
    }
    return {
        "task": card["task"],
        "weights_sha256": card["weights_sha256"],
        **{name: json.dumps(value, ensure_ascii=False) for name, value in structured.items()},
    }


def _compare(prepared: Exported, model: ModelProto) -> float | None:
    """The largest difference from torch; None without onnxruntime."""
    if find_spec("onnxruntime") is None:
        return None
    from onnxruntime import InferenceSession

    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    largest = 0.0
    for rows, length in ((1, 1), (4, 70)):
        example = prepared.example(rows, length)
        (found,) = session.run(None, {name: part.numpy() for name, part in example.items()})
        with torch.no_grad():
            expected = prepared(example)
        difference = float((torch.from_numpy(found) - expected).abs().max())
        if not difference <= TOLERANCE * float(expected.abs().max()):
            raise RuntimeError(f"onnxruntime differs from torch by {difference}: not written")
        largest = max(largest, difference)
    return largest
