"""``./run`` in an environment that is already set up; setting up itself takes a download."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from project import ROOT, Project
from tiny_data import write_structure

pytestmark = pytest.mark.workflow


@pytest.fixture
def clone(empty: Project) -> Project:
    """A checkout with one small dataset and the script, but no environment."""
    shutil.copy2(ROOT / "run", empty.path("run"))
    shutil.copy2(ROOT / "pyproject.toml", empty.path("pyproject.toml"))
    write_structure(empty.path("data/structure"))
    files = {"sequences": "data/structure/chains.3line"}
    empty.configure({"datasets": {"structure": {"task": "structure", "files": files}}})
    return empty


@pytest.fixture
def ready(clone: Project) -> Project:
    """The same with the environment of these tests for its own, set up just now."""
    folder = clone.path(".venv")
    folder.mkdir()
    for part in Path(sys.prefix).iterdir():
        (folder / part.name).symlink_to(part)
    clone.write(".venv/.ready", "")
    return clone


def run(project: Project, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", str(project.path("run")), *arguments],
        cwd="/",
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_ready_environment_is_not_set_up_again(ready: Project) -> None:
    done = run(ready, "--version")
    assert done.stdout == f"{metadata.version('snakemake')}\n"
    assert done.returncode == 0


def test_arguments_go_to_snakemake_and_any_folder_is_good_to_start_from(ready: Project) -> None:
    done = run(ready, "results/structure/profile.json", "--quiet", "all")
    assert done.returncode == 0, done.stdout
    assert ready.path("results/structure/profile.json").is_file()
    assert "Report:" not in done.stdout  # none was made


def test_the_status_is_that_of_snakemake(ready: Project) -> None:
    ready.path("data/structure/chains.3line").write_text("")
    done = run(ready)
    assert done.returncode == 1
    assert "the file is empty" in done.stdout
    assert "Report:" not in done.stdout


def test_an_environment_older_than_what_it_is_made_of_is_set_up_anew(ready: Project) -> None:
    stamp = ready.path(".venv/.ready")
    before_the_pins = ready.path("envs/constraints.txt").stat().st_mtime - 10
    os.utime(stamp, (before_the_pins, before_the_pins))
    done = run(ready, "--version", PYTHON="false")  # which ends the setting up at its first step
    assert done.returncode == 2


def test_a_python_that_is_too_old_is_told_with_the_mend(clone: Project) -> None:
    done = run(clone, PYTHON="false")
    assert done.returncode == 2
    assert done.stdout == (
        "run: Python 3.11 or newer is needed; name one with PYTHON=/path/to/python3.11 ./run\n"
    )
    assert not clone.path(".venv").exists()
