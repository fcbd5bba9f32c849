"""A loss that is no number, and a batch that is too large: what is said, and what is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.checkpoint import load_weights
from bioseq_lstm.learning.stopping import out_of_memory
from bioseq_lstm.learning.training import Trained, train
from bioseq_lstm.model_settings import TrainerSettings
from bioseq_lstm.tasks.base import Batch
from bioseq_lstm.tasks.structure.task import StructureTask

Make = Callable[..., Any]


def network_of(toy: Any, dropout: float = 0.1) -> nn.Module:
    torch.manual_seed(1)
    head = toy.model.head.model_copy(update={"dropout": dropout})
    network: nn.Module = toy.task.network(
        toy.model.model_copy(update={"head": head}), toy.encoded, toy.parts.train
    )
    return network


def trained(toy: Any, folder: Path, network: nn.Module, **more: Any) -> Trained:
    settings = toy.model.training
    return train(
        toy.task, network, toy.encoded, toy.parts, settings, 1, folder, fingerprint="f", **more
    )


# --- NaN


class Poisoned(StructureTask):
    """A task whose loss is NaN from its ``at``-th training batch on."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.rows: list[int] = []

    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        loss = super().loss(network, outputs, batch)
        if not network.training:
            return loss
        self.left -= 1
        if self.left > 0:
            return loss
        self.rows = batch.rows.tolist()
        return loss * torch.nan


def test_a_nan_is_told_with_step_records_and_advice_and_the_last_good_model_is_kept(
    toy: Make, tmp_path: Path
) -> None:
    data = toy("structure").told(epochs=5)
    per_epoch = len(data.task.batches(data.encoded, data.parts.train, data.model.training, None))
    undisturbed = trained(data.told(epochs=5), tmp_path / "a", network_of(data))
    task = Poisoned(2 * per_epoch + 2)  # the second batch of the third epoch
    folder = tmp_path / "run" / "checkpoints"
    with pytest.raises(UserError) as told:
        trained(replace(data, task=task), folder, network_of(data))
    said, kept = str(told.value), tmp_path / "run" / "last-good.safetensors"
    assert f"the loss is not finite at step {2 * per_epoch + 2}, in the batch of" in said
    for row in task.rows[:10]:
        assert repr(data.splits["id"][row]) in said
    assert "lower training.learning_rate" in said
    assert f"the weights of the best epoch before it are kept in {kept}" in said
    # They are a model: with them the validation loss is that of the best of the epochs before.
    network = network_of(data).eval()
    load_weights(kept, network)
    batch = data.task.collate(data.encoded, data.parts.validation)
    with torch.no_grad():
        loss = float(data.task.loss(network, network(batch.inputs), batch))
    assert loss == pytest.approx(undisturbed.history["validation_loss"][:2].min(), rel=1e-5)


def test_of_a_nan_in_the_first_epoch_nothing_is_claimed_to_be_kept(
    toy: Make, tmp_path: Path
) -> None:
    data = toy("structure")
    folder = tmp_path / "run" / "checkpoints"
    with pytest.raises(UserError, match=r"at step 1, .*; no epoch had ended before it"):
        trained(replace(data, task=Poisoned(1)), folder, network_of(data))
    assert not (tmp_path / "run" / "last-good.safetensors").exists()


# --- out of memory, as torch says it


class Cramped(StructureTask):
    """A task that has no memory for more than ``most`` records of training at once."""

    def __init__(self, most: int, epochs_before: int = 0, per_epoch: int = 0) -> None:
        self.most, self.roomy = most, epochs_before * per_epoch

    def loss(self, network: nn.Module, outputs: Tensor, batch: Batch) -> Tensor:
        self.roomy -= network.training
        if network.training and self.roomy < 0 and len(batch.rows) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().loss(network, outputs, batch)


def assert_near(one: Trained, other: Trained) -> None:
    """Alike but for the rounding of sums in another order."""
    np.testing.assert_allclose(
        one.history["train_loss"], other.history["train_loss"], rtol=2e-5, atol=0
    )
    for (name, a), b in zip(
        one.network.state_dict().items(), other.network.state_dict().values(), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("epochs_before", [0, 2])
def test_a_batch_that_does_not_fit_is_learnt_in_parts_to_the_same_end(
    toy: Make, tmp_path: Path, epochs_before: int, capsys: pytest.CaptureFixture[str]
) -> None:
    data = toy("structure").told(epochs=4, token_budget=200)
    batches = data.task.batches(data.encoded, data.parts.train, data.model.training, None)
    assert max(map(len, batches)) > 4
    whole = trained(data, tmp_path / "a", network_of(data, dropout=0))
    task = Cramped(3, epochs_before, len(batches))
    parts = trained(replace(data, task=task), tmp_path / "b", network_of(data, dropout=0))
    said = capsys.readouterr().err
    assert "out of memory in a batch of" in said
    assert parts.cost["parts_of_a_batch"] >= 4
    assert f"is now learnt in {parts.cost['parts_of_a_batch']} parts" in said
    assert whole.cost["parts_of_a_batch"] == 1
    assert_near(parts, whole)


def test_a_record_that_does_not_fit_by_itself_is_named(toy: Make, tmp_path: Path) -> None:
    data = toy("structure")
    with pytest.raises(UserError) as told:
        trained(replace(data, task=Cramped(0)), tmp_path, network_of(data))
    said = str(told.value)
    assert "refuse long records by max_length, lower training.token_budget" in said
    assert "CUDA out of memory. Tried to allocate 2.00 GiB" in said
    assert "\n" not in said


def test_with_several_devices_it_is_said_at_once(toy: Make, tmp_path: Path) -> None:
    from bioseq_lstm.learning.learner import Data, Sharing
    from bioseq_lstm.learning.training import _check_can_share

    data = toy("structure")
    held = Data(data.task, data.encoded, data.parts, data.model.training, 1, Sharing())
    held.at = data.parts.train[:5]
    lengths = data.encoded.sequences["chain"].lengths[held.at]
    longest = held.at[lengths.argmax()]
    with pytest.raises(UserError) as told:
        _check_can_share(held, TrainerSettings(devices=2), "error")
    name, letters = data.splits["id"][longest], lengths.max()
    assert f"a batch of 5 records, the longest of them {name!r} with {letters} letters" in str(
        told.value
    )


@pytest.mark.parametrize(
    ("error", "is_one"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error: BaseException, is_one: bool) -> None:
    assert out_of_memory(error) is is_one


# --- out of memory, really

SMALL = """
import resource, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {here!r})
import numpy as np
from conftest import make_toy
from test_stopping import network_of, trained
from bioseq_lstm.data.ragged import Ragged

def longer(ragged):
    first = np.resize(ragged[0], {letters})
    return Ragged.from_list([first, *(ragged[n] for n in range(1, len(ragged)))])

data = make_toy("structure").told(epochs=1, token_budget=100_000)
sequences = {{name: longer(r) for name, r in data.encoded.sequences.items()}}
data = replace(data, encoded=replace(data.encoded, sequences=sequences))
network = network_of(data)
trained(make_toy("structure").told(epochs=1), Path({folder!r}, "warm"), network)
limit = resource.RLIMIT_AS
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(limit, (now + 300_000_000, resource.RLIM_INFINITY))
trained(data, Path({folder!r}, "run"), network)
"""


def test_one_huge_sequence_in_little_memory_ends_in_a_clear_message(tmp_path: Path) -> None:
    code = SMALL.format(here=str(Path(__file__).parent), folder=str(tmp_path), letters=600_000)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "UserError: out of memory with a batch of" in last
    assert "the longest of them 'c0' with 600,000 letters: refuse long records" in last
