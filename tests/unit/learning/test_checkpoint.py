from __future__ import annotations

import io
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
    Checkpoints,
    last_good,
    load_weights,
    read_checkpoint,
    save_weights,
)


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


def saved(folder: Path, owner: str = "f", epochs: int = 1) -> Path:
    """A folder as a training leaves it after some epochs."""
    plugin = Checkpoints(owner)
    for epoch in range(epochs):
        plugin.save_checkpoint({"epoch": epoch}, folder / "best.ckpt")
        plugin.save_checkpoint({"epoch": epoch}, folder / "last.ckpt")
    return folder


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1
    path.write_bytes(content)


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


damages = pytest.mark.parametrize("damage", [flip_a_bit, cut_in_half, empty])


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises((AttributeError, pickle.PicklingError)):
        Checkpoints("f").save_checkpoint({"epoch": lambda: 2}, tmp_path / "last.ckpt")
    assert read_checkpoint(tmp_path / "last.ckpt") == {"epoch": 0}
    assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt", "best.ckpt"}


@damages
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "c", epochs=3)
    damage(folder / "last.ckpt")
    found = last_good(folder, "f")
    assert found == folder / "last.ckpt"
    assert read_checkpoint(found) == {"epoch": 1}
    assert "the checkpoint is damaged; the one before is taken" in capsys.readouterr().err


@damages
@pytest.mark.parametrize("names", [("best.ckpt",), ("last.ckpt", "before.ckpt")])
def test_where_nothing_whole_is_left_training_begins_anew(
    tmp_path: Path,
    damage: Callable[[Path], None],
    names: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = saved(tmp_path / "c", epochs=3)
    for name in names:
        damage(folder / name)
    assert last_good(folder, "f") is None
    assert not folder.exists()
    assert "training begins anew" in capsys.readouterr().err


def test_the_checkpoint_of_this_very_training_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "c")
    assert last_good(folder, "f") == folder / "last.ckpt"
    assert "going on from" in capsys.readouterr().err


def test_any_other_checkpoint_is_removed_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "c", owner="g")
    assert last_good(folder, "f") is None
    assert not folder.exists()
    assert "set aside" in capsys.readouterr().err


def test_where_there_is_none_nothing_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert last_good(tmp_path / "c", "f") is None
    assert capsys.readouterr() == ("", "")


def test_a_hostile_checkpoint_does_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    folder = tmp_path / "c"
    Checkpoints("f").save_checkpoint({"state_dict": Hostile(touched)}, folder / "last.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        read_checkpoint(folder / "last.ckpt")
    assert not touched.exists()
    content = (folder / "last.ckpt").read_bytes().split(b"\n", 1)[1]
    torch.load(io.BytesIO(content), weights_only=False)
    assert touched.exists()  # it would have run
