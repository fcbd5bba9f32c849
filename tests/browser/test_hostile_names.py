"""A user's files whose every name is a payload, from reading to the report in a browser."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_data import write_affinity, write_expression, write_structure
from tiny_package import write_package

from bioseq_lstm.cli import main
from bioseq_lstm.files import read_json, write_json
from bioseq_lstm.learning.telling import report_index

pytestmark = pytest.mark.browser

Inspect = Callable[..., Any]
# Ids have no spaces (the first word counts), other texts have.
ID = "<script>alert(1)</script><img/src=x/onerror=alert(1)>'\"`${7*7}{{7*7}}&lt;javascript:alert(1)"
TEXT = f"{ID} </script></style><svg onload=alert(1)> \\ <!-- __proto__"
MODEL = {
    "embedding": {"size": 4},
    "encoder": {"name": "lstm", "hidden_size": 4},
    "head": {"hidden": 4},
    "training": {"epochs": 1},
}
ABOUT = {"conditions": [TEXT, f"={TEXT}"], "coding_start": None}


def renamed(path: Path, columns: tuple[int, ...] = ()) -> None:
    """Put the payload behind every id of a FASTA file, or of these columns of a table."""
    lines = path.read_text().splitlines()
    if path.suffix in (".fasta", ".3line"):
        lines = [f"{line}{ID} {TEXT}" if line.startswith(">") else line for line in lines]
        path.write_text("\n".join(lines) + "\n")
        return
    head, *rows = (line.split("\t") for line in lines)
    for row in rows:
        for column in columns:
            row[column] += ID
    with path.open("w", newline="") as out:
        writer = csv.writer(out, delimiter="\t")
        writer.writerows([head, *rows])


def structure(folder: Path) -> dict[str, Any]:
    write_structure(folder)
    renamed(folder / "chains.3line")
    renamed(folder / "new/proteins.fasta")
    return {"files": {"sequences": "data/chains.3line"}}


def expression(folder: Path) -> dict[str, Any]:
    write_expression(folder)
    renamed(folder / "genes.fasta")
    renamed(folder / "new/genes.fasta")
    renamed(folder / "genes.tsv", columns=(0,))
    renamed(folder / "log2tpm.tsv", columns=(0,))
    head, *rows = (folder / "log2tpm.tsv").read_text().splitlines()
    names = [f"{number}{TEXT}".replace('"', "") for number in range(head.count("\t"))]
    (folder / "log2tpm.tsv").write_text("\n".join(["\t".join(["id", *names]), *rows]) + "\n")
    return {
        "files": {
            "sequences": "data/genes.fasta",
            "expression": "data/log2tpm.tsv",
            "annotations": "data/genes.tsv",
        },
        "unit": TEXT,
    }


def affinity(folder: Path) -> dict[str, Any]:
    write_affinity(folder)
    for name in ("targets.fasta", "new/targets.fasta"):
        renamed(folder / name)
    for name in ("drugs.tsv", "new/drugs.tsv"):
        renamed(folder / name, columns=(0,))
    renamed(folder / "affinities.tsv", columns=(0, 1))
    return {
        "files": {
            "drugs": "data/drugs.tsv",
            "targets": "data/targets.fasta",
            "affinities": "data/affinities.tsv",
        },
        "unit": TEXT,
        "split": {"strategy": "random"},
    }


@pytest.mark.parametrize("files", [structure, expression, affinity], ids=lambda made: made.__name__)
def test_no_name_in_a_users_files_does_anything_in_a_report(
    files: Callable[[Path], dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    inspect_report: Inspect,
    violations: Callable[..., list[str]],
    click_through: Callable[[Path], dict[str, int]],
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {
        "task": files.__name__,
        **files(tmp_path / "data"),
        "models": {"m": MODEL},
        "bootstrap": 100,
        "controls": "none",
        "leakage": {"gate": "open"},
        "explain": {"records": 1, "test_records": 2, "steps": 8, "mutants": 30},
    }
    shared = ["--folder", "results/d", "--settings", json.dumps(settings)]
    for verb, more in (
        *((verb, []) for verb in ("read", "split", "encode", "baselines")),
        ("train", ["--name", "m", "--model", json.dumps(MODEL)]),
        ("evaluate", ["--models", "m"]),
        ("predict-new", ["--new", "data/new"]),
        ("explain", ["--new", "data/new"]),
        ("report", ["--name", TEXT, "--models", "m"]),
    ):
        main([verb, *shared, *more])
    report_index(TEXT, [tmp_path / "results/d"], tmp_path / "results/index.html")
    page = Path("results/d/report.html").read_text(encoding="utf-8")
    assert "onerror=alert(1)" in page  # it is there, as text
    report = Path("results/d/report.html")
    for path, width in ((report, 375), (report, 1440), (Path("results/index.html"), 375)):
        found = inspect_report(path, width)
        assert [problem for problem in found.problems if "blank" not in problem] == []
    for width, scheme in ((375, "dark"), (1440, "light")):
        assert violations(report, width, scheme) == []
    done = click_through(report)
    assert done["sorted"] > 5
    assert done["downloaded"] > 10


@pytest.mark.parametrize(
    ("task", "new"),
    [
        ("structure", {"p.fasta": f">a{ID} {TEXT}\nMKVLAAGIVG\n"}),
        ("expression", {"g.fasta": f">a{ID} {TEXT}\nACGTACGTAA\n"}),
        ("affinity", {"t.fasta": f">a{ID}\nMKVLAAGIVG\n", "d.smi": f"CCO d{ID}\n"}),
    ],
    ids=["structure", "expression", "affinity"],
)
def test_neither_a_strangers_model_nor_new_records_do_anything_in_a_report(
    task: str, new: dict[str, str], tmp_path: Path, inspect_report: Inspect
) -> None:
    about = ABOUT if task == "expression" else {}
    model = write_package(tmp_path / "tiny", task, about=about)
    card = read_json(model / "model.json")
    words = ("summary", "data", "licence", "intended_use")
    card["words"] = {**dict.fromkeys(words, TEXT), "limits": [TEXT]}
    card["members"][0]["run"] = TEXT
    if task != "structure":
        card["dataset"]["unit"] = TEXT
    if task == "expression":
        card["calibration"] = [{"half_width": [1.0, 2.0]}]
    write_json(model / "model.json", card)
    for name, text in new.items():
        path = tmp_path / "new" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    refused = tmp_path / "new" / "x<img src=x onerror=alert(1)>.fasta"
    refused.write_text(f">r{ID}\n123\n")
    out = str(tmp_path / "out")
    main(["predict", "--model", str(model), "--out", out, "--name", TEXT, str(tmp_path / "new")])
    found = inspect_report(tmp_path / "out" / "report.html")
    assert [problem for problem in found.problems if "blank" not in problem] == []
