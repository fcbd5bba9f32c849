"""The chain of checksums: whole it holds, and any file that is changed is the one that is named."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_data import write_structure
from tiny_package import write_package
from tiny_run import MODEL, run_verbs

from bioseq_lstm.cli import main
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, write_json
from bioseq_lstm.learning.packed_prediction import predict_packed
from bioseq_lstm.learning.verifying import verify

LINKS = {
    "data/chains.3line": "input",
    "results/records.parquet": "records",
    "results/measurements.parquet": "records",
    "results/rejected.tsv": "records",
    "results/splits.tsv": "split",
    "results/leakage.tsv": "split",
    "results/encoded.safetensors": "encoded",
    "results/models/m/fold0-seed1/model.safetensors": "weights",
    "results/models/m/fold0-seed1/run.yaml": "test",
    "results/models/m/fold0-seed1/history.tsv": "test",
    "results/models/m/fold0-seed1/test_predictions.parquet": "test",
    "results/models/m/control/model.safetensors": "weights",
    "results/baselines/fold0.parquet": "evaluation",
    "results/figures.tsv": "evaluation",
    "results/bands.tsv": "evaluation",
    "data/new/proteins.fasta": "new input",
    "results/predictions/proteins.tsv": "predictions",
    "results/predictions/proteins.residues.tsv": "predictions",
    "results/predictions/rejected.tsv": "predictions",
    "results/predictions/outside.tsv": "predictions",
    "results/predictions/plate.tsv": "predictions",
    "results/explanations/attributions.tsv": "explanation",
    "results/explanations/kmers.tsv": "explanation",
    "results/learning_curve.tsv": "curve",
    "results/strata.tsv": "evaluation",
    "results/evaluation.json": "report",
    "results/predictions/manifest.json": "report",
    "results/report.html": "report",
    "results/methods.md": "report",
    "results/multiqc/models_mqc.json": "report",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny dataset, brought from its files to its report verb by verb, as the rules do."""
    folder = tmp_path_factory.mktemp("made")
    write_structure(folder / "data")
    settings = {
        "task": "structure",
        "files": {"sequences": "data/chains.3line"},
        "models": {"m": MODEL},
        "explain": {"records": 1, "test_records": 1, "steps": 8, "mutants": 20},
        "learning_curve": [0.5],
    }
    run_verbs(folder, settings)
    return folder


@pytest.fixture
def copy(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def test_a_chain_that_nobody_touched_holds(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["verify", "results"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("the chain holds: ")
    said = "\n".join(lines)
    assert all(f"{stage:12} {file}" in said for file, stage in LINKS.items())


@pytest.mark.parametrize("file", LINKS)
def test_the_first_file_that_was_changed_is_named(copy: Path, file: str) -> None:
    content = bytearray((copy / file).read_bytes())
    if file.endswith(".safetensors"):
        content[-1] ^= 1  # loads silently
    else:
        content += b"\n"
    (copy / file).write_bytes(content)
    with pytest.raises(UserError, match=rf"^{file}: {LINKS[file]}: is not the file that "):
        list(verify(Path("results")))


@pytest.mark.parametrize("file", ["results/splits.tsv", "results/report.html"])
def test_a_file_that_is_gone_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    with pytest.raises(UserError, match=rf"^{file}: \w+: No such file or directory, though "):
        list(verify(Path("results")))


def test_a_run_of_an_earlier_configuration_is_no_link(copy: Path) -> None:
    stale = copy / "results/models/m/fold0-seed9"
    shutil.copytree(copy / "results/models/m/fold0-seed1", stale)
    (stale / "model.safetensors").write_bytes(b"other")
    list(verify(Path("results")))


def test_predictions_of_other_weights_do_not_hold(copy: Path) -> None:
    manifest = copy / "results/predictions/manifest.json"
    write_json(manifest, read_json(manifest) | {"weights_sha256": ["0" * 64]})
    with pytest.raises(UserError, match="was predicted without these: run again from there"):
        list(verify(Path("results")))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("profile.json", lambda text: "{}", "says no 'files'"),
        ("profile.json", lambda text: "{", "is broken"),
        ("split.json", lambda text: text.replace('"outputs"', '"x"'), "says no 'outputs'"),
        ("encoded.safetensors", lambda text: "no tensors", "cannot be read"),
        ("summary.json", lambda text: "[]", "says no 'inputs'"),
    ],
)
def test_a_record_of_the_chain_that_cannot_be_read_is_one_line(
    copy: Path, name: str, change: Callable[[str], str], said: str
) -> None:
    file = copy / "results" / name
    text = file.read_text(encoding="utf-8", errors="replace")
    file.write_text(change(text), encoding="utf-8")
    with pytest.raises(UserError, match=rf"^results/{name}: {said}"):
        list(verify(Path("results")))


def test_predictions_of_a_packed_model_have_a_chain_of_their_own(tmp_path: Path) -> None:
    model = write_package(tmp_path / "tiny")
    (tmp_path / "p.fasta").write_text(">a\nMKVLAAGIVG\n")
    predict_packed(str(model), [tmp_path / "p.fasta"], tmp_path / "out")
    *files, _ = verify(tmp_path / "out")
    assert any("report.html" in line for line in files)
    (tmp_path / "p.fasta").write_text(">a\nMKVLAAGIVV\n")
    with pytest.raises(UserError, match=r"p\.fasta: new input: is not the file"):
        list(verify(tmp_path / "out"))


def test_explanations_of_other_weights_are_named(copy: Path) -> None:
    manifest = copy / "results/explanations/explanations.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "weights_sha256": ["0" * 64]}))
    with pytest.raises(UserError, match="explains weights that are not these results'"):
        list(verify(Path("results")))
