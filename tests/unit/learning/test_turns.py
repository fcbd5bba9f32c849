"""Two real processes that want to train one run."""

from __future__ import annotations

import errno
import fcntl
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bioseq_lstm.learning.turns import in_turn

HOLD = """
import sys, time
from pathlib import Path
from bioseq_lstm.learning.turns import in_turn
with in_turn(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def line(process: subprocess.Popen[str], stream: str) -> str:
    read: str = getattr(process, stream).readline()
    return read


def test_the_second_says_that_it_waits_and_goes_on_when_the_first_has_ended(tmp_path: Path) -> None:
    first, second = holder(tmp_path / "run"), None
    try:
        assert line(first, "stdout") == "held\n"
        second = holder(tmp_path / "run")
        assert "another process still trains this run: waiting for its end" in line(
            second, "stderr"
        )
        assert first.poll() is None
        first.communicate("\n")
        assert line(second, "stdout") == "held\n"
        second.communicate("\n")
    finally:
        for process in filter(None, (first, second)):
            process.kill()
    assert list((tmp_path / "run").iterdir()) == []


def test_what_a_killed_one_held_is_free(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = holder(tmp_path)
    assert line(first, "stdout") == "held\n"
    first.send_signal(signal.SIGKILL)
    first.wait()
    with in_turn(tmp_path):
        assert (tmp_path / ".training").exists()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with in_turn(tmp_path):
        pass
    assert "cannot be locked (No locks available)" in capsys.readouterr().err
