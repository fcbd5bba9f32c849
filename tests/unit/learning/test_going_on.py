"""A training that was cut off goes on, and ends as if undisturbed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_training import (
    CutOff,
    assert_same,
    contradicting,
    power_cut,
    trained,
)

Make = Callable[..., Any]
INPUTS = Path(__file__).parents[2] / "inputs"


@pytest.mark.parametrize("epochs", [1.0, 2.5, 3.0])
def test_a_run_that_was_cut_off_ends_as_if_undisturbed(
    toy: Make, tmp_path: Path, epochs: float, capsys: pytest.CaptureFixture[str]
) -> None:
    data = toy("structure").told(epochs=5, patience=5)
    undisturbed = trained(data, tmp_path / "a")
    parts = (data.parts.train, data.parts.validation)
    per_epoch = [
        len(data.task.batches(data.encoded, rows, data.model.training, None)) for rows in parts
    ]
    cut = CutOff(int(epochs * sum(per_epoch)), power_cut)
    with pytest.raises(RuntimeError, match="power cut"):
        trained(replace(data, task=cut), tmp_path / "b")
    capsys.readouterr()
    resumed = trained(data, tmp_path / "b")
    said = capsys.readouterr().err
    assert f"going on from {tmp_path / 'b' / 'last.ckpt'}" in said
    assert f"epoch {int(epochs) - 1:3d} " not in said  # what was done is not done again
    assert_same(resumed, undisturbed)


def test_epochs_that_brought_no_progress_are_not_done_again_either(
    toy: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = contradicting(toy("structure")).told(epochs=6, patience=6)
    undisturbed = trained(data, tmp_path / "a")
    assert undisturbed.best_epoch == 0
    batches = [
        len(data.task.batches(data.encoded, rows, data.model.training, None))
        for rows in (data.parts.train, data.parts.validation)
    ]
    with pytest.raises(RuntimeError, match="power cut"):
        trained(replace(data, task=CutOff(4 * sum(batches), power_cut)), tmp_path / "b")
    capsys.readouterr()
    resumed = trained(data, tmp_path / "b")
    assert "epoch   4 " in (said := capsys.readouterr().err)
    assert "epoch   3 " not in said
    assert_same(resumed, undisturbed)


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = [{here!r}, {inputs!r}]
from conftest import make_toy
from small_training import CutOff, trained
cut = CutOff({batch}, lambda: os.kill(os.getpid(), signal.SIGKILL))
trained(replace(make_toy("structure").told(epochs=4), task=cut), Path({folder!r}))
"""


def test_a_run_that_was_killed_ends_as_if_undisturbed(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=4)
    places = {"here": str(Path(__file__).parent), "inputs": str(INPUTS)}
    code = KILLED.format(**places, batch=30, folder=str(tmp_path / "b"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / "b" / "last.ckpt").exists()
    assert_same(trained(data, tmp_path / "b"), trained(data, tmp_path / "a"))


def test_a_run_that_had_stopped_early_does_not_go_on_learning(toy: Make, tmp_path: Path) -> None:
    data = contradicting(toy("structure")).told(epochs=20, patience=2)
    first = trained(data, tmp_path)
    assert_same(trained(data, tmp_path), first)


def test_a_run_that_had_ended_does_not_go_on_learning(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=2)
    first = trained(data, tmp_path)
    assert_same(trained(data, tmp_path), first)


def test_a_checkpoint_of_other_settings_is_set_aside_and_said(
    toy: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = toy("structure").told(epochs=2)
    undisturbed = trained(data, tmp_path / "a", fingerprint="new")
    trained(data.told(learning_rate=0.5), tmp_path / "b", fingerprint="old")
    capsys.readouterr()
    found = trained(data, tmp_path / "b", fingerprint="new")
    assert "a checkpoint of other settings or data is set aside" in capsys.readouterr().err
    assert_same(found, undisturbed)
