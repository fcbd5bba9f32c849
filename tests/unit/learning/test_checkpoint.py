from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.checkpoint import (
    AtomicCheckpoints,
    discard_foreign,
    load_weights,
    save_weights,
)
from bioseq_lstm.learning.training import train


class Hostile:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch '{self.touched}'",)


def network() -> nn.Module:
    made = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    made.register_buffer("centre", torch.tensor([1.5, torch.nan]))
    return made


def test_weights_and_buffers_come_back(tmp_path: Path) -> None:
    saved, empty = network(), network()
    save_weights(tmp_path / "m.safetensors", saved)
    load_weights(tmp_path / "m.safetensors", empty)
    for name, tensor in saved.state_dict().items():
        assert torch.equal(empty.state_dict()[name].nan_to_num(9), tensor.nan_to_num(9)), name


def test_weights_that_are_no_block_of_memory_are_written_all_the_same(tmp_path: Path) -> None:
    saved, empty = nn.Linear(3, 2), nn.Linear(3, 2)
    saved.weight = nn.Parameter(torch.arange(6.0).reshape(3, 2).T)
    save_weights(tmp_path / "m.safetensors", saved)
    load_weights(tmp_path / "m.safetensors", empty)
    assert torch.equal(empty.weight, saved.weight)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"0.weight": torch.zeros(2, 4)}, r"'0\.weight' has shape \(2, 4\), .* wants \(2, 3\)"),
        ({"extra": torch.zeros(1)}, "the tensor 'extra' does not belong to this model"),
        ({"centre": None}, "the tensor 'centre' is missing"),
    ],
    ids=["another shape", "one more", "one less"],
)  # fmt: skip
def test_weights_of_another_model_are_refused_in_one_line(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path, into = tmp_path / "m.safetensors", network()
    before = {name: tensor.clone() for name, tensor in into.state_dict().items()}
    tensors = {name: t + 1 for name, t in {**network().state_dict(), **change}.items()
               if t is not None}  # fmt: skip
    save_file(tensors, path)
    with pytest.raises(UserError, match=said) as refused:
        load_weights(path, into)
    assert str(refused.value).startswith(f"{path}: ")
    assert "\n" not in str(refused.value)
    for name, tensor in into.state_dict().items():
        assert torch.equal(tensor.nan_to_num(9), before[name].nan_to_num(9))


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    plugin = AtomicCheckpoints("f")
    plugin.save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")
    with pytest.raises((AttributeError, pickle.PicklingError)):
        plugin.save_checkpoint({"epoch": lambda: 2}, tmp_path / "last.ckpt")
    assert torch.load(tmp_path / "last.ckpt", weights_only=True) == {"epoch": 1}
    assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt", "fingerprint.json"}


def test_the_checkpoint_of_this_very_training_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    AtomicCheckpoints("f").save_checkpoint({}, tmp_path / "c" / "last.ckpt")
    assert discard_foreign(tmp_path / "c", "f") == tmp_path / "c" / "last.ckpt"
    assert "going on from" in capsys.readouterr().err


@pytest.mark.parametrize("recorded", ['"g"', None], ids=["another's", "nobody's"])
def test_any_other_checkpoint_is_removed_and_said(
    tmp_path: Path, recorded: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "c"
    AtomicCheckpoints("f").save_checkpoint({}, folder / "last.ckpt")
    (folder / "best.ckpt").touch()
    if recorded is None:
        (folder / "fingerprint.json").unlink()
    else:
        (folder / "fingerprint.json").write_text(recorded)
    assert discard_foreign(folder, "f") is None
    assert not folder.exists()
    assert "set aside" in capsys.readouterr().err


def test_where_there_is_none_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discard_foreign(tmp_path / "c", "f") is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("format", ["pickle", "torch"])
def test_a_hostile_checkpoint_does_not_run(
    toy: Callable[..., Any], tmp_path: Path, format: str
) -> None:
    touched, folder = tmp_path / "touched", tmp_path / "c"
    folder.mkdir()
    hostile = {"state_dict": Hostile(touched)}
    if format == "pickle":
        (folder / "last.ckpt").write_bytes(pickle.dumps(hostile, protocol=2))
    else:
        torch.save(hostile, folder / "last.ckpt")
    (folder / "fingerprint.json").write_text(json.dumps("f"))
    data = toy("structure")
    made = data.task.network(data.model, data.encoded, data.parts.train)
    with pytest.raises(pickle.UnpicklingError):
        train(data.task, made, data.encoded, data.parts, data.model.training, 1, folder, "f")
    assert not touched.exists()
    torch.load(folder / "last.ckpt", weights_only=False) if format == "torch" else pickle.loads(
        (folder / "last.ckpt").read_bytes()
    )
    assert touched.exists()  # it would have run
