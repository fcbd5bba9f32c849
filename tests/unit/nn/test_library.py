"""Building the time loops in C++, and what happens where that cannot be."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bioseq_lstm.nn.native import library

SCRIPT = """
import torch
from bioseq_lstm.nn.encoders import build_encoder
from bioseq_lstm.nn.native import library
torch.manual_seed(0)
encoder = build_encoder("peephole", 3, {"hidden_size": 4})
states = encoder(torch.randn(2, 5, 3), torch.tensor([5, 2]))
print(library.available(), f"{float(states.detach().sum()):.4f}")
"""

pytestmark = pytest.mark.skipif(not library.compiler(), reason="there is no C++ compiler")


def script(cache: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_that_start_at_once_build_one_library_and_both_use_it(tmp_path: Path) -> None:
    both = [script(tmp_path), script(tmp_path)]
    answers = [process.communicate() for process in both]
    assert answers[0] == answers[1]
    assert answers[0][0].startswith("True ")
    assert answers[0][1] == ""
    (built,) = (tmp_path / "bioseq_lstm").iterdir()
    before = built.stat().st_mtime_ns
    assert script(tmp_path).communicate() == answers[0]
    assert built.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"PATH": "", "CXX": ""}, "no C++ compiler was found"),
        ({"CXX": "false"}, "false failed:"),
        ({"CXX": "/nowhere/c++"}, "No such file or directory: '/nowhere/c++'"),
    ],
)
def test_without_a_compiler_that_works_torch_runs_and_says_why(
    tmp_path: Path, variables: dict[str, str], reason: str
) -> None:
    expected, _ = script(tmp_path).communicate()
    output, told = script(tmp_path, **variables).communicate()
    assert output == expected.replace("True", "False")
    (line,) = told.splitlines()
    assert line.startswith("bioseq-lstm: the fast time loops cannot be built (")
    assert reason in line
    assert line.endswith("encoders other than lstm and convlstm run several times slower")


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "bioseq_lstm").write_text("a file where the folder should be")
    output, told = script(tmp_path).communicate()
    assert output.startswith("True ")
    assert told == ""


def test_a_build_that_takes_too_long_leaves_nothing_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_SECONDS", 1)
    child = tmp_path / "child"
    with pytest.raises(subprocess.TimeoutExpired):
        library._compile(["sh", "-c", f"sleep 600 & echo $! > {child}; wait"])

    def runs() -> bool:  # what is killed may stay in the table of processes until it is asked for
        status = Path("/proc", child.read_text().strip(), "status")
        return status.exists() and "\nState:\tZ" not in status.read_text()

    for _ in range(100):
        if not runs():
            break
        time.sleep(0.1)
    assert not runs()


def test_a_user_without_a_home_builds_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    with library._folder() as folder:
        assert folder.is_dir()
    assert not folder.exists()


def test_a_build_is_for_its_sources_and_its_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = library.compiler()
    first = library._key(found)
    assert library._key(found) == first
    with monkeypatch.context() as patch:
        patch.setattr(library, "_processor", lambda: "flags : another")
        assert library._key(found) != first
    sources = Path(shutil.copytree(library._HERE, tmp_path / "native"))
    monkeypatch.setattr(library, "_HERE", sources)
    assert library._key(found) == first
    (sources / "loop.h").write_text((sources / "loop.h").read_text() + "// changed\n")
    assert library._key(found) != first


def test_what_cpp_could_not_read_is_not_handed_over() -> None:
    narrow, full = torch.zeros(2, 3, 4, dtype=torch.bfloat16), torch.zeros(2, 3, 4)
    with pytest.raises(TypeError, match="not all float32 or all float64"):
        library.call("peephole_forward", (2, 3, 1), (narrow, full))
    with pytest.raises(ValueError, match="its features have gaps"):
        library.call("peephole_forward", (2, 3, 1), (full, full.transpose(1, 2)))


def test_disabled_holds_inside_alone() -> None:
    assert library.available()
    with library.disabled():
        assert not library.available()
    assert library.available()
