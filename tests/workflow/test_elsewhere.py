"""The workflow in one folder, the data and results in another."""

from __future__ import annotations

from pathlib import Path

import pytest
from project import Project
from tiny_data import write_structure

pytestmark = pytest.mark.workflow

DATASET = {"task": "structure", "files": {"sequences": "data/structure/chains.3line"}}
TARGET = "results/structure/splits.tsv"


@pytest.mark.parametrize("named", [True, False], ids=["--configfile", "config.yaml of the folder"])
def test_the_workflow_runs_in_another_folder(empty: Project, tmp_path: Path, named: bool) -> None:
    other = Project(tmp_path / "it's another")
    write_structure(other.path("data/structure"))
    file = other.path("mine.yaml" if named else "config.yaml")
    other.configure({"datasets": {"structure": DATASET}})
    other.path("config.yaml").rename(file)
    before = {path for path in empty.folder.rglob("*") if "__pycache__" not in path.parts}
    done = empty.snakemake(
        TARGET,
        *("--snakefile", str(empty.path("Snakefile")), "--directory", str(other.folder)),
        *(("--configfile", str(file)) if named else ()),
        cwd=tmp_path,
    )
    assert done.status == 0, done.output
    assert "profiles/default" in done.output  # the profile beside the Snakefile is found
    assert other.path(TARGET).is_file()
    assert {path for path in empty.folder.rglob("*") if "__pycache__" not in path.parts} == before


def test_a_file_that_is_named_is_read_instead_of_config_yaml(empty: Project) -> None:
    write_structure(empty.path("data/structure"))
    empty.configure({"datasets": {"structure": DATASET}})
    empty.path("config.yaml").rename(empty.path("mine.yaml"))
    empty.configure({"datasets": {"another": DATASET}})
    named = empty.plan("--configfile", "mine.yaml").planned
    assert {job.split()[1] for job in named - {"index"}} == {"structure"}
    both = empty.plan("--configfile", "config.yaml", "mine.yaml").planned
    assert {job.split()[1] for job in both - {"index"}} == {"structure", "another"}


def test_a_fault_is_told_with_all_the_files_that_it_may_stand_in(empty: Project) -> None:
    empty.configure({"datasets": {"structure": DATASET}})
    empty.write("more.yaml", "datasets: {structure: {sede: 3}}\n")
    done = empty.snakemake("--configfile", "config.yaml", "more.yaml", "-n")
    assert done.status == 1
    assert "config.yaml + more.yaml: datasets.structure.sede: unknown key" in done.output
    assert "Traceback" not in done.output
