"""What is timed: every recurrence of the registry, one layer in one direction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bioseq_lstm.nn.encoders import CELLS, ENCODERS, build_encoder
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import engine

REFERENCE = "torch.nn.LSTM"
NAMES = (REFERENCE, *ENCODERS)
WARM_LENGTH = 16
Engine = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class Shape:
    hidden: int
    batch: int
    length: int

    @property
    def tokens(self) -> int:
        return self.batch * self.length

    def input(self, device: torch.device) -> Tensor:
        """Random features ``(batch, length, hidden)``, as many as the recurrence has units."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.batch, self.length, self.hidden, generator=generator)
        return x.to(device).requires_grad_()


class OneDirection(nn.Module):
    """``(batch, length, hidden) -> (batch, length, hidden)``, all rows of full length."""

    def __init__(self, name: str, hidden: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.name = name
        self.recurrence: nn.Module
        if name == REFERENCE:
            self.recurrence = nn.LSTM(hidden, hidden, batch_first=True)
        elif name in CELLS:
            self.recurrence = CELLS[name](hidden, hidden)
        else:
            options = {"hidden_size": hidden, "bidirectional": False}
            encoder = build_encoder(name, hidden, options)
            assert isinstance(encoder, nn.Module)
            self.recurrence = encoder

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor
        if self.name == REFERENCE:
            states = self.recurrence(x)[0]
        elif self.name in CELLS:
            states = self.recurrence(x, x.new_ones(*x.shape[:2], 1, dtype=torch.bool))
        else:
            states = self.recurrence(x, torch.full((len(x),), x.shape[1], device=x.device))
        return states


def engines(module: nn.Module, device: torch.device) -> dict[str, Engine]:
    """What can run it, by name, what is taken by default first.

    ``cpp`` is our loop in C++, ``compiled`` our chunks of steps compiled for a GPU, ``torch``
    the same without either, or what torch itself has (oneDNN, cuDNN) where there is no loop.
    """
    default = engine(module, device)
    without: dict[str, Engine] = {"cpp": library.disabled, "compiled": _uncompiled}
    if default not in without:
        return {default: nullcontext}
    return {default: nullcontext, "torch": without[default]}


def _uncompiled() -> AbstractContextManager[object]:
    stance: AbstractContextManager[object] = torch.compiler.set_stance("force_eager")
    return stance


def predict(module: nn.Module, *inputs: Tensor) -> None:
    module.eval()
    with torch.no_grad():
        module(*inputs)


def train(module: nn.Module, *inputs: Tensor) -> None:
    """Forward and backward, to the weights and to the first input, without an optimiser."""
    module.train()
    module.zero_grad()
    inputs[0].grad = None
    states = module(*inputs)
    states.backward(torch.ones_like(states))


MODES: dict[str, Callable[..., None]] = {"predict": predict, "train": train}
