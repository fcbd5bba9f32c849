"""A disk that is full, and one that is read-only: real ones, of one megabyte."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import replacing_folder, write_json, write_parquet, write_text, write_tsv
from bioseq_lstm.learning.checkpoint import Checkpoints, read_checkpoint, save_weights

Mount = Callable[[Path, str], None]
LARGE = np.random.default_rng(0).random(300_000)  # 2.4 MB, and nothing packs it


def _folder(path: Path) -> None:
    with replacing_folder(path) as place:
        write_text(place / "small.txt", "small")
        (place / "large").write_bytes(LARGE.tobytes())


WRITERS: dict[str, Callable[[Path], None]] = {
    "report.html": lambda path: write_text(path, LARGE.tobytes().hex()),
    "summary.json": lambda path: write_json(path, LARGE.tolist()),
    "figures.tsv": lambda path: write_tsv(path, pd.DataFrame({"value": LARGE})),
    "records.parquet": lambda path: write_parquet(path, pd.DataFrame({"value": LARGE})),
    "model.safetensors": lambda path: save_weights(path, nn.Linear(600, 600)),
    "last.ckpt": lambda path: Checkpoints("f").save_checkpoint(
        {"weights": torch.from_numpy(LARGE)}, path
    ),
    "encoded.safetensors": lambda path: Encoded(
        {"chain": Ragged.from_list([np.zeros(2_000_000, np.uint8)])}
    ).save(path),
    "predictions": _folder,
}
each = pytest.mark.parametrize("name", WRITERS)


@pytest.fixture
def disk(tmp_path: Path, small_disk: Mount) -> Path:
    """A file system of one megabyte."""
    place = tmp_path / "disk"
    small_disk(place, "1m")
    return place


@each
def test_a_full_disk_is_told_and_leaves_what_was_there(disk: Path, name: str) -> None:
    (disk / name).write_text("the file before")
    said = f"{disk / name}: cannot be written \\(No space left on device\\): make room"
    with pytest.raises(UserError, match=said):
        WRITERS[name](disk / name)
    assert (disk / name).read_text() == "the file before"
    assert {path.name for path in disk.iterdir()} <= {name, "before.ckpt"}  # no half of another


@each
def test_a_file_that_was_not_there_is_not_there_in_half_either(disk: Path, name: str) -> None:
    with pytest.raises(UserError, match="No space left on device"):
        WRITERS[name](disk / name)
    assert list(disk.iterdir()) == []


@each
def test_a_disk_that_is_read_only_is_told_in_one_line(disk: Path, name: str) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(UserError, match=r"cannot be written \(Read-only file system\)") as told:
        WRITERS[name](disk / name)
    assert str(told.value).startswith(f"{disk / name}: ")
    assert "\n" not in str(told.value)


def test_of_a_checkpoint_that_finds_no_room_the_one_before_is_whole(disk: Path) -> None:
    plugin = Checkpoints("f")
    small = torch.zeros(50_000)  # 0.2 MB: there is room for three, and for no fourth
    written = -1
    with pytest.raises(UserError, match="No space left on device"):
        for written in range(4):
            (disk / f"other-{written}").write_bytes(b"x" * 150_000)
            plugin.save_checkpoint({"epoch": written, "weights": small}, disk / "last.ckpt")
    assert written > 0
    assert read_checkpoint(disk / "last.ckpt")["epoch"] == written - 1
