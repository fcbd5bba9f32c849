"""What tools say about the code: Snakemake's linter, formatters, ruff, mypy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    "command",
    [
        "snakemake --lint",
        "snakefmt --check Snakefile workflow",
        "ruff check",
        "ruff format --check",
        "mypy",
        "bash -n run",
        "bash -n .ci/run",
        "bash -n tests/slurm.sh",
    ],
)
def test_there_is_nothing_to_complain_about(command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command.split(),
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
