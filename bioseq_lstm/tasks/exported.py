"""A trained network as it is exported: tensors in, predictions in the unit of the data out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bioseq_lstm.data.alphabets import Alphabet

Axes = tuple[str | int, ...]


class Exported(nn.Module, ABC):
    """A task's network with named inputs and one output; what differs stands in the task.

    ``inputs`` are the network's own, each with its axes (a name: of any size). ``card`` is the
    run's ``model.json``.
    """

    output: ClassVar[str]
    alphabets: ClassVar[dict[str, Alphabet]]  # of the inputs that are codes

    def __init__(self, network: nn.Module, card: Mapping[str, Any]) -> None:
        super().__init__()
        self.network, self.card = network, card
        self.inputs = self.axes()

    @abstractmethod
    def axes(self) -> dict[str, Axes]:
        """The inputs of this network."""

    @abstractmethod
    def finish(self, outputs: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """The network's outputs to what is predicted, exactly 0 on padding."""

    @abstractmethod
    def example(self, rows: int, length: int) -> dict[str, Tensor]:
        """Random inputs of about that size; the free axes differ in size unless ``rows`` is 1."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """What a reader of the output must know, JSON-ready."""

    def forward(self, inputs: Mapping[str, Tensor]) -> Tensor:
        return self.finish(self.network(inputs), inputs)


def example_codes(alphabet: Alphabet, rows: int, length: int) -> tuple[Tensor, Tensor]:
    """Random codes ``(rows, length)``, and lengths ``(rows,)`` from ``length`` down to 1."""
    return torch.randint(1, alphabet.size, (rows, length)), torch.linspace(length, 1, rows).long()
