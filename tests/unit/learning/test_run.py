from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from bioseq_lstm.config import parse_settings
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, read_tsv, sha256, write_json, write_tsv
from bioseq_lstm.learning import run as module
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import Run, load_network, run_training
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.model_settings import ModelSettings
from bioseq_lstm.tasks import TASKS

Make = Callable[..., Any]
FILES = {
    "structure": {"sequences": "a"},
    "expression": {"sequences": "a", "expression": "b"},
    "affinity": {"drugs": "a", "targets": "b", "affinities": "c"},
}


def trained(data: Any, folder: Path, run: Run | None = None) -> Path:
    """Run a training on a toy; the folder of the run."""
    layout = Layout(folder)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits)
    name = data.task.name
    _, settings = parse_settings({"task": name, "files": FILES[name]})
    run = run or Run("m", 0, 1)
    run_training(data.task, settings, data.model, run, folder)
    return layout.control(run.model) if run.shuffled else layout.run("m", run.fold, run.seed)


@pytest.mark.parametrize("task", TASKS)
def test_a_run_leaves_all_that_is_needed_to_use_and_repeat_it(
    toy: Make, tmp_path: Path, task: str
) -> None:
    data = toy(task).told(epochs=2)
    out = trained(data, tmp_path)
    assert out == tmp_path / "models" / "m" / "fold0-seed1"
    assert {path.name for path in out.iterdir()} == {
        *("run.yaml", "model.safetensors", "model.json", "history.tsv"),
        "test_predictions.parquet",
    }
    card, record = read_json(out / "model.json"), yaml.safe_load((out / "run.yaml").read_text())
    assert card["weights_sha256"] == sha256(out / "model.safetensors")
    assert ModelSettings.model_validate(card["settings"]) == data.model
    assert record["settings"] == card["settings"]
    assert record["inputs"] == {
        name: sha256(tmp_path / name) for name in ("encoded.safetensors", "splits.tsv")
    }
    assert (record["fold"], record["seed"], record["labels_shuffled"]) == (0, 1, False)
    history = read_tsv(out / "history.tsv")
    assert card["validation_loss"] == pytest.approx(history["validation_loss"].min())


@pytest.mark.parametrize("task", TASKS)
def test_a_network_that_is_loaded_predicts_what_was_written(
    toy: Make, tmp_path: Path, task: str
) -> None:
    data = toy(task).told(epochs=1)
    out = trained(data, tmp_path)
    network, card = load_network(data.task, out)
    assert not network.training
    rows, settings = data.parts.test, data.model.training
    decoded = run_network(data.task, network, data.encoded, rows, settings)
    table = data.task.table(data.encoded, data.splits, rows, decoded, card["calibration"])
    written = pd.read_parquet(out / "test_predictions.parquet")
    pd.testing.assert_frame_equal(
        written.drop(columns=["confidence", "probabilities"], errors="ignore"),
        table.drop(columns=["confidence", "probabilities"], errors="ignore"),
        check_dtype=False,
    )
    assert sorted(set(written["sample"])) == rows.tolist()


def test_one_changed_byte_of_the_weights_is_refused(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=1)
    out = trained(data, tmp_path)
    content = bytearray((out / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (out / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors: is not the file that model\.json"):
        load_network(data.task, out)


def test_a_model_of_another_task_or_size_is_refused(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=1)
    out = trained(data, tmp_path)
    with pytest.raises(UserError, match="is a model for structure, not affinity"):
        load_network(TASKS["affinity"], out)
    card = read_json(out / "model.json")
    card["settings"]["encoder"]["hidden_size"] = 9
    write_json(out / "model.json", card)
    with pytest.raises(UserError, match=r"model\.safetensors: the tensor .* the model wants"):
        load_network(data.task, out)


def test_a_control_learns_from_shuffled_labels_and_is_tested_on_true_ones(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("affinity").told(epochs=1)
    seen = {}

    def spy(task: Any, network: Any, encoded: Any, parts: Any, *more: Any, **named: Any) -> Any:
        seen["values"] = encoded.arrays["values"]
        return train(task, network, encoded, parts, *more, **named)

    train = module.train
    monkeypatch.setattr(module, "train", spy)
    out = trained(data, tmp_path, Run("m", 0, 1, shuffled=True))
    assert out == tmp_path / "models" / "m" / "control"
    assert yaml.safe_load((out / "run.yaml").read_text())["labels_shuffled"] is True
    truth, parts = data.encoded.arrays["values"], data.parts
    learnt = np.concatenate([parts.train, parts.validation])
    assert (seen["values"][learnt] != truth[learnt]).mean() > 0.5
    assert sorted(seen["values"][learnt]) == sorted(truth[learnt])
    np.testing.assert_array_equal(seen["values"][parts.test], truth[parts.test])
    table = pd.read_parquet(out / "test_predictions.parquet")
    np.testing.assert_array_equal(table["truth"], truth[parts.test])


def test_the_test_part_is_predicted_once_and_last(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("structure").told(epochs=2)
    asked: list[list[int]] = []
    collate = type(data.task).collate

    def spy(self: Any, encoded: Any, rows: np.ndarray) -> Any:
        asked.append(rows.tolist())
        return collate(self, encoded, rows)

    monkeypatch.setattr(type(data.task), "collate", spy)
    trained(data, tmp_path)
    test = set(data.parts.test.tolist())
    touched = [bool(test & set(rows)) for rows in asked]
    first = touched.index(True)
    assert all(touched[first:])
    assert sorted(row for rows in asked[first:] for row in rows) == sorted(test)


def test_folds_and_seeds_have_folders_of_their_own(toy: Make, tmp_path: Path) -> None:
    data = toy("structure").told(epochs=1)
    out = trained(data, tmp_path, Run("m", 1, 3))
    assert out.name == "fold1-seed3"
    samples = pd.read_parquet(out / "test_predictions.parquet")["sample"]
    assert samples.tolist() == np.flatnonzero(data.splits["fold1"] == "test").tolist()


def test_a_run_goes_on_only_from_a_checkpoint_of_the_same_settings_and_data(
    toy: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("structure").told(epochs=1)
    prints = []

    def stop(*_: Any, fingerprint: str, **__: Any) -> Any:
        prints.append(fingerprint)
        raise InterruptedError

    monkeypatch.setattr(module, "train", stop)
    labels = data.encoded.sequences["labels"]
    codes = labels.codes.copy()
    codes[0] = codes[0] % 8 + 1
    relabelled = data.encoded.with_sequences(labels=replace(labels, codes=codes))
    for other, run in (
        (data, Run("m", 0, 1)),
        (data, Run("m", 0, 1)),
        (data, Run("m", 0, 2)),
        (data, Run("m", 1, 1)),
        (data, Run("m", 0, 1, shuffled=True)),
        (data.told(learning_rate=0.01), Run("m", 0, 1)),
        (replace(data, encoded=relabelled), Run("m", 0, 1)),
        (replace(data, splits=data.splits[::-1]), Run("m", 0, 1)),
    ):
        with pytest.raises(InterruptedError):
            trained(other, tmp_path, run)
    assert prints[0] == prints[1]
    assert len(set(prints)) == len(prints) - 1
