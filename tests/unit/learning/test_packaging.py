"""A packed model predicts what its runs predict, and its card tells where it comes from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm import pretrained
from bioseq_lstm.config import parse_settings
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, sha256, write_json, write_tsv
from bioseq_lstm.learning.card import Words, parse_words, read_card
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.packages import listed, load_package
from bioseq_lstm.learning.packaging import TOLERANCE, package
from bioseq_lstm.learning.run import Run, load_network, run_training
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.metrics.structure import three_states
from bioseq_lstm.model_settings import TrainingSettings
from bioseq_lstm.tasks import TASKS

FILES = {
    "structure": {"sequences": "/secret/chains.3line"},
    "expression": {"sequences": "/secret/a", "expression": "b"},
    "affinity": {"drugs": "/secret/a", "targets": "b", "affinities": "c"},
}
WORDS = Words(summary="A toy.", licence="MIT", intended_use="Tests", limits=("It knows nothing.",))


def prepared(data: Any, folder: Path, seeds: int = 1) -> list[Path]:
    """Trained runs of a toy, in a dataset's folder as the workflow makes it."""
    layout = Layout(folder)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits)
    entities = list(data.task.columns)
    ids = pd.concat(
        [
            pd.DataFrame({"entity": e, "id": data.splits[c].unique()})
            for e, c in data.task.columns.items()
        ]
    )
    found = ids.assign(nearest="", identity=0.3, coverage=1.0, evalue=0.0)
    write_tsv(
        layout.leakage,
        pd.concat([found.assign(fold=fold) for fold in (0, 1)], ignore_index=True),
    )
    write_json(
        layout.profile,
        {
            "files": {"sequences": {"path": "/secret/chains.3line", "sha256": "0" * 64}},
            "entities": [{"entity": entity, "records": 60} for entity in entities],
            "refused": 2,
            "notes": [{"note": "left out", "count": 3}],
        },
    )
    write_json(layout.split_report, {"description": ["By homology."], "warnings": []})
    _, settings = parse_settings(
        {"task": data.task.name, "files": FILES[data.task.name], "bootstrap": 100}
    )
    for seed in range(1, seeds + 1):
        run_training(data.task, settings, data.model, Run("m", 0, seed), folder)
    return [layout.run("m", 0, seed) for seed in range(1, seeds + 1)]


@pytest.fixture(scope="module")
def structure(toy: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    data = toy("structure").told(epochs=1)
    return data, prepared(data, tmp_path_factory.mktemp("structure"), seeds=2)


def decoded(data: Any, run: Path) -> list[np.ndarray]:
    network, _ = load_network(data.task, run)
    rows = np.arange(data.task.count(data.encoded))
    return run_network(data.task, network, data.encoded, rows, TrainingSettings())


@pytest.mark.parametrize("task", TASKS)
def test_a_packed_run_predicts_what_the_run_predicts(
    toy: Callable[..., Any], tmp_path: Path, task: str
) -> None:
    data = toy(task).told(epochs=1)
    (run,) = prepared(data, tmp_path / "results")
    card = package([run], tmp_path / "packed", "toy", "float32", WORDS)
    assert card.storage.largest_change == 0
    packed = load_package(str(tmp_path / "packed"))
    for mine, its in zip(packed.decode(data.encoded), decoded(data, run), strict=True):
        np.testing.assert_array_equal(mine, its)
    own = read_json(run / "model.json")
    assert packed.predictor().trust.calibration == [own["calibration"]]
    # The figures of the card are those of the predictions that the run itself left.
    table = pd.read_parquet(run / "test_predictions.parquet")
    scorer = data.task.scorer(table, data.splits)
    figures = scorer.figures(np.ones(len(scorer.units[0])))
    assert card.test is not None
    assert card.test.figures[0].metric == data.task.metrics[0].key
    for figure in card.test.figures:
        value = np.nan if figure.value is None else figure.value
        assert value == pytest.approx(figures[figure.metric], abs=1e-6, nan_ok=True)


@pytest.mark.parametrize("store", TOLERANCE)
def test_an_ensemble_is_the_mean_of_its_runs_within_the_stated_tolerance(
    structure: Any, tmp_path: Path, store: str
) -> None:
    data, runs = structure
    card = package(runs, tmp_path / "packed", "toy", store, WORDS)
    packed = load_package(str(tmp_path / "packed"))
    found = np.concatenate(packed.decode(data.encoded))
    means = [np.mean(same, axis=0) for same in zip(*(decoded(data, r) for r in runs), strict=True)]
    mean = np.concatenate(means)
    largest = np.abs(found - mean).max() / np.ptp(mean)
    assert largest <= max(TOLERANCE[store], 1e-6)
    assert (largest > 1e-5) == (store != "float32")
    whole = sum((run / "model.safetensors").stat().st_size for run in runs)
    if store != "float32":
        assert card.storage.bytes < 0.9 * whole


def test_the_calibration_of_an_ensemble_is_its_own(structure: Any, tmp_path: Path) -> None:
    data, runs = structure
    card = package(runs, tmp_path / "packed", "toy", "float32", WORDS)
    means = [np.mean(same, axis=0) for same in zip(*(decoded(data, r) for r in runs), strict=True)]
    rows = data.parts.validation
    expected = data.task.calibrate(data.encoded, rows, [means[row] for row in rows])
    assert card.calibration[0]["temperature"] == pytest.approx(expected["temperature"], rel=1e-4)


def test_q3_of_the_card_is_counted_by_hand(structure: Any, tmp_path: Path) -> None:
    _, runs = structure
    card = package(runs[:1], tmp_path / "packed", "toy", "float32", WORDS)
    table = pd.read_parquet(runs[0] / "test_predictions.parquet")
    right = known = 0
    for truth, predicted in zip(table["truth"], table["predicted_3"], strict=True):
        for t, p in zip(truth, predicted, strict=True):
            known += t != "."
            right += t != "." and three_states(t) == p
    assert card.test is not None
    assert card.test.figures[0].metric == "q3"
    assert card.test.figures[0].value == pytest.approx(right / known)
    assert card.test.samples == len(table)


def test_the_card_names_its_origin_and_no_place(structure: Any, tmp_path: Path) -> None:
    _, runs = structure
    package(runs, tmp_path / "packed", "toy", "float16", WORDS)
    assert {path.name for path in (tmp_path / "packed").iterdir()} == {
        *("model.safetensors", "model.json", "MODEL_CARD.md")
    }
    text = (tmp_path / "packed" / "model.json").read_text()
    words = (tmp_path / "packed" / "MODEL_CARD.md").read_text()
    card = read_card(tmp_path / "packed" / "model.json")
    assert card.weights_sha256 == sha256(tmp_path / "packed" / "model.safetensors")
    assert [member.run for member in card.members] == ["m, fold 0, seed 1", "m, fold 0, seed 2"]
    assert card.trained_on["refused"] == 2
    assert card.letters["chain"] == list("ACDEFGHIKLMNPQRSTVWY")
    for said in (text, words):
        assert "/secret" not in said
        assert str(tmp_path) not in said
        assert "chains.3line" in said
    for said in ("# toy", "A toy.", "Licence: MIT", "It knows nothing.", "Q3", "By homology."):
        assert said in words


def test_runs_of_two_folds_are_packed_without_figures(
    toy: Callable[..., Any], structure: Any, tmp_path: Path
) -> None:
    data, runs = structure
    _, settings = parse_settings({"task": "structure", "files": {"sequences": "a"}})
    folder = runs[0].parents[2]
    run_training(data.task, settings, data.model, Run("m", 1, 1), folder)
    both = [runs[0], Layout(folder).run("m", 1, 1)]
    card = package(both, tmp_path / "packed", "toy", "float32", WORDS)
    assert card.test is None
    assert len(card.calibration) == 2
    assert "Not measured" in (tmp_path / "packed" / "MODEL_CARD.md").read_text()


def test_what_is_no_run_is_not_packed(structure: Any, tmp_path: Path) -> None:
    _, runs = structure
    with pytest.raises(UserError, match=r"has no model\.json: name the folder of one run"):
        package([tmp_path], tmp_path / "packed", "toy", "float32", WORDS)
    (tmp_path / "mine").mkdir()
    with pytest.raises(UserError, match="holds no model: name another place"):
        package(runs, tmp_path / "mine", "toy", "float32", WORDS)
    with pytest.raises(UserError, match="'a b' has other than letters"):
        package(runs, tmp_path / "packed", "a b", "float32", WORDS)
    with pytest.raises(UserError, match="known: summary, data, licence, intended_use, limits"):
        parse_words({"license": "MIT"})


def test_changed_weights_or_cards_are_refused(structure: Any, tmp_path: Path) -> None:
    _, runs = structure
    package(runs[:1], tmp_path / "packed", "toy", "float16", WORDS)
    card = tmp_path / "packed" / "model.json"
    good = card.read_text()
    for text, said in (
        ("{", "is no card of a packed model"),
        ("[" * 100_000, "is no card of a packed model"),
        ("{}", "name: Field required"),
        (good.replace('"float16"', '"pickle"'), r"storage\.store: Input should be"),
        (good.replace('"format": 1', '"format": 2'), "format: Input should be 1"),
    ):
        card.write_text(text)
        with pytest.raises(UserError, match=said):
            load_package(str(tmp_path / "packed"))
    card.write_text(good)
    weights = tmp_path / "packed" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"is not the file that model\.json describes"):
        load_package(str(tmp_path / "packed"))


def test_installed_models_are_listed_and_found_by_name(
    structure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, runs = structure
    monkeypatch.setattr(pretrained, "ROOT", tmp_path)
    assert "no model is installed" in listed()
    package(runs[:1], tmp_path / "toy-1", "toy-1", "float16", WORDS)
    assert listed().startswith("toy-1  structure  0.0 MB  Q3 0.")
    assert load_package("toy-1").card.name == "toy-1"
    with pytest.raises(UserError, match=r"no model 'toy-2' \(did you mean 'toy-1'\?\)"):
        load_package("toy-2")
    shutil.rmtree(tmp_path / "toy-1")
