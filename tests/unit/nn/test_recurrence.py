from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bioseq_lstm.learning.learner import Learner
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library
from bioseq_lstm.nn.recurrence import Cell, State, begin_epoch, engine, penalties


class Counting(Cell):
    """Adds up its input; remembers which epochs began."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__(hidden_size, states=(hidden_size,))
        self.epochs: list[int] = []

    def project(self, x: Tensor) -> Tensor:
        return x

    def step(self, inputs: Tensor, state: State) -> State:
        return (state[0] + inputs,)

    def begin_epoch(self, epoch: int) -> None:
        self.epochs.append(epoch)


def test_penalties_are_the_sum_over_all_cells_that_have_one() -> None:
    cells = [Counting(2) for _ in range(3)]
    network = nn.Sequential(cells[0], nn.ModuleList(cells[1:]), nn.Linear(2, 2))
    assert penalties(network) == 0.0
    cells[0].penalty, cells[2].penalty = torch.tensor(0.5), torch.tensor(0.25)
    assert float(penalties(network)) == 0.75


def test_every_cell_is_told_which_epoch_begins() -> None:
    cells = [Counting(2) for _ in range(3)]
    network = nn.Sequential(cells[0], nn.ModuleList(cells[1:]), nn.Linear(2, 2))
    for epoch in (0, 1):
        begin_epoch(network, epoch)
    assert [cell.epochs for cell in cells] == [[0, 1]] * 3


@pytest.mark.parametrize(
    ("name", "on_cpu", "on_gpu"),
    [
        ("lstm", "torch", "torch"),
        ("convlstm", "torch", "torch"),
        ("peephole", "cpp", "compiled"),
        ("matrix", "cpp", "torch"),
    ],
)
def test_what_runs_a_loop_is_told(name: str, on_cpu: str, on_gpu: str) -> None:
    if not library.compiler():
        pytest.skip("there is no C++ compiler")
    encoder: Any = build_encoder(name, 3, {"hidden_size": 8})
    assert engine(encoder, torch.device("cpu")) == on_cpu
    assert engine(encoder, torch.device("cuda")) == on_gpu
    with library.disabled():
        assert engine(encoder, torch.device("cpu")) == "torch"
    both = nn.ModuleList([encoder, Counting(2)])  # which is a loop without C++
    assert engine(both, torch.device("cpu")) == ("cpp and torch" if on_cpu == "cpp" else "torch")


def test_a_training_step_adds_penalties_and_lets_the_budget_reach_the_gate() -> None:
    torch.manual_seed(0)
    encoder: Any = build_encoder("skip", 3, {"hidden_size": 4, "budget": 0.5})
    x, lengths = torch.randn(2, 6, 3), torch.tensor([6, 2])

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, inputs: Tensor) -> Tensor:
            states: Tensor = self.encoder(inputs, lengths)
            return states

    # A task that does not look at the states: what is left is the budget alone.
    task: Any = SimpleNamespace(loss=lambda network, states, batch: 0.0 * states.sum() + 3.0)
    batch: Any = SimpleNamespace(inputs=x, mask=torch.ones(2, 6, dtype=torch.bool), weight=1.0)
    learner = Learner(task, Network(), TrainingSettings(), total_steps=1, seed=0)
    loss = learner.training_step(batch, 0)
    # A fresh cell updates at every step: 8 real ones in two rows, in each direction.
    assert loss.item() == pytest.approx(3.0 + 2 * 0.5 * 8 / 2)
    loss.backward()
    for cell in (*encoder.stack.forwards, *encoder.stack.backwards):
        # With fewer updates the loss would be smaller.
        assert cell.bias_update.grad > 0
