"""Predicting files with a packed model: the same as its run, in any order, from any file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny_package import write_package

from bioseq_lstm.cli import main
from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import NothingPredictedError, UserError
from bioseq_lstm.files import read_tsv
from bioseq_lstm.learning import prediction as module
from bioseq_lstm.learning.packages import load_package
from bioseq_lstm.learning.packed_prediction import predict_packed
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.metrics.temperature import at_temperature
from bioseq_lstm.model_settings import TrainingSettings

RNG = np.random.default_rng(3)
CHAINS = {
    f"p{number}": "".join(RNG.choice(list(PROTEIN.letters), length))
    for number, length in enumerate((40, 7, 130, 61, 60, 1, 90))
}


def packed(data: Any, folder: Path) -> Path:
    return write_package(folder, data.task.name, data.model, data.encoded.about)


@pytest.fixture(scope="module")
def model(toy: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(packed(toy("structure"), tmp_path_factory.mktemp("packed") / "toy"))


def fasta(path: Path, chains: dict[str, str]) -> Path:
    path.write_text("".join(f">{name}\n{sequence}\n" for name, sequence in chains.items()))
    return path


def table(out: Path, name: str) -> pd.DataFrame:
    return read_tsv(out / "predictions" / name, text=("id", "state_3", "residue"))


def test_probabilities_are_those_of_the_network_at_its_temperature(
    model: str, tmp_path: Path
) -> None:
    said = predict_packed(model, [fasta(tmp_path / "x.fasta", CHAINS)], tmp_path / "out")
    counted = "7 records in 1 file: 7 predicted, 0 refused, 0 repeated"
    assert said == f"{counted}: {tmp_path / 'out/report.html'}"
    package = load_package(model)
    encoded = Encoded({"chain": PROTEIN.encode_all(list(CHAINS.values()))})
    (network,), rows = package.networks, np.arange(len(CHAINS))
    decoded = run_network(package.task, network, encoded, rows, TrainingSettings())
    eight = np.concatenate([at_temperature(p, 0.7) for p in decoded])
    residues = table(tmp_path / "out", "x.residues.tsv")
    found8 = residues[[f"probability_8_{s}" for s in "HBEGITSC"]].to_numpy()
    np.testing.assert_allclose(found8, eight, atol=6e-4)
    np.testing.assert_allclose(residues["confidence_probability"], eight.max(axis=1), atol=6e-4)
    helix = eight[:, [0, 3, 4]].sum(axis=1)  # H, G, I
    strand = eight[:, [1, 2]].sum(axis=1)  # B, E
    three = np.stack([helix, strand, 1 - helix - strand], axis=1)
    found3 = residues[[f"probability_3_{s}" for s in "HEC"]].to_numpy()
    np.testing.assert_allclose(found3, three, atol=6e-4)
    assert "".join(residues["state_3"]) == "".join("HEC"[k] for k in three.argmax(axis=1))
    assert "".join(residues["residue"]) == "".join(CHAINS.values())


def test_every_file_of_a_chain_says_the_same(model: str, tmp_path: Path) -> None:
    predict_packed(model, [fasta(tmp_path / "x.fasta", CHAINS)], tmp_path / "out")
    folder = tmp_path / "out" / "predictions"
    states = table(tmp_path / "out", "x.tsv")["states_3"].tolist()
    ss2 = re.split(r"^# PSIPRED VFORMAT.*$", (folder / "x.ss2").read_text(), flags=re.M)[1:]
    horiz = re.split(r"^# PSIPRED HFORMAT.*$", (folder / "x.horiz").read_text(), flags=re.M)[1:]
    lines = (folder / "x.3line").read_text().splitlines()
    assert [line[1:] for line in lines[::3]] == list(CHAINS)
    assert lines[1::3] == list(CHAINS.values())
    for number, sequence in enumerate(CHAINS.values()):
        rows = [line.split() for line in ss2[number].strip().splitlines()]
        assert "".join(row[1] for row in rows) == sequence
        assert "".join(row[2] for row in rows) == states[number]
        assert "".join(re.findall(r"^Pred: (.+)$", horiz[number], re.M)) == states[number]


def test_parts_batches_and_order_change_nothing(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fasta(tmp_path / "x.fasta", CHAINS)
    predict_packed(model, [whole], tmp_path / "whole")
    expected = table(tmp_path / "whole", "x.residues.tsv").set_index(["id", "position"])
    monkeypatch.setattr(module, "LETTERS", 50)
    for kind, chains in (("parts", CHAINS), ("turned", dict(reversed(CHAINS.items())))):
        (tmp_path / kind).mkdir()
        file = fasta(tmp_path / kind / "x.fasta", chains)
        predict_packed(model, [file], tmp_path / kind / "out")
        found = table(tmp_path / kind / "out", "x.residues.tsv")
        assert found["id"].drop_duplicates().tolist() == list(chains)
        found = found.set_index(["id", "position"]).loc[expected.index]
        numbers = expected.select_dtypes("number").columns
        # Sums in another order differ in the last bit, which may turn the third digit.
        np.testing.assert_allclose(found[numbers], expected[numbers], atol=1.01e-3)
    manifest = json.loads((tmp_path / "parts/out/predictions/manifest.json").read_text())
    assert manifest["files"]["x"]["records"] == 7
    assert manifest["files"]["x"]["rows"] == {".tsv": 7, ".residues.tsv": 389}


def test_names_that_mean_harm_do_none(model: str, tmp_path: Path) -> None:
    names = ["../../x", "<script>alert(1)</script>", "=1+1", "/etc/passwd", "a\"b'c", "$(touch_me)"]
    chains = dict.fromkeys(names, "MKVLAAGIVG")
    predict_packed(model, [fasta(tmp_path / "x.fasta", chains)], tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"x.fasta", "out"}
    assert {path.name for path in (tmp_path / "out/predictions").iterdir()} == {
        *("x.tsv", "x.residues.tsv", "x.3line", "x.ss2", "x.horiz", "rejected.tsv"),
        "manifest.json",
    }
    guarded = ["'=1+1" if name == "=1+1" else name for name in names]
    for kind in ("x.tsv", "x.residues.tsv"):
        assert table(tmp_path / "out", kind)["id"].drop_duplicates().tolist() == guarded
    page = (tmp_path / "out/report.html").read_text()
    assert "<script>alert" not in page
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+", "", page.split("<body")[1][:2000])


def test_a_fault_in_the_last_record_is_told_before_anything_is_predicted(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LETTERS", 50)
    file = fasta(tmp_path / "x.fasta", CHAINS)
    file.write_text(file.read_text() + ">p0\nMKVL\n")
    called = []
    monkeypatch.setattr(module, "_predicted", lambda *_: called.append(1))
    with pytest.raises(UserError, match=r"x\.fasta, line 15: record 'p0' differs .* line 1:"):
        predict_packed(model, [file], tmp_path / "out")
    assert called == []
    assert not (tmp_path / "out").exists()
    (tmp_path / "before").mkdir()
    with pytest.raises(UserError, match="differs"):
        predict_packed(model, [file], tmp_path / "before")
    assert list((tmp_path / "before").iterdir()) == []


def test_refused_records_are_listed_and_counted(model: str, tmp_path: Path) -> None:
    file = fasta(tmp_path / "x.fasta", {"good": "MKVLAAG", "=bad": "MK1", "gap": "MK-V"})
    file.write_text(file.read_text() + ">good\nMKVLAAG\n")
    said = predict_packed(model, [file], tmp_path / "out")
    listed = tmp_path / "out/predictions/rejected.tsv"
    assert said == (
        f"4 records in 1 file: 1 predicted, 2 refused (reasons: {listed}), 1 repeated: "
        f"{tmp_path / 'out/report.html'}"
    )
    rejected = read_tsv(listed, text=("record",))
    assert rejected["record"].tolist() == ["'=bad", "gap"]
    assert rejected["line"].tolist() == [3, 5]


def test_nothing_predicted_is_an_error_with_the_first_reason(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = fasta(tmp_path / "x.fasta", {"dna": "ACGT" * 10, "<b>": "MK1"})
    with pytest.raises(SystemExit) as left:
        main(["predict", "--model", model, "--out", str(tmp_path / "out"), str(file)])
    assert left.value.code == 3
    listed = tmp_path / "out/predictions/rejected.tsv"
    said = (
        f"{file}, line 1: nothing was predicted, 2 records refused, the first: looks like DNA or "
        f"RNA: 40 letters, all of them in ACGTUN; all with their reasons: {listed}"
    )
    assert capsys.readouterr().err == f"bioseq-lstm: {said}\n"
    assert len(read_tsv(listed)) == 2
    assert json.loads((tmp_path / "out/summary.json").read_text())["warnings"] == [f"{said}."]
    assert "nothing was predicted, 2 records refused" in (tmp_path / "out/report.html").read_text()


def test_an_empty_folder_is_an_error_and_leaves_a_page(model: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(NothingPredictedError, match=r"new: nothing was predicted: no file for a "):
        predict_packed(model, [tmp_path / "new"], tmp_path / "out")
    assert json.loads((tmp_path / "out/summary.json").read_text())["warnings"] == []
    assert "Nothing yet" in (tmp_path / "out/report.html").read_text()


def test_the_folder_of_something_else_is_left_alone(model: str, tmp_path: Path) -> None:
    file = fasta(tmp_path / "x.fasta", CHAINS)
    (tmp_path / "out/predictions").mkdir(parents=True)
    (tmp_path / "out/predictions/thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="holds no predictions: name another place"):
        predict_packed(model, [file], tmp_path / "out")
    assert (tmp_path / "out/predictions/thesis.tex").read_text() == "years of work"
    assert not (tmp_path / "out/report.html").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere.fasta", "there is no such file"),
        ("x.tsv", "none of the files is for .* structure"),
    ],
)
def test_files_that_are_not_for_the_model_are_an_error(
    model: str, name: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "x.tsv").write_text("id\tsmiles\na\tCC\n")
    with pytest.raises(UserError, match=said):
        predict_packed(model, [tmp_path / name], tmp_path / "out")


def test_genes_are_predicted_in_their_unit(toy: Callable[..., Any], tmp_path: Path) -> None:
    data = toy("expression")
    folder = packed(data, tmp_path / "toy")
    predict_packed(str(folder), [fasta(tmp_path / "g.fasta", {"g": "ACGTACGT"})], tmp_path / "out")
    conditions = table(tmp_path / "out", "g.conditions.tsv")
    assert conditions["condition"].tolist() == ["warm", "cold", "NA"]
    widths = conditions["interval_high_log2_tpm"] - conditions["predicted_log2_tpm"]
    np.testing.assert_allclose(widths, [1, 2, 3], atol=2e-3)


def test_pairs_need_both_sides(toy: Callable[..., Any], tmp_path: Path) -> None:
    folder = packed(toy("affinity"), tmp_path / "toy")
    proteins = fasta(tmp_path / "k.fasta", {"k1": "MKVL", "k2": "MKAA"})
    with pytest.raises(UserError, match="pairs need both sides: add a table of molecules"):
        predict_packed(str(folder), [proteins], tmp_path / "out")
    drugs = tmp_path / "d.smi"
    drugs.write_text("CCN amine\nCCS thiol\n")
    predict_packed(str(folder), [proteins, drugs], tmp_path / "out")
    pairs = read_tsv(tmp_path / "out/predictions/pairs.tsv")
    assert sorted(zip(pairs["target"], pairs["drug"], strict=True)) == [
        *(("k1", "amine"), ("k1", "thiol"), ("k2", "amine"), ("k2", "thiol"))
    ]
    assert list(pairs)[3] == "predicted_pKd"
