"""A packed model of random weights, in the form that ``bioseq-lstm package`` gives it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.files import sha256, write_json
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS

CALIBRATION: dict[str, dict[str, Any]] = {
    "structure": {"temperature": 0.7},
    "expression": {"half_width": [1.0, 2.0, 3.0]},
    "affinity": {"half_width": 1.5},
}
COST = {"parameters": 1, "epochs": 1, "training_seconds": 1.0, "tokens_per_second": 1.0}
SMALL = {"embedding": {"size": 8}, "encoder": {"name": "lstm", "hidden_size": 8}}


def write_package(
    folder: Path,
    task: str = "structure",
    settings: ModelSettings | None = None,
    about: dict[str, Any] | None = None,
) -> Path:
    """Write the model; weights are large, so that every letter counts."""
    settings, about = settings or ModelSettings.model_validate(SMALL), about or {}
    torch.manual_seed(0)
    network = TASKS[task].network(settings, Encoded({}, about=about), np.array([], dtype=int))
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.4)
    folder.mkdir(parents=True)
    weights = {f"0/{k}": v.contiguous() for k, v in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    member = {
        "run": "m, fold 0, seed 1",
        "weights_sha256": "0" * 64,
        "settings": settings.model_dump(mode="json", exclude={"init_from"}),
        "about": about,
        "calibration": CALIBRATION[task],
        "invariance": {},
        "validation_loss": 1.0,
        "best_epoch": 0,
        "cost": {**COST, "device": "cpu", "precision": "32-true"},
    }
    card = {
        "name": folder.name,
        "task": task,
        "words": {"licence": "<script>alert(1)</script>"},
        "members": [member],
        "calibration": [CALIBRATION[task]],
        "letters": {
            side: list(alphabet.letters)
            for side, alphabet in import_module(
                f"bioseq_lstm.tasks.{task}.exported"
            ).ExportedNetwork.alphabets.items()
        },
        "outputs": {},
        "dataset": {"split": {"strategy": "random"}},
        "trained_on": {},
        "test": None,
        "storage": {"store": "float32", "largest_change": 0.0, "bytes": 1},
        "weights_sha256": sha256(folder / "model.safetensors"),
        "versions": {},
    }
    write_json(folder / "model.json", card)
    return folder
