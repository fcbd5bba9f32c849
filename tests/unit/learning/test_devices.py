"""Two processes learn what one does: real ones, joined by gloo."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_tsv
from bioseq_lstm.learning.training import train
from bioseq_lstm.model_settings import TrainerSettings

TASKS = ("structure", "expression", "affinity")
# Written to a file and run as one: Lightning starts the second process by the same command.
SCRIPT = """
import json, sys
from pathlib import Path
sys.path.insert(0, {here!r})
import torch
from conftest import make_toy
from bioseq_lstm.files import write_tsv
from bioseq_lstm.learning.learner import Learner
from bioseq_lstm.learning.training import train
from bioseq_lstm.model_settings import TrainerSettings

folder, devices = Path(sys.argv[1]), int(sys.argv[2])
gradients = []


def note(self, optimizer):
    gradients.append({{n: p.grad.clone() for n, p in self.network.named_parameters()}})


Learner.on_before_optimizer_step = note
for name in {tasks!r}:
    gradients.clear()
    # A budget at which the last batch of an epoch can hold fewer records than there are processes.
    toy = make_toy(name).told(epochs=3, gradient_clip=1e9, token_budget={budget})
    head = toy.model.head.model_copy(update={{"dropout": 0.0}})
    torch.manual_seed(1)
    network = toy.task.network(
        toy.model.model_copy(update={{"head": head}}), toy.encoded, toy.parts.train
    )
    on = TrainerSettings(accelerator="cpu", devices=devices)
    trained = train(
        toy.task, network, toy.encoded, toy.parts, toy.model.training, 1,
        folder / name / "checkpoints", fingerprint="f", on=on,
    )
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    found = {{"gradients": list(gradients), "weights": trained.network.state_dict()}}
    torch.save(found, folder / name / f"rank{{rank}}.pt")
    if rank == 0:
        write_tsv(folder / name / "history.tsv", trained.history)
        (folder / name / "cost.json").write_text(json.dumps(trained.cost))
"""


def ran(folder: Path, devices: int) -> Path:
    folder.mkdir()
    script = folder / "script.py"
    here = str(Path(__file__).parent)
    script.write_text(SCRIPT.format(here=here, tasks=TASKS, budget=60))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    done = subprocess.run(
        [sys.executable, str(script), str(folder), str(devices)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("devices")
    return ran(folder / "one", 1), ran(folder / "two", 2)


def loaded(folder: Path, rank: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / f"rank{rank}.pt", weights_only=True)
    return found


@pytest.mark.parametrize("task", TASKS)
def test_gradients_of_two_processes_are_those_of_one(folders: tuple[Path, Path], task: str) -> None:
    one, two = (loaded(folder / task)["gradients"] for folder in folders)
    assert len(one) == len(two) > 3
    for name, gradient in one[0].items():  # of the very same weights
        scale = float(gradient.abs().max())
        np.testing.assert_allclose(
            two[0][name], gradient, rtol=1e-5, atol=1e-6 * max(scale, 1e-3), err_msg=name
        )
    assert any(float(gradient.abs().max()) > 1e-3 for gradient in one[0].values())


@pytest.mark.parametrize("task", TASKS)
def test_two_processes_end_with_the_same_network_as_one(
    folders: tuple[Path, Path], task: str
) -> None:
    one, two = (read_tsv(folder / task / "history.tsv") for folder in folders)
    for column in ("train_loss", "validation_loss"):
        np.testing.assert_allclose(two[column], one[column], rtol=1e-4, err_msg=column)
    weights = loaded(folders[0] / task)["weights"]
    for name, tensor in loaded(folders[1] / task)["weights"].items():
        np.testing.assert_allclose(tensor, weights[name], rtol=1e-4, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("task", TASKS)
def test_both_processes_have_the_very_same_weights(folders: tuple[Path, Path], task: str) -> None:
    first, second = (loaded(folders[1] / task, rank)["weights"] for rank in (0, 1))
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


def test_the_cost_says_how_many_processes_there_were(folders: tuple[Path, Path]) -> None:
    costs = [json.loads((folder / "structure" / "cost.json").read_text()) for folder in folders]
    assert [cost["processes"] for cost in costs] == [1, 2]


def test_several_nodes_that_nobody_started_are_not_waited_for(
    toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "1")
    data = toy("structure")
    network = data.task.network(data.model, data.encoded, data.parts.train)
    on = TrainerSettings(devices=2, nodes=2)
    with pytest.raises(UserError, match=r"trainer\.nodes 2: its 4 processes do not start by"):
        train(
            data.task, network, data.encoded, data.parts, data.model.training, 1,
            tmp_path, fingerprint="f", on=on,
        )  # fmt: skip
