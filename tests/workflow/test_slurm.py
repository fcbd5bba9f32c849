"""The workflow on a real Slurm of one node, which ``tests/slurm.sh`` starts where it is not up."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from conftest import MODELS, STRUCTURE
from project import LONGEST_CALL, ROOT, Done, Project
from tiny_data import write_structure

pytestmark = pytest.mark.workflow

RUN = "results/structure/models/bilstm/fold0-seed1"
LOG = "results/structure/logs/train-bilstm-fold0-seed1.log"
NEEDED = {
    "slurmctld": "slurm-wlm",
    "munge": "munge",
    "slurmdbd": "slurmdbd",
    "mariadbd": "mariadb-server",
}
EPOCHS = 40
TOO_LITTLE, ENOUGH = 250, 2500  # megabytes
ON_THE_CLUSTER = (
    *("--profile", "profiles/slurm"),
    # As a user sets it in the profile; and a test asks more often how its jobs are.
    *("--default-resources", "slurm_account=lab", "slurm_partition=tests", "mem_mb=2000"),
    *("--slurm-init-seconds-before-status-checks", "2", "--seconds-between-status-checks", "2"),
    *("--set-resources", f"train:mem_mb={TOO_LITTLE} if attempt == 1 else {ENOUGH}"),
)


def said(*command: str) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


@pytest.fixture(scope="module", autouse=True)
def slurm() -> Iterator[None]:
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no Slurm: apt-get install {' '.join(missing)}")
    if os.getuid() != 0:
        pytest.skip("tests/slurm.sh starts a Slurm as root alone")
    script = str(ROOT / "tests" / "slurm.sh")
    was_up = subprocess.run(["sinfo"], capture_output=True).returncode == 0
    # The daemons would hold a pipe open for ever.
    subprocess.run(["bash", script, "up"], check=True, stdout=subprocess.DEVNULL, stderr=None)
    yield
    if not was_up:
        subprocess.run(["bash", script, "down"], check=True)


def jobs(project: Project, columns: str) -> list[str]:
    """Queued and running jobs of a project."""
    lines = said("squeue", "-h", "-o", f"{columns}|%Z")
    return [line.split("|")[0] for line in lines if line.endswith(f"|{project.folder}")]


def wait_for(happened: Callable[[], bool], snakemake: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + LONGEST_CALL
    while not happened():
        assert snakemake.poll() is None, snakemake.communicate()[0]
        assert time.monotonic() < limit
        time.sleep(0.2)


def new_project(folder: Path) -> Project:
    """One model on tiny data; its training takes a moment, so that it can be met."""
    project = Project.new(folder)
    write_structure(project.path("data/structure"))
    training = {"epochs": EPOCHS, "patience": EPOCHS, "token_budget": 256}
    dataset = {
        **STRUCTURE,
        "models": ["bilstm"],
        "seeds": [1],
        "controls": "none",
        "explain": {"records": 0},
    }
    project.configure(
        {
            "models": {"bilstm": {**MODELS["bilstm"], "training": training}},
            "datasets": {"structure": dataset},
        }
    )
    return project


@dataclass(frozen=True)
class Ran:
    project: Project
    done: Done
    cancelled: str  # number of a job
    accounts: pd.DataFrame  # of the jobs, in their order


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A whole run, whose training gets too little memory at first, and then is cancelled."""
    project = new_project(tmp_path_factory.mktemp("slurm") / "clone")
    started = time.strftime("%Y-%m-%dT%H:%M:%S")
    snakemake = project.start(*ON_THE_CLUSTER)
    found: list[str] = []

    def trains_again() -> bool:
        """Whether the second attempt has begun, with more memory, and has learnt some."""
        found[:] = [
            line.split()[0]
            for line in jobs(project, "%i %T %m %k")
            if f" RUNNING {ENOUGH}M " in line and "train" in line
        ]
        return bool(found) and project.path(RUN, "checkpoints/last.ckpt").exists()

    wait_for(trains_again, snakemake)
    said("scancel", found[0])
    output, _ = snakemake.communicate(timeout=LONGEST_CALL)
    columns = ["job", "comment", "state", "memory", "folder"]
    form = "JobIDRaw,Comment,State,ReqMem,WorkDir"
    lines = said("sacct", "-X", "-n", "-P", "-S", started, "-o", form)
    table = pd.DataFrame([line.split("|") for line in lines], columns=columns)
    own = table[table["folder"] == str(project.folder)].reset_index(drop=True)
    return Ran(project, Done(snakemake.returncode, output), found[0], own)


def trainings(ran: Ran) -> pd.DataFrame:
    return ran.accounts[ran.accounts["comment"].str.contains("train")]


def test_the_workflow_ends_with_its_report(ran: Ran) -> None:
    assert ran.done.status == 0, ran.done.output
    assert ran.project.path("results/index.html").is_file()
    assert "structure" in ran.project.path("results/structure/report.html").read_text()


def test_a_job_that_ran_out_of_memory_is_tried_again_with_more(ran: Ran) -> None:
    first, second, _ = trainings(ran).itertuples()
    assert first.memory == f"{TOO_LITTLE}M"
    assert first.state in ("FAILED", "OUT_OF_MEMORY")
    assert f"SLURM-job '{first.job}' failed" in ran.done.output
    assert second.memory == f"{ENOUGH}M"


def test_a_cancelled_job_is_reported_and_its_training_goes_on_where_it_was(ran: Ran) -> None:
    _, second, third = trainings(ran).itertuples()
    assert second.job == ran.cancelled
    assert second.state.startswith("CANCELLED")
    assert f"SLURM-job '{second.job}' failed, SLURM status is: 'CANCELLED'" in ran.done.output
    assert third.state == "COMPLETED"
    assert "going on from" in ran.project.path(LOG).read_text()
    history = pd.read_csv(ran.project.path(RUN, "history.tsv"), sep="\t")
    assert list(history["epoch"]) == list(range(EPOCHS))


def test_light_rules_share_jobs(ran: Ran) -> None:
    """Eight rules are run by five jobs: three that prepare are one, two that judge another."""
    completed = ran.accounts[ran.accounts["state"] == "COMPLETED"]
    assert len(completed) == 5, ran.accounts


def test_a_second_call_has_nothing_to_do(ran: Ran) -> None:
    done = ran.project.snakemake("-n", *ON_THE_CLUSTER)
    assert done.status == 0, done.output
    assert "Nothing to be done" in done.output
