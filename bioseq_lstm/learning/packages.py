"""Packed models: a folder with ``model.safetensors``, ``model.json`` and ``MODEL_CARD.md``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from bioseq_lstm import pretrained
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256
from bioseq_lstm.learning.card import Card, read_card
from bioseq_lstm.learning.foreign import check_calibration, network_of
from bioseq_lstm.learning.prediction import Decoded, Predictor
from bioseq_lstm.learning.windows import predict_new_rows
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.outcomes import Trust


@dataclass(frozen=True)
class Package:
    """A packed model: its card, and its networks, whose predictions are averaged."""

    card: Card
    task: Task
    networks: list[nn.Module]

    def decode(self, encoded: Encoded) -> list[np.ndarray]:
        """Decoded predictions of all samples, means over the networks."""
        runs = [predict_new_rows(self.task, network, encoded) for network in self.networks]
        return [np.mean(same, axis=0) for same in zip(*runs, strict=True)]

    def predictor(self) -> Predictor:
        trust = Trust(self.card.calibration, pd.DataFrame(), self.card.members[0].about)
        settings = self.card.dataset_settings()
        return Predictor(self.task, settings, trust, lambda data: Decoded(self.decode(data)))


def load_package(model: str) -> Package:
    """The installed model of that name, or the one in that folder.

    Raises UserError for a model that is not there, or weights that are not those of the card.
    """
    folder = pretrained.find(model)
    card = read_card(folder / pretrained.CARD)
    weights = folder / pretrained.WEIGHTS
    if sha256(weights) != card.weights_sha256:
        raise UserError("is not the file that model.json describes", file=weights)
    task = TASKS[card.task]
    _check_letters(card, folder / pretrained.CARD)
    for calibration in card.calibration:
        check_calibration(task, calibration, folder / pretrained.CARD)
    networks = [
        network_of(task, member.settings, member.about, weights, f"{number}/")
        for number, member in enumerate(card.members)
    ]
    return Package(card, task, networks)


def _check_letters(card: Card, path: Path) -> None:
    """Raise UserError unless the codes that the model learnt stand for the letters of today."""
    known = import_module(f"bioseq_lstm.tasks.{card.task}.exported").ExportedNetwork.alphabets
    for side, alphabet in known.items():
        found = card.letters.get(side)
        if found != list(alphabet.letters):
            said = "no letters" if found is None else repr("".join(map(str, found)))[:60]
            raise UserError(
                f"letters.{side}: the model has {said}, where {card.task} has "
                f"{''.join(alphabet.letters)!r}: its codes mean something else",
                file=path,
            )


def listed() -> str:
    """The installed models in a line each: name, task, size, headline figure, summary."""
    lines = []
    for name in pretrained.installed():
        card = read_card(Path(pretrained.ROOT) / name / pretrained.CARD)
        lines.append(f"{name}  {card.task}  {card.storage.bytes / 1e6:.1f} MB  {headline(card)}")
    return "\n".join(lines) or "no model is installed; `bioseq-lstm package` makes one from runs"


def headline(card: Card) -> str:
    """The first figure with its interval, in words."""
    if card.test is None or card.test.figures[0].value is None:
        return "not measured"
    first = card.test.figures[0]
    interval = "" if first.low is None else f" ({first.low:.3f} to {first.high:.3f})"
    return f"{first.label} {first.value:.3f}{interval} on {card.test.samples:,} test samples"
