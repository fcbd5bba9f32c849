"""All three tasks on tiny data, run once by the real Snakemake, for the tests to look at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from project import Done, Project
from tiny_data import write_affinity, write_expression, write_structure

TITLE = "Tiny data; $(touch OWNED) <b>"  # a shell and a browser must leave it as it is
MODELS = {
    name: {
        "embedding": {"size": 8},
        "stem": {"kernels": [3], "channels": 8},
        "encoder": encoder,
        "head": {"hidden": 8},
        "training": {"epochs": 2, "token_budget": 2048},
    }
    for name, encoder in (
        ("bilstm", {"name": "lstm", "hidden_size": 8}),
        ("convlstm", {"name": "convlstm", "hidden_size": 8, "window": 16}),
    )
}
EXPLAIN = {"records": 1, "test_records": 3, "steps": 8, "mutants": 60}
STRUCTURE = {
    "task": "structure",
    "files": {"sequences": "data/structure/chains.3line"},
    "bootstrap": 100,
    "explain": EXPLAIN,
}
DATASETS = {
    "structure": STRUCTURE,
    "expression": {
        "task": "expression",
        "files": {
            "sequences": "data/expression/genes.fasta",
            "expression": "data/expression/log2tpm.tsv",
            "annotations": "data/expression/genes.tsv",
        },
        "coding_start": 150,
        "bootstrap": 100,
        "explain": EXPLAIN,
    },
    "affinity": {
        "task": "affinity",
        "files": {
            "drugs": "data/affinity/drugs.tsv",
            "targets": "data/affinity/targets.fasta",
            "affinities": "data/affinity/affinities.tsv",
        },
        "unit": "KIBA score",
        "bootstrap": 100,
        "explain": EXPLAIN,
    },
    "crossed": {
        **STRUCTURE,
        "models": ["bilstm"],
        "split": {"folds": 2},
        "seeds": [1, 2],
    },
}


@dataclass(frozen=True)
class Finished:
    """A project after its first run, and what that run printed."""

    project: Project
    first: Done


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """All three tasks with both models, and one cross-validation with two seeds, run once."""
    project = Project.new(tmp_path_factory.mktemp("finished") / "clone")
    write_structure(project.path("data/structure"))
    write_expression(project.path("data/expression"))
    write_affinity(project.path("data/affinity"))
    project.configure({"title": TITLE, "models": MODELS, "datasets": DATASETS})
    first = project.snakemake()
    assert first.status == 0, first.output
    return Finished(project, first)


@pytest.fixture
def again(finished: Finished, tmp_path: Path) -> Project:
    """A copy of the finished project, to change something in it."""
    return finished.project.copy(tmp_path / "clone")


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    """A clone with neither configuration nor data."""
    return Project.new(tmp_path / "clone")
