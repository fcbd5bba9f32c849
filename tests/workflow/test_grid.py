"""A grid of datasets x models x folds x seeds as Snakemake plans it: jobs, groups and needs."""

from __future__ import annotations

import re
import shutil
from collections import Counter

import pytest
from conftest import MODELS
from project import ROOT, Project
from tiny_data import demo_chains, three_line

pytestmark = pytest.mark.workflow

FILES = {"sequences": "data/structure/chains.3line"}
DATASETS, FOLDS, SEEDS = ("one", "two"), 5, [1, 2, 3, 4]


@pytest.fixture
def grid(empty: Project) -> Project:
    """2 datasets x 2 models x 5 folds x 4 seeds, with a control for each model of a dataset."""
    empty.write(FILES["sequences"], three_line(demo_chains(60)))
    dataset = {"task": "structure", "files": FILES, "split": {"folds": FOLDS}, "seeds": SEEDS}
    empty.configure({"models": MODELS, "datasets": dict.fromkeys(DATASETS, dataset)})
    return empty


def counts(output: str) -> dict[str, int]:
    """Jobs by rule, of the first table of a dry run."""
    table = output.partition("Job stats:")[2].partition("total")[0]
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


def groups(output: str) -> Counter[str]:
    return Counter(re.findall(r"Group job (\w+) ", output))


def test_a_grid_fans_out_and_its_light_rules_are_grouped(grid: Project) -> None:
    output = grid.plan().output
    found = counts(output)
    assert found["train"] == len(DATASETS) * len(MODELS) * FOLDS * len(SEEDS) == 80
    assert found["control"] == len(DATASETS) * len(MODELS)
    assert found["baselines"] == len(DATASETS) * FOLDS
    assert found["evaluate"] == found["report"] == found["split"] == len(DATASETS)
    assert groups(output) == {"prepare": len(DATASETS), "judge": len(DATASETS)}
    alone = {"train", "control", "baselines", "report", "index", "all"}
    grouped = {"read", "split", "encode", "evaluate", "predict", "explain"}
    assert set(found) == alone | grouped


@pytest.mark.parametrize("profile", ["default", "slurm"])
def test_the_shipped_configuration_can_be_planned(empty: Project, profile: str) -> None:
    """It has a learning curve, which lies between two rules that once were of one group."""
    demo = "workflow/resources/demo"
    shutil.copy2(ROOT / "config.yaml", empty.folder)
    shutil.copytree(ROOT / demo, empty.path(demo), dirs_exist_ok=True)
    found = counts(empty.plan("--profile", f"profiles/{profile}").output)
    assert found["learning_curve"] == 1
    assert found["report"] == found["explain"] == 3


def test_small_trainings_can_share_jobs(grid: Project) -> None:
    shared = ("--groups", "train=trainings", "--group-components", "trainings=10")
    assert groups(grid.plan(*shared).output)["trainings"] == 8


def needs(output: str, rule: str) -> list[dict[str, int]]:
    """What each job of a rule asked for, in their order."""
    heading = rf"^ *(?:local)?rule {rule}:\n"
    found = re.findall(rf"{heading}(?:    .*\n)*? +resources: (.*)$", output, re.MULTILINE)
    return [{k: int(v) for k, v in re.findall(r"(\w+)=(\d+)\b", line)} for line in found]


def test_more_data_ask_for_more_memory_and_time(grid: Project) -> None:
    small = needs(grid.plan().output, "train")[0]
    chains = three_line(demo_chains(60))
    grid.write(FILES["sequences"], chains * (20_000_000 // len(chains)))
    large = needs(grid.plan().output, "train")[0]
    assert large["mem_mb"] - small["mem_mb"] == pytest.approx(20 * 60, rel=0.02)  # per_mb of train
    assert large["runtime"] > small["runtime"]


def test_each_attempt_asks_for_twice_the_memory_and_time(grid: Project) -> None:
    grid.write(FILES["sequences"], "")  # so that it fails
    done = grid.snakemake("results/one/profile.json", "--retries", "2")
    assert done.status == 1
    first, second, third = needs(done.output, "read")
    assert (first["mem_mb"], second["mem_mb"], third["mem_mb"]) == (2000, 4000, 8000)
    assert (first["runtime"], second["runtime"], third["runtime"]) == (30, 60, 120)


def test_a_model_that_names_gpus_asks_for_them_and_no_other_does(grid: Project) -> None:
    config = grid.config
    config["models"]["convlstm"]["trainer"] = {"accelerator": "gpu", "devices": 2}
    config["models"]["bilstm"]["trainer"] = {"accelerator": "cpu", "devices": 2}
    grid.configure(config)
    output = grid.plan("results/one/figures.tsv", "--cores", "4").output
    asked = Counter(job["gpu"] for job in needs(output, "train"))
    assert asked == {2: FOLDS * len(SEEDS), 0: FOLDS * len(SEEDS)}
    for rule in ("baselines", "evaluate"):
        assert all(job.get("gpu", 0) == 0 for job in needs(output, rule))
    # Two processes on CPUs are two threads of the rule.
    assert output.count("    threads: 2\n") == FOLDS * len(SEEDS) + 1  # and the control
