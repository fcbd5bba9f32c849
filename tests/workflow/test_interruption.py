"""A run that is cut off in the middle of training goes on where it was, to the same end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from conftest import MODELS, STRUCTURE
from project import LONGEST_CALL, Project
from safetensors.numpy import load_file
from tiny_data import write_structure

pytestmark = pytest.mark.workflow

EPOCHS, CUT_AFTER = 30, 4
RUN = "results/structure/models/patient/fold0-seed1"
TARGET = f"{RUN}/model.safetensors"
LOG = "results/structure/logs/train-patient-fold0-seed1.log"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Data that are ready to learn from, and a model that takes some seconds."""
    project = Project.new(tmp_path_factory.mktemp("prepared") / "clone")
    write_structure(project.path("data/structure"))
    training = {"epochs": EPOCHS, "patience": EPOCHS, "token_budget": 512}
    models = {"patient": {**MODELS["bilstm"], "training": training}}
    dataset = {**STRUCTURE, "models": ["patient"]}
    project.configure({"models": models, "datasets": {"structure": dataset}})
    done = project.snakemake(
        "results/structure/encoded.safetensors", "results/structure/splits.tsv"
    )
    assert done.status == 0, done.output
    return project


def epochs(project: Project) -> list[int]:
    """Numbers of the epochs in the log of the last call."""
    log = project.path(LOG)
    text = log.read_text() if log.exists() else ""
    return [int(number) for number in re.findall(r"^epoch +(\d+) ", text, re.MULTILINE)]


@pytest.fixture(scope="module")
def undisturbed(prepared: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = prepared.copy(tmp_path_factory.mktemp("undisturbed") / "clone")
    done = project.snakemake(TARGET)
    assert done.status == 0, done.output
    assert epochs(project) == list(range(EPOCHS))
    return project


def press_ctrl_c(snakemake: subprocess.Popen[str]) -> None:
    os.killpg(snakemake.pid, signal.SIGINT)


def kill_the_training(snakemake: subprocess.Popen[str]) -> None:
    for process in psutil.Process(snakemake.pid).children(recursive=True):
        if "train" in process.cmdline():
            process.kill()


def pull_the_plug(snakemake: subprocess.Popen[str]) -> None:
    os.killpg(snakemake.pid, signal.SIGKILL)


@pytest.mark.parametrize("cut", [press_ctrl_c, kill_the_training, pull_the_plug])
def test_an_interrupted_run_ends_as_an_undisturbed_one(
    prepared: Project,
    undisturbed: Project,
    tmp_path: Path,
    cut: Callable[[subprocess.Popen[str]], None],
) -> None:
    project = prepared.copy(tmp_path / "clone")
    snakemake = project.start(TARGET)
    limit = time.monotonic() + LONGEST_CALL
    while CUT_AFTER not in epochs(project):
        assert snakemake.poll() is None, snakemake.communicate()[0]
        assert time.monotonic() < limit, "the training does not begin"
        time.sleep(0.02)
    cut(snakemake)
    snakemake.communicate(timeout=LONGEST_CALL)
    assert snakemake.returncode != 0
    assert epochs(project)[-1] < EPOCHS - 1, "the training ended before it could be cut off"
    assert not project.path(TARGET).exists()
    assert project.path(RUN, "checkpoints", "last.ckpt").exists()

    if cut is pull_the_plug:  # Snakemake itself left its lock behind
        assert project.snakemake("--unlock").status == 0
    done = project.snakemake(TARGET)
    assert done.status == 0, done.output
    assert f"going on from {RUN}/checkpoints/last.ckpt" in project.path(LOG).read_text()
    assert epochs(project) == list(range(epochs(project)[0], EPOCHS))
    assert epochs(project)[0] >= CUT_AFTER
    assert not project.path(RUN, "checkpoints").exists()
    history = pd.read_csv(project.path(RUN, "history.tsv"), sep="\t")
    assert list(history["epoch"]) == list(range(EPOCHS))

    name = f"{RUN}/test_predictions.parquet"
    expected = pd.read_parquet(undisturbed.path(name))
    pd.testing.assert_frame_equal(pd.read_parquet(project.path(name)), expected, check_exact=True)
    weights, wanted = load_file(project.path(TARGET)), load_file(undisturbed.path(TARGET))
    assert {name: array.tobytes() for name, array in weights.items()} == {
        name: array.tobytes() for name, array in wanted.items()
    }
