"""``./run`` in an environment that is already set up; setting up itself takes a download."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from project import LONGEST_CALL, ROOT, Project
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


# --- before a run


def test_a_dry_run_begins_with_minutes_and_memory(ready: Project) -> None:
    done = run(ready, "--dry-run")
    assert done.returncode == 0, done.stdout
    plan, _, jobs = done.stdout.partition("Building DAG of jobs")
    assert re.search(r"^dataset +rule +jobs +minutes +MB +after$", plan, re.MULTILINE)
    assert re.search(r"^structure +train bilstm +2 +[\d.]+ +\d+ ", plan, re.MULTILINE)
    assert "minutes one after the other on one core" in plan
    assert "rule train:" in jobs
    assert not ready.path("results").exists()


def test_a_dry_run_plans_the_configuration_that_is_named(ready: Project) -> None:
    ready.path("config.yaml").rename(ready.path("mine.yaml"))
    done = run(ready, "--dry-run", "--configfile", "mine.yaml")
    assert done.returncode == 0, done.stdout
    assert "structure  train bilstm" in done.stdout


def test_what_cannot_be_planned_does_not_keep_from_the_dry_run(ready: Project) -> None:
    done = run(ready, "--dry-run", "--configfile", "config.yaml", "config.yaml")
    assert done.returncode == 0, done.stdout
    assert "run: minutes and memory are reckoned of one configuration, not of 2" in done.stdout
    assert "rule train:" in done.stdout


# --- after a run that was cut off

EPOCHS = 40
WEIGHTS = "results/structure/models/bilstm/fold0-seed1/model.safetensors"
LOG = "results/structure/logs/train-bilstm-fold0-seed1.log"
ENDED = "the last run was cut off: its lock is taken away, and the workflow goes on where it was"
LOCKED = "this folder is locked; if no Snakemake runs in it on any machine: ./run --unlock"


@pytest.fixture
def patient(ready: Project) -> Project:
    """One model that takes some seconds to train."""
    config = ready.config
    training = {"epochs": EPOCHS, "patience": EPOCHS, "token_budget": 512}
    small = {"embedding": {"size": 8}, "encoder": {"name": "lstm", "hidden_size": 8}}
    config["models"] = {"bilstm": {**small, "training": training}}
    ready.configure(config)
    return ready


def begun(project: Project, *command: str) -> subprocess.Popen[str]:
    """A call in a session of its own, once it has trained some epochs."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command,
        cwd=project.folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    limit, log = time.monotonic() + LONGEST_CALL, project.path(LOG)
    while not (log.exists() and "epoch   3 " in log.read_text()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.02)
    return process


def test_after_a_kill_the_same_command_unlocks_and_goes_on(patient: Project) -> None:
    process = begun(patient, "bash", str(patient.path("run")), WEIGHTS)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=LONGEST_CALL)
    assert list(patient.path(".snakemake/locks").iterdir())
    assert not patient.path(WEIGHTS).exists()
    done = run(patient, WEIGHTS)
    assert done.returncode == 0, done.stdout
    assert f"run: {ENDED}\n" in done.stdout
    assert "going on from" in patient.path(LOG).read_text()
    assert patient.path(WEIGHTS).exists()
    assert ENDED not in run(patient, WEIGHTS).stdout  # there is nothing left to say


@pytest.mark.parametrize("first", ["./run", "snakemake"])
def test_of_two_calls_at_once_the_second_is_refused_and_the_first_unharmed(
    patient: Project, first: str
) -> None:
    patient.path(".snakemake").mkdir(exist_ok=True)
    patient.write(".snakemake/run", f"{socket.gethostname()}\n")  # an earlier ./run was here
    process = begun(patient, *([first, WEIGHTS, "--cores", "1"]))
    second = run(patient, WEIGHTS)
    assert second.returncode == 1
    assert "Directory cannot be locked" in second.stdout
    assert ENDED not in second.stdout
    assert process.poll() is None, "the first had ended before the second began"
    output, _ = process.communicate(timeout=LONGEST_CALL)
    assert process.returncode == 0, output
    text = patient.path(LOG).read_text()
    assert [int(n) for n in re.findall(r"^epoch +(\d+) ", text, re.M)] == list(range(EPOCHS))
    assert patient.path(WEIGHTS).exists()


def test_a_lock_of_another_machine_is_left_alone(ready: Project) -> None:
    ready.write(".snakemake/run", "elsewhere\n")
    (locks := ready.path(".snakemake/locks")).mkdir()
    target = "results/structure/profile.json"
    ready.write(".snakemake/locks/0.output.lock", f"{target}\n")
    for _ in range(2):
        done = run(ready, target)
        assert done.returncode == 1
        assert f"run: {LOCKED}\n" in done.stdout
        assert [path.name for path in locks.iterdir()] == ["0.output.lock"]
    assert run(ready, "--unlock").returncode == 0
    assert run(ready, target).returncode == 0
