from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from torch import nn

from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.data.molecules import FINGERPRINT_BITS
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256, write_json
from bioseq_lstm.learning import export as module
from bioseq_lstm.learning.checkpoint import save_weights
from bioseq_lstm.learning.export import export_run
from bioseq_lstm.learning.run import load_network
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.metrics.temperature import at_temperature
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.structure.task import most_probable

Make = Callable[..., Any]
CALIBRATION = {
    "structure": {"temperature": 0.7},
    "expression": {"half_width": [1.0, 2.0, 3.0]},
    "affinity": {"half_width": 1.5},
}
# torch and onnxruntime both compute in float32; of the largest prediction.
TOLERANCE = 1e-5


def written(data: Any, folder: Path) -> Path:
    """A run's folder, its weights random: those of a short training would hardly differ."""
    torch.manual_seed(0)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    with torch.no_grad():
        for parameter in network.parameters():
            nn.init.normal_(parameter, std=0.4)
    run = folder / "fold0-seed1"
    save_weights(run / "model.safetensors", network)
    card = {
        "task": data.task.name,
        "about": data.encoded.about,
        "settings": data.model.model_dump(mode="json"),
        "weights_sha256": sha256(run / "model.safetensors"),
        "calibration": CALIBRATION[data.task.name],
    }
    write_json(run / "model.json", card)
    return run


def with_model(data: Any, **changes: Any) -> Any:
    """The same data for another model."""
    settings = {**data.model.model_dump(mode="json"), **changes}
    return replace(data, model=ModelSettings.model_validate(settings))


def one_loop(name: str, **options: Any) -> dict[str, Any]:
    """An encoder in one direction: an export takes seconds, and the more loops the longer."""
    return {"name": name, "hidden_size": 4, "bidirectional": False, **options}


def session_of(file: Path) -> InferenceSession:
    return InferenceSession(str(file), providers=["CPUExecutionProvider"])


def in_onnx(file: Path, task: Task, encoded: Encoded, rows: np.ndarray) -> np.ndarray:
    """What the file predicts of some rows, given the tensors of the task's own batch."""
    session = session_of(file)
    given = task.collate(encoded, rows).inputs
    wanted = {value.name: given[value.name].numpy() for value in session.get_inputs()}
    (found,) = session.run(None, wanted)
    return found


def operators(file: Path) -> set[str]:
    return {node.op_type for node in onnx.load(file).graph.node}


@pytest.mark.parametrize(
    ("changes", "operator"),
    [
        ({"stem": {"kernels": [3, 9], "channels": 4}}, "LSTM"),
        ({"encoder": one_loop("skip"), "attention": {"heads": 2}}, "Scan"),
    ],
)
def test_structure_is_predicted_as_torch_does_with_its_calibration(
    toy: Make, tmp_path: Path, changes: dict[str, Any], operator: str
) -> None:
    data = with_model(toy("structure"), **changes)
    run = written(data, tmp_path)
    file = export_run(run).file
    assert operator in operators(file)
    network, card = load_network(data.task, run)
    chains = data.encoded.sequences["chain"]
    one_residue = Encoded({"chain": Ragged.from_list([chains[0][:1]])})
    for encoded, rows in (
        (data.encoded, np.array([4, 0, 17, 3, 9, 30])),
        (data.encoded, np.array([8])),
        (one_residue, np.array([0])),
    ):
        found = in_onnx(file, data.task, encoded, rows)
        decoded = run_network(data.task, network, encoded, rows, data.model.training)
        for row, expected in zip(found, decoded, strict=True):
            calibrated = at_temperature(expected, card["calibration"]["temperature"])
            np.testing.assert_allclose(row[: len(expected)], calibrated, rtol=0, atol=TOLERANCE)
            assert not row[len(expected) :].any()


@pytest.mark.parametrize(
    ("changes", "operator"),
    [
        ({"stem": {"kernels": [3, 5], "channels": 4, "both_strands": True}}, "LSTM"),
        # Windows that begin at the start codon.
        ({"encoder": one_loop("convlstm", window=3, anchored=True)}, "Scan"),
    ],
)
def test_expression_is_predicted_in_the_unit_of_the_table(
    toy: Make, tmp_path: Path, changes: dict[str, Any], operator: str
) -> None:
    data = with_model(toy("expression", stride=3, composition=True), **changes)
    run = written(data, tmp_path)
    file = export_run(run).file
    assert operator in operators(file)
    network, _ = load_network(data.task, run)
    short = Ragged.from_list([np.array([2], np.uint8), np.array([1, 4, 3], np.uint8)])
    few = Encoded({"gene": short}, about=data.encoded.about)  # shorter than what is read at once
    for encoded, rows in ((data.encoded, np.arange(7)), (few, np.arange(2))):
        found = in_onnx(file, data.task, encoded, rows)
        expected = np.stack(run_network(data.task, network, encoded, rows, data.model.training))
        assert found.shape == expected.shape == (len(rows), 3)
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * abs(expected).max())


@pytest.mark.parametrize(
    ("changes", "composition", "found_in"),
    [
        ({}, True, {"LSTM"}),
        ({"inputs": {"target": {"encoder": one_loop("dynamic")}}}, False, {"LSTM", "Scan"}),
    ],
)
def test_affinity_is_predicted_for_any_number_of_drugs_targets_and_pairs(
    toy: Make,
    tmp_path: Path,
    changes: dict[str, Any],
    composition: bool,
    found_in: set[str],
) -> None:
    data = with_model(toy("affinity", composition=composition), **changes)
    run = written(data, tmp_path)
    file = export_run(run).file
    assert operators(file) & {"LSTM", "Scan"} == found_in
    network, _ = load_network(data.task, run)
    pairs = data.encoded.arrays["pairs"]
    of_one_drug = np.flatnonzero(pairs[:, 0] == pairs[0, 0])
    of_one_target = np.flatnonzero(pairs[:, 1] == pairs[0, 1])
    for rows in (np.arange(40), of_one_drug, of_one_target, np.array([5])):
        found = in_onnx(file, data.task, data.encoded, rows)
        expected = run_network(data.task, network, data.encoded, rows, data.model.training)
        np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())
    inputs = {value.name: value.shape for value in session_of(file).get_inputs()}
    substructures = {"drug_substructures": ["drugs", FINGERPRINT_BITS]} if composition else {}
    assert inputs == {
        "drug": ["drugs", "drug_length"],
        "drug_lengths": ["drugs"],
        "drug_index": ["pairs"],
        "target": ["targets", "target_length"],
        "target_lengths": ["targets"],
        "target_index": ["pairs"],
        **substructures,
    }


def test_the_file_says_which_weights_it_holds(toy: Make, tmp_path: Path) -> None:
    data = toy("structure")
    run = written(data, tmp_path)
    done = export_run(run, tmp_path / "elsewhere" / "chains.onnx")
    assert done.file == tmp_path / "elsewhere" / "chains.onnx"
    assert str(done).startswith(f"{done.file}: differs from torch by ")
    assert not (run / "model.onnx").exists()
    told = {entry.key: entry.value for entry in onnx.load(done.file).metadata_props}
    assert told["task"] == "structure"
    assert told["weights_sha256"] == sha256(run / "model.safetensors")
    assert json.loads(told["settings"]) == data.model.model_dump(mode="json")
    assert json.loads(told["versions"])["torch"] == torch.__version__
    assert "".join(json.loads(told["about"])["states"]) == "HBEGITSC"


def test_the_example_of_the_docs_predicts_what_we_predict(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = toy("structure")
    run = written(data, tmp_path)
    export_run(run)
    docs = Path(__file__).parents[3] / "docs" / "export.md"
    (example,) = re.findall(r"```python\n(.*?)```", docs.read_text(), re.DOTALL)
    monkeypatch.chdir(run)
    exec(compile(example, str(docs), "exec"), {})
    network, _ = load_network(data.task, run)
    chains = PROTEIN.encode_all(["MKTAYIAKQR", "GSH"])  # those of the example
    decoded = run_network(
        data.task, network, Encoded({"chain": chains}), np.arange(2), data.model.training
    )
    assert capsys.readouterr().out == f"{[most_probable(p) for p in decoded]}\n"


def test_without_onnxruntime_it_says_that_it_did_not_compare(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = written(toy("structure"), tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = export_run(run)
    assert done.difference is None
    assert str(done) == (
        f"{run / 'model.onnx'}: not compared with torch, since onnxruntime is not installed"
    )
    onnx.checker.check_model(onnx.load(run / "model.onnx"))


def test_a_model_that_predicts_something_else_is_not_written(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = written(toy("structure"), tmp_path)
    right = module.exportable

    def wrong(network: nn.Module) -> nn.Module:
        found = right(network)
        with torch.no_grad():
            next(found.parameters()).add_(0.5)
        return found

    monkeypatch.setattr(module, "exportable", wrong)
    with pytest.raises(RuntimeError, match="onnxruntime differs from torch by"):
        export_run(run)
    assert {path.name for path in run.iterdir()} == {"model.json", "model.safetensors"}


def test_what_the_user_can_mend_is_said_in_one_line(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError) as error:
        export_run(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: has no model.json: name the folder of one run, such as "
        "results/mine/models/bilstm/fold0-seed1"
    )
    for package in ("onnx", "onnxscript"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(UserError) as error:
                export_run(tmp_path)
        assert str(error.value) == (
            f"export needs {package}: run pip install 'bioseq-lstm[export]'"
        )
