"""Faults that a run over a weekend meets, with the real thing: full and read-only disks, kills,
clocks that go back, inputs that change. Interruptions that are gone on from: test_interruption.py;
locks: test_run_script.py.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import MODELS, STRUCTURE
from project import LONGEST_CALL, Done, Project
from tiny_data import write_structure

pytestmark = pytest.mark.workflow

Mount = Callable[[Path, str], None]
RESULTS = "results/structure"
TRAINED = f"{RESULTS}/models/bilstm/fold0-seed1"
DATA = "data/structure/chains.3line"
READ = ["records.parquet", "measurements.parquet", "rejected.tsv", "profile.json"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """One dataset and one model, finished."""
    project = Project.new(tmp_path_factory.mktemp("small") / "clone")
    write_structure(project.path("data/structure"))
    own = {"models": ["bilstm"], "seeds": [1], "controls": "none", "explain": {"records": 0}}
    project.configure({"models": MODELS, "datasets": {"structure": {**STRUCTURE, **own}}})
    done = project.snakemake()
    assert done.status == 0, done.output
    return project


@pytest.fixture
def again(small: Project, tmp_path: Path) -> Project:
    """A copy of it, to spoil."""
    return small.copy(tmp_path / "clone")


def in_one_line(done: Done, said: str) -> None:
    """A run failed, with one line of ours that says why, and no traceback of ours."""
    assert done.status == 1, done.output
    lines = {line for line in done.output.splitlines() if line.startswith("bioseq-lstm: ")}
    assert len(lines) == 1, done.output
    assert said in lines.pop()
    assert "Traceback" not in done.output


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


# --- the disk is full


@pytest.fixture
def on_a_small_disk(again: Project, small_disk: Mount) -> Project:
    """The finished project, the results of one dataset on a file system of their own."""
    results, kept = again.path(RESULTS), again.path("kept")
    results.rename(kept)
    small_disk(results, "40m")
    shutil.copytree(kept, results, dirs_exist_ok=True)
    return again


def fill(folder: Path, left: int) -> Path:
    """Fill a file system but for so many bytes; the file that does it."""
    ballast = folder / "ballast"
    room = os.statvfs(folder)
    ballast.write_bytes(b"\0" * (room.f_bavail * room.f_frsize - left))
    return ballast


@pytest.mark.parametrize(
    ("stage", "target", "removed", "left"),
    [
        ("a checkpoint", f"{TRAINED}/model.safetensors", ["models/bilstm/fold0-seed1"], 20_000),
        ("a table", f"{RESULTS}/records.parquet", READ, 4_096),
        ("a report", f"{RESULTS}/report.html", ["report.html", "summary.json"], 40_000),
    ],
)  # fmt: skip
def test_a_full_disk_leaves_no_half_file_and_the_run_goes_on_when_there_is_room(
    on_a_small_disk: Project, stage: str, target: str, removed: list[str], left: int
) -> None:
    project, results = on_a_small_disk, on_a_small_disk.path(RESULTS)
    for name in removed:
        path = results / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = files(results)
    ballast = fill(results, left)
    done = project.snakemake(target)
    in_one_line(done, "cannot be written (No space left on device): make room, then run again")
    assert not project.path(target).exists()
    new = files(results) - before - {"ballast"}
    assert not [name for name in new if ".writing-" in name]
    assert not [name for name in new if name.endswith(tuple(removed))]
    ballast.unlink()
    done = project.snakemake(target)
    assert done.status == 0, done.output
    wanted = project.path("kept", target.removeprefix(f"{RESULTS}/"))
    if stage != "a report":  # which holds the time
        assert project.path(target).read_bytes() == wanted.read_bytes()


# --- the disk is read-only


def test_results_that_are_read_only_are_told(on_a_small_disk: Project) -> None:
    project, results = on_a_small_disk, on_a_small_disk.path(RESULTS)
    (results / "figures.tsv").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
    before = files(results)
    done = project.snakemake(f"{RESULTS}/figures.tsv")
    assert done.status == 1
    assert "Write-protected output files for rule evaluate:" in done.output
    assert f"        {RESULTS}/seeds.tsv\n" in done.output
    assert "Traceback" not in done.output
    assert files(results) == before


def test_a_place_that_is_read_only_is_told(again: Project, small_disk: Mount) -> None:
    results = again.path("results")
    shutil.rmtree(results)
    small_disk(results, "1m")
    subprocess.run(["mount", "-o", "remount,ro", str(results)], check=True)
    done = again.snakemake()
    assert done.status == 1
    assert f"Failed to create output directory {RESULTS}." in done.output
    assert "Read-only file system: " in done.output
    assert "Traceback" not in done.output


# --- processes


@pytest.fixture
def training(again: Project) -> Iterator[tuple[Project, subprocess.Popen[str]]]:
    """A run in the middle of a training of some seconds."""
    config = again.config
    settings = {"epochs": 40, "patience": 40, "token_budget": 512}
    config["models"]["patient"] = {**config["models"]["bilstm"], "training": settings}
    config["datasets"]["structure"]["models"] = ["patient"]
    again.configure(config)
    process = again.start(PATIENT)
    limit, log = time.monotonic() + LONGEST_CALL, again.path(PATIENT_LOG)
    while not (log.exists() and "epoch   3 " in log.read_text()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.02)
    yield again, process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


PATIENT = f"{RESULTS}/models/patient/fold0-seed1/model.safetensors"
PATIENT_LOG = f"{RESULTS}/logs/train-patient-fold0-seed1.log"


def test_one_ctrl_c_ends_cleanly(training: tuple[Project, subprocess.Popen[str]]) -> None:
    project, process = training
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=LONGEST_CALL)
    assert process.returncode == 1
    assert "Traceback" not in output
    assert not [child for child in children if child.is_running()]
    assert not list(project.path(".snakemake").glob("locks/*"))
    assert not project.path(PATIENT).exists()


def test_a_training_that_outlives_its_snakemake_is_waited_for(
    training: tuple[Project, subprocess.Popen[str]],
) -> None:
    """SIGKILL to Snakemake alone: the training goes on, and the next call trains the same run."""
    project, process = training
    (left,) = (
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "train" in child.cmdline() and "-m" in child.cmdline()
        and "bash" not in child.name()
    )  # fmt: skip
    left.suspend()  # so that it cannot end before the next one has met it
    process.kill()
    process.wait()
    assert project.snakemake("--unlock").status == 0
    again = project.start(PATIENT)
    limit, waits = time.monotonic() + LONGEST_CALL, "another process still trains this run: waiting"
    while waits not in project.path(PATIENT_LOG).read_text(errors="replace"):
        assert again.poll() is None, again.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.05)
    left.resume()
    output, _ = again.communicate(timeout=LONGEST_CALL)
    assert again.returncode == 0, output
    assert not left.is_running()
    history = pd.read_csv(project.path(PATIENT).with_name("history.tsv"), sep="\t")
    assert list(history["epoch"]) == list(range(40))
    assert project.plan(PATIENT).planned == set()


# --- clocks and inputs


def test_a_clock_that_went_back_is_told_and_mended_by_touching_the_file(again: Project) -> None:
    """The data were written at a time that is still to come."""
    tomorrow, target = time.time() + 86_400, f"{RESULTS}/encoded.safetensors"
    before = again.path(target).read_bytes()
    again.write(DATA, "".join(again.path(DATA).read_text().splitlines(keepends=True)[3:]))
    os.utime(again.path(DATA), (tomorrow, tomorrow))
    done = again.snakemake(target)
    assert done.status == 1
    assert "has older modification time" in done.output
    assert f"than input {DATA}" in done.output
    assert again.path(TRAINED, "model.safetensors").exists()
    assert again.path(target).read_bytes() == before
    again.path(DATA).touch()
    assert {"read structure", "encode structure", "index"} <= again.plan().planned
    done = again.snakemake(f"{RESULTS}/profile.json")
    assert done.status == 0, done.output


def test_a_data_file_that_changed_is_noticed_though_its_time_is_older(again: Project) -> None:
    """As after a clock that went back, or when an earlier version is copied back with its time."""
    path = again.path(DATA)
    assert again.plan(f"{RESULTS}/encoded.safetensors").planned == set()
    again.write(DATA, path.read_text().replace("\nM", "\nA", 1))
    os.utime(path, (10**9, 10**9))
    planned = again.plan(f"{RESULTS}/encoded.safetensors").planned
    assert {"read structure", "encode structure"} <= planned


def test_an_input_that_went_missing_is_one_line_and_results_stay(again: Project) -> None:
    before = files(again.path("results"))
    again.path(DATA).unlink()
    done = again.snakemake()
    assert done.status == 1
    said = [line for line in done.output.splitlines() if DATA in line]
    assert len(said) == 1, done.output
    assert "Traceback" not in done.output
    assert files(again.path("results")) == before


def test_an_output_that_went_missing_is_made_again_and_the_same(
    again: Project, small: Project
) -> None:
    path = again.path(f"{TRAINED}/model.safetensors")
    path.unlink()
    assert again.plan(f"{TRAINED}/model.safetensors").planned == {
        "train structure bilstm fold0 seed1"
    }
    done = again.snakemake(f"{TRAINED}/model.safetensors")
    assert done.status == 0, done.output
    wanted = small.path(f"{TRAINED}/model.safetensors")
    assert path.read_bytes() == wanted.read_bytes()
