"""What the trainings of a dataset took, run by run and model by model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bioseq_lstm.reporting.panels import Table, Text

TOKENS = (
    "Tokens are letters (residues, bases, characters of SMILES) without padding; those of "
    "training are timed over its batches alone. Seconds are wall time, validation included. "
    "Medians over epochs and runs; what else ran on the machine is in them."
)


@dataclass(frozen=True)
class TrainedRun:
    """One training: its ``history.tsv`` and its ``model.json``."""

    model: str
    fold: int
    seed: int
    history: pd.DataFrame
    card: dict[str, Any]

    @property
    def label(self) -> str:
        return f"{self.model} fold {self.fold} seed {self.seed}"


def costs(runs: Sequence[TrainedRun]) -> pd.DataFrame:
    """One row a model, in the order of ``runs``; the first column is ``model``."""
    by_model: dict[str, list[TrainedRun]] = {}
    for run in runs:
        by_model.setdefault(run.model, []).append(run)
    return pd.DataFrame([_row(model, own) for model, own in by_model.items()])


def cost_table(runs: Sequence[TrainedRun]) -> Table:
    return Table(
        "Cost",
        costs(runs),
        f"{TOKENS} Training seconds are summed over runs; prediction is timed on the test part, on "
        "the CPU.",
        formats={
            "training seconds": ",.1f",
            "s per epoch": ",.2f",
            "tokens/s, training": ",.0f",
            "tokens/s, prediction": ",.0f",
        },
    )


def invariance_text(runs: Sequence[TrainedRun]) -> Text:
    """How much predictions of the trained networks depend on anything but their record."""
    measured = [run.card["invariance"] for run in runs]
    worst = max(runs, key=lambda run: run.card["invariance"]["largest_change"])
    largest = worst.card["invariance"]["largest_change"]
    return Text(
        "What a prediction depends on beside its record",
        [
            f"Measured on {measured[0]['records']} validation records with each trained network: "
            "in batches, each alone, and in batches of reversed order with another number of "
            f"threads. The largest change of any predicted value is {largest:.1g} "
            f"({worst.label}); single precision rounds at about 1e-7 of a value. Encoders that "
            "decide by a threshold (skip, hierarchical) can make more of a rounding."
        ],
    )


def _row(model: str, runs: Sequence[TrainedRun]) -> dict[str, Any]:
    spent = pd.DataFrame([run.card["cost"] for run in runs])
    return {
        "model": model,
        "encoder": encoder_text(runs[0].card["settings"]),
        "parameters": int(spent["parameters"].iloc[0]),
        "runs": len(runs),
        "epochs": _spread([int(n) for n in spent["epochs"]]),
        "best epoch": _spread([run.card["best_epoch"] for run in runs]),
        "training seconds": spent["training_seconds"].sum(),
        "s per epoch": float(np.median([run.history["seconds"].median() for run in runs])),
        "tokens/s, training": spent["tokens_per_second"].median(),
        "tokens/s, prediction": spent["prediction_tokens_per_second"].median(),
        "time loop": _words(spent["engine"]),
        "precision": _words(spent["precision"]),
        "device": _words(spent["device"]),
    }


def encoder_text(settings: dict[str, Any]) -> str:
    """Such as ``stem 2 x 48, 2 x lstm 96``; of pairs, what drugs and what targets get."""
    sides = [_side_text(settings["inputs"].get(side, settings)) for side in ("drug", "target")]
    return sides[0] if sides[0] == sides[1] else f"{sides[0]}; {sides[1]}"


def _side_text(settings: dict[str, Any]) -> str:
    encoder = settings["encoder"]
    layers = f"{encoder['num_layers']} x " if encoder["num_layers"] > 1 else ""
    way = "" if encoder["bidirectional"] else ", one direction"
    own = settings["stem"]
    strands = " on both strands" if own and own.get("both_strands") else ""
    stem = f"stem {len(own['kernels'])} x {own['channels']}{strands}, " if own else ""
    attention = ", attention" if settings.get("attention") else ""
    return f"{stem}{layers}{encoder['name']} {encoder['hidden_size']}{way}{attention}"


def _spread(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def _words(column: pd.Series) -> str:
    return ", ".join(dict.fromkeys(column.astype(str)))
