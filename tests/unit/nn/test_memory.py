"""An LSTM remembers over 400 steps what a plain recurrent network forgets.

The adding problem (Hochreiter & Schmidhuber 1997, experiment 4; in the form of Le, Jaitly & Hinton
2015): a sequence of random numbers in [0, 1], two of which are marked, one in each half; the
answer, after the last step, is their sum. Whoever always answers 1 has a squared error of 1/6,
the variance of the sum of two such numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bioseq_lstm.nn.encoders import build_encoder

LENGTH, HIDDEN = 400, 16
TRIVIAL = 1 / 6


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these take longer when threads share them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sequences(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Numbers and marks ``(count, length, 2)``, and the sums of the marked ``(count,)``."""
    numbers = torch.rand(count, LENGTH, generator=generator)
    half, rows = LENGTH // 2, torch.arange(count)
    first = torch.randint(0, half, (count,), generator=generator)
    second = torch.randint(half, LENGTH, (count,), generator=generator)
    marks = torch.zeros(count, LENGTH)
    marks[rows, first] = marks[rows, second] = 1
    return torch.stack([numbers, marks], dim=2), numbers[rows, first] + numbers[rows, second]


class Adder(nn.Module):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.recurrence: Any
        if name == "rnn":
            self.recurrence = nn.RNN(2, HIDDEN, batch_first=True)
        else:
            self.recurrence = build_encoder(
                name, 2, {"hidden_size": HIDDEN, "bidirectional": False}
            )
            self.remember_at_first()
        self.answer = nn.Linear(HIDDEN, 1)

    def remember_at_first(self) -> None:
        """Gates that keep a memory for 1 to ``LENGTH`` steps at first (Tallec & Ollivier 2018).

        With a forget bias of 1 for all, as is default, less than 1e-54 of a gradient is left after
        400 steps, and learning would take longer than a test may.
        """
        named = dict(self.recurrence.named_parameters())
        (bias,) = (named[name] for name in named if name.endswith((".bias", ".bias_ih_l0")))
        with torch.no_grad():
            keep = torch.empty(HIDDEN).uniform_(1, LENGTH - 1).log()
            bias[:HIDDEN], bias[HIDDEN : 2 * HIDDEN] = -keep, keep

    def forward(self, x: Tensor) -> Tensor:
        if isinstance(self.recurrence, nn.RNN):
            states = self.recurrence(x)[0]
        else:
            states = self.recurrence(x, torch.full((len(x),), LENGTH))
        answers: Tensor = self.answer(states[:, -1])[:, 0]
        return answers


def error_after_training(name: str, steps: int = 650) -> float:
    """Mean squared error on new sequences; every network sees the same ones in training."""
    torch.manual_seed(0)
    adder = Adder(name)
    optimiser = torch.optim.Adam(adder.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        x, sums = sequences(16, generator)
        loss = (adder(x) - sums).square().mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(adder.parameters(), 1.0)
        optimiser.step()
    x, sums = sequences(1000, generator)
    with torch.no_grad():
        return float((adder(x) - sums).square().mean())


def test_always_answering_one_has_an_error_of_a_sixth() -> None:
    _, sums = sequences(4000, torch.Generator().manual_seed(1))
    # The standard error of the mean of 4,000 squares is 0.003.
    assert float((sums - 1).square().mean()) == pytest.approx(TRIVIAL, abs=0.012)


@pytest.mark.parametrize("name", ["lstm", "peephole"])
def test_an_lstm_adds_numbers_that_it_saw_hundreds_of_steps_ago(name: str) -> None:
    assert error_after_training(name) < TRIVIAL / 10


def test_a_plain_recurrent_network_of_the_same_size_does_not() -> None:
    assert error_after_training("rnn") > TRIVIAL * 0.8
