"""Bad input through the whole workflow: one clear line, no traceback, nothing written outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from project import Done, Project
from tiny_data import demo_chains, three_line

pytestmark = pytest.mark.workflow

CHAINS = demo_chains(20)
LONG = "ACDEFGHIKLMNPQRSTVWYAIKDEFWLMNPQYRTVHEAGLMNDTKSIPW"  # 50 residues
NEARLY = LONG[:24] + "W" + LONG[25:]


def with_sets(chains: list[tuple[str, str, str]], part: str) -> str:
    return "".join(f">{i} TARGET={states} SET={part}\n{s}\n" for i, s, states in chains)


FILES = {
    "empty": "",
    "dna": three_line([*CHAINS, ("d1", "ACGT" * 10, "C" * 40), ("d2", "TGCA" * 9, "C" * 36)]),
    "twice": three_line([*CHAINS, (CHAINS[3][0], "MKV", "CCC")]),
    "copies": with_sets([*CHAINS[:8], ("original", LONG, "H" * 50)], "train")
    + with_sets(CHAINS[8:12], "validation")
    + with_sets([*CHAINS[12:16], ("copy", NEARLY, "H" * 50)], "test"),
}
STRANGERS = {
    "data/strangers/genes.fasta": ">g1\nACGTACGTAA\n>g2\nACGTTTACAA\n",
    "data/strangers/table.tsv": "gene\twarm\tcold\nX1\t1.0\t2.0\nX2\t2.0\t3.0\n",
}
# A name that a shell would take apart, were it not quoted.
ODD = 'data/it\'s "odd" $(touch OWNED); touch OWNED.3line'

SAID = {
    "empty": "data/empty.fasta: the file is empty",
    "dna": "2 of 22 records were refused (9.1%, allowed are 5.0%): 2 x 'looks like DNA or RNA",
    "twice": f"data/twice.fasta, line 61: record '{CHAINS[3][0]}' differs from the one of the same "
    "id in data/twice.fasta, line 10: rename or remove one of them",
    "strangers": "data/strangers/table.tsv: none of its ids ('X1', 'X2') is in "
    "data/strangers/genes.fasta ('g1', 'g2')",
    "copies": "1 of 5 test chains (20.0%) have a near-duplicate in training (at least 90% alike; "
    "allowed are 5.0%): copy ~ original (98%); choose a split",
}


@dataclass(frozen=True)
class Refused:
    """One run over several bad datasets, and one good one with an odd file name."""

    project: Project
    done: Done

    @property
    def lines(self) -> set[str]:
        return {x for x in self.done.output.splitlines() if x.startswith("bioseq-lstm: ")}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Refused:
    project = Project.new(tmp_path_factory.mktemp("refused") / "clone")
    datasets: dict[str, Any] = {}
    for name, text in FILES.items():
        project.write(f"data/{name}.fasta", text)
        datasets[name] = {"task": "structure", "files": {"sequences": f"data/{name}.fasta"}}
    datasets["copies"]["split"] = {"strategy": "given", "column": "set"}
    for path, text in STRANGERS.items():
        project.write(path, text)
    sequences, expression = STRANGERS
    files = {"sequences": sequences, "expression": expression}
    datasets["strangers"] = {"task": "expression", "files": files}
    project.write(ODD, three_line(CHAINS))
    datasets["odd"] = {"task": "structure", "files": {"sequences": ODD}}
    project.configure({"datasets": datasets})
    return Refused(project, project.snakemake(*(f"results/{name}/splits.tsv" for name in datasets)))


def test_the_run_fails(refused: Refused) -> None:
    assert refused.done.status == 1


@pytest.mark.parametrize("dataset", SAID)
def test_the_reason_is_one_line_of_the_output(refused: Refused, dataset: str) -> None:
    (line,) = (line for line in refused.lines if SAID[dataset] in line)
    assert line.removeprefix("bioseq-lstm: ") in refused.project.path(
        "results", dataset, "logs", "split.log" if dataset == "copies" else "read.log"
    ).read_text().replace("bioseq-lstm: ", "")


def test_there_is_a_line_for_every_bad_dataset_and_no_traceback(refused: Refused) -> None:
    assert len(refused.lines) == len(SAID), refused.lines
    assert "Traceback" not in refused.done.output


def test_what_was_refused_is_listed_with_line_and_reason(refused: Refused) -> None:
    listed = refused.project.path("results/dna/rejected-too-many.tsv").read_text().splitlines()
    assert listed[0] == "file\tline\trecord\treason"
    assert [line.split("\t")[:3] for line in listed[1:]] == [
        ["data/dna.fasta", "61", "d1"],
        ["data/dna.fasta", "64", "d2"],
    ]


def test_a_bad_dataset_leaves_no_output_behind(refused: Refused) -> None:
    for dataset in SAID:
        left = {path.name for path in refused.project.path("results", dataset).rglob("*.*")}
        assert "splits.tsv" not in left
        assert ("records.parquet" in left) == (dataset == "copies")


def test_a_file_name_that_a_shell_would_run_is_only_read(refused: Refused) -> None:
    assert refused.project.path("results/odd/splits.tsv").is_file()
    assert not list(refused.project.folder.rglob("OWNED"))


def everything_below(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*") if ".snakemake" not in path.parts}


@pytest.mark.parametrize("name", ["../../x", "$(touch X)", "a b", "-n", "x;touch X", "ü", ""])
@pytest.mark.parametrize("place", ["datasets", "models"])
def test_a_name_that_is_more_than_a_name_is_refused(
    tmp_path: Path, empty: Project, place: str, name: str
) -> None:
    dataset = {"task": "structure", "files": {"sequences": "chains.3line"}}
    empty.write("chains.3line", three_line(CHAINS))
    config: dict[str, Any] = {"datasets": {"good": dataset}}
    config[place] = {**config.get(place, {}), name: dataset if place == "datasets" else {}}
    empty.configure(config)
    before = everything_below(tmp_path)
    done = empty.snakemake()
    assert done.status == 1
    assert "a name has letters, digits, _ and - only" in done.output
    assert done.output.count(f"{place}.") == 1
    assert "Traceback" not in done.output
    assert everything_below(tmp_path) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("datasets:\n  a:\n    task: structure\n    fils: {}\n", "did you mean 'files'?"),
        ("datasets: {a: {task: structur, files: {}}}\n", "did you mean 'structure'?"),
        ("title: x\ntitle: y\ndatasets: {}\n", "title"),
        ("datasets: [\n", "not valid JSON or YAML"),
        ("", "must be given as JSON or YAML"),
    ],
    ids=["unknown key", "unknown task", "a key twice", "no YAML", "nothing in it"],
)
def test_a_fault_of_the_configuration_is_told_without_a_traceback(
    empty: Project, text: str, said: str
) -> None:
    empty.write("config.yaml", text)
    done = empty.snakemake()
    assert done.status == 1
    assert said in done.output
    assert "Traceback" not in done.output
    assert not empty.path("results").exists()
