from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.data.encoded import Encoded
from bioseq_lstm.errors import UserError
from bioseq_lstm.files import read_json, write_json, write_tsv
from bioseq_lstm.learning.export import export_run
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import Run, load_network, run_training
from bioseq_lstm.learning.stacking import (
    cold_columns,
    inner_folds,
    refitted,
    stack,
    weights_of,
    with_baselines,
)
from bioseq_lstm.learning.training import run_network
from bioseq_lstm.settings import DATASETS
from bioseq_lstm.tasks import TASKS
from bioseq_lstm.tasks.base import Parts, StackBase

Make = Callable[..., Any]
STACKED = [
    ("affinity", ["drug mean + target mean"]),
    ("affinity", ["Kronecker ridge", "profile ridge", "weighted neighbours"]),
    ("expression", ["k-mer ridge"]),
    ("expression", ["k-mer boosting", "k-mer ridge"]),
]
MEANS = ("drug mean + target mean",)
FILES = {
    "expression": {"sequences": "a", "expression": "b"},
    "affinity": {"drugs": "a", "targets": "b", "affinities": "c"},
}


def pair_splits(parts: list[str], drugs: list[str], targets: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "drug": drugs,
            "target": targets,
            "drug_group": [d[0] for d in drugs],
            "target_group": [t[0] for t in targets],
            "fold0": parts,
        }
    )


def folds(splits: pd.DataFrame, cold: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    train = Parts.of(splits, 0).train
    return list(inner_folds(splits, train, cold, np.random.default_rng(0)))


@pytest.fixture
def grid() -> pd.DataFrame:
    """12 drugs in 6 groups with 8 targets in 8 groups, all of them to train."""
    pairs = [(f"{'abcdef'[d // 2]}{d}", f"{'qrstuvwx'[t]}{t}") for d in range(12) for t in range(8)]
    return pair_splits(["train"] * 96, [d for d, _ in pairs], [t for _, t in pairs])


@pytest.mark.parametrize("cold", [[], ["drug_group"], ["target"], ["drug_group", "target_group"]])
def test_every_training_row_is_held_out_once_with_all_that_shares_its_value(grid, cold) -> None:
    found = folds(grid, cold)
    held = np.concatenate([one for _, one in found])
    assert sorted(held) == list(range(96))
    assert len(found) == (9 if len(cold) == 2 else 5)
    for known, some in found:
        assert not set(known) & set(some)
        for column in cold:
            assert not set(grid[column].iloc[known]) & set(grid[column].iloc[some])


def test_one_value_cannot_be_held_out(grid) -> None:
    with pytest.raises(UserError, match=r"at least two values of 'drug_group'"):
        folds(grid.assign(drug_group="a"), ["drug_group"])


@pytest.mark.parametrize(
    ("test_pairs", "expected"),
    [
        ([("a1", "q1"), ("b1", "q1")], []),
        ([("c1", "q1"), ("c2", "q1")], ["drug_group"]),
        ([("a2", "q1"), ("b2", "q1")], ["drug"]),
        ([("a1", "z1"), ("b1", "z1")], ["target_group"]),
        ([("c1", "z1"), ("a2", "q2")], ["drug", "target"]),
    ],
)
def test_what_is_new_in_the_test_part_is_held_out(test_pairs, expected) -> None:
    pairs = [("a1", "q1"), ("b1", "r1"), ("a1", "r1"), *test_pairs]
    parts = ["train"] * 3 + ["test"] * len(test_pairs)
    splits = pair_splits(parts, [d for d, _ in pairs], [t for _, t in pairs])
    assert cold_columns(TASKS["affinity"], splits, Parts.of(splits, 0)) == expected


class Memory(StackBase):
    """Knows the labels that it was fitted on by heart, and says 100 of all others."""

    def __init__(self, encoded: Encoded) -> None:
        self.encoded, self.choices = encoded, {}

    def fit(self, rows: np.ndarray, validation: np.ndarray) -> Self:
        self.rows = rows
        return self

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> Memory:
        return Memory(self.encoded).fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        values = np.full(len(asked.arrays["values"]), 100.0)
        values[self.rows] = asked.arrays["values"][self.rows]
        return values[rows]


def put_under(data: Any, monkeypatch: pytest.MonkeyPatch, *kinds: Callable[[Encoded], Any]) -> None:
    """Stack on baselines of these kinds, whatever is named."""
    monkeypatch.setattr(
        type(data.task), "stack_bases", lambda self, encoded, _: [kind(encoded) for kind in kinds]
    )


def test_no_label_is_in_its_own_prediction(toy: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    data = toy("affinity")
    put_under(data, monkeypatch, Memory)
    under = stack(data.task, ["memory"], data.encoded, data.splits, data.parts, seed=1)
    mean = data.encoded.arrays["values"][data.parts.train].mean()
    everything = np.concatenate([data.parts.train, data.parts.validation, data.parts.test])
    np.testing.assert_allclose(under.offset[everything], 100 - mean, rtol=1e-5)


class Counting(Memory):
    """Predicts how many rows it was fitted on."""

    settled = True

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> Counting:
        return Counting(self.encoded).fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        return np.full(len(rows), float(len(self.rows)))


class Foreknown(Memory):
    """Says the truth of every row."""

    def refit(self, rows: np.ndarray, validation: np.ndarray) -> Foreknown:
        return Foreknown(self.encoded).fit(rows, validation)

    def predict(self, asked: Encoded, rows: np.ndarray) -> np.ndarray:
        return np.asarray(asked.arrays["values"][rows], dtype=float)


def test_a_settled_baseline_takes_the_validation_rows_for_test_rows_alone(
    toy: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = toy("affinity")
    put_under(data, monkeypatch, Counting)
    under = stack(data.task, ["counting"], data.encoded, data.splits, data.parts, seed=1)
    train, validation = len(data.parts.train), len(data.parts.validation)
    seen = under.offset + data.encoded.arrays["values"][data.parts.train].mean()
    np.testing.assert_allclose(seen[data.parts.validation], train, rtol=1e-5)
    np.testing.assert_allclose(seen[data.parts.test], train + validation, rtol=1e-5)


def trained(
    toy: Make, folder: Path, task: str = "affinity", names: Sequence[str] = MEANS, seed: int = 1
) -> tuple[Any, Path]:
    data = toy(task).told(epochs=1)
    model = data.model.model_copy(update={"stack_on": tuple(names)})
    layout = Layout(folder)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits)
    _, settings = parse_settings({"task": task, "files": FILES[task]})
    run_training(data.task, settings, model, Run("m", 0, seed), folder)
    return data, layout.run("m", 0, seed)


@pytest.mark.parametrize(("task", "names"), STACKED)
def test_predictions_are_the_weighted_baselines_and_what_the_network_adds(
    toy: Make, tmp_path: Path, task: str, names: list[str]
) -> None:
    data, out = trained(toy, tmp_path, task, names)
    network, card = load_network(data.task, out)
    rows = data.parts.test
    alone = run_network(data.task, network, data.encoded, rows, data.model.training)
    values = data.encoded.arrays["values"][data.parts.train].astype(float)
    centre = np.nanmean(values, axis=0)
    expected = np.stack(alone).astype(float)
    both = np.concatenate([data.parts.train, data.parts.validation])
    for base in data.task.stack_bases(data.encoded, {name: {} for name in names}):
        base.fit(data.parts.train, data.parts.validation)
        own = base.refit(both, data.parts.validation) if base.settled else base
        weight = card["stack"]["baselines"][own.name]["weight"]
        expected += weight * (own.predict(data.encoded, rows) - centre)
    written = pd.read_parquet(out / "test_predictions.parquet")
    np.testing.assert_allclose(written["predicted"], expected.ravel(), rtol=1e-4, atol=1e-5)
    assert list(card["stack"]["baselines"]) == names


def test_weights_are_those_of_the_mean_that_fits_best() -> None:
    generator = np.random.default_rng(0)
    offsets = generator.normal(size=(3, 50, 4))
    values = 0.8 * offsets[0] + 0.2 * offsets[2]
    values[3, 1] = np.nan
    np.testing.assert_allclose(weights_of(offsets, values), [0.8, 0, 0.2], atol=1e-6)
    np.testing.assert_allclose(weights_of(offsets[:1], values), [1])
    np.testing.assert_allclose(weights_of(offsets * 0, values * 0).sum(), 1)
    # Against the one free number of two weights whose sum is 1, and against a bound.
    noisy = values + generator.normal(size=values.shape)
    known = np.isfinite(noisy)
    one, two, asked = offsets[0][known], offsets[1][known], noisy[known]
    share = np.dot(asked - two, one - two) / np.dot(one - two, one - two)
    np.testing.assert_allclose(weights_of(offsets[:2], noisy), [share, 1 - share], atol=1e-6)
    np.testing.assert_allclose(weights_of(np.stack([one, -one]), one), [1, 0], atol=1e-6)


def test_weights_are_of_labels_that_no_baseline_was_fitted_on(
    toy: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What knows its training labels by heart, and nothing else, weighs nothing beside a guess."""
    data = toy("affinity")
    put_under(data, monkeypatch, Memory, Foreknown)
    under = stack(data.task, ["memory", "foreknown"], data.encoded, data.splits, data.parts, seed=1)
    weights = [about["weight"] for about in under.record["baselines"].values()]
    np.testing.assert_allclose(weights, [0, 1], atol=1e-3)


def test_a_network_of_zeros_has_the_loss_of_its_baseline(toy: Make, tmp_path: Path) -> None:
    """The validation loss is that of the sum, so that models can be compared by it."""
    data = toy("affinity")
    under = stack(data.task, MEANS, data.encoded, data.splits, data.parts, seed=1)
    network = data.task.network(data.model, data.encoded, data.parts.train)
    rows = data.parts.validation
    batch = data.task.collate(under.left(data.encoded), rows)
    loss = data.task.loss(network, batch.target * 0, batch)
    truth = data.encoded.arrays["values"]
    predicted = under.offset[rows] + truth[data.parts.train].mean()
    variance = truth[data.parts.train].var()
    assert float(loss) == pytest.approx(
        np.square(predicted - truth[rows]).mean() / variance, rel=1e-4
    )


@pytest.mark.parametrize(("task", "names"), STACKED)
def test_new_records_are_predicted_as_the_same_records_were_in_the_test_part(
    toy: Make, tmp_path: Path, task: str, names: list[str]
) -> None:
    data, out = trained(toy, tmp_path, task, names)
    card = read_json(out / "model.json")
    under = refitted(data.task, Layout(tmp_path), [card])
    rows = data.parts.test
    again = Encoded(
        data.encoded.sequences,
        {name: array for name, array in data.encoded.arrays.items() if name != "values"},
        data.encoded.about,
    )
    network, _ = load_network(data.task, out)
    alone = run_network(data.task, network, again, rows, data.model.training)
    offsets = {fold: fitted.offsets(again, rows) for fold, fitted in under.items()}
    found = np.stack(with_baselines(card, offsets, alone))
    written = pd.read_parquet(out / "test_predictions.parquet")
    np.testing.assert_allclose(found.ravel(), written["predicted"], atol=1e-3)


def test_networks_of_one_fold_share_the_fits_and_each_weighs_them_its_own_way(
    toy: Make, tmp_path: Path
) -> None:
    names = ["k-mer boosting", "k-mer ridge"]
    data, first = trained(toy, tmp_path, "expression", names)
    _, second = trained(toy, tmp_path, "expression", names, seed=2)
    cards = [read_json(run / "model.json") for run in (first, second)]
    (under,) = refitted(data.task, Layout(tmp_path), cards).values()
    rows = data.parts.test
    for run, card in zip((first, second), cards, strict=True):
        network, _ = load_network(data.task, run)
        alone = run_network(data.task, network, data.encoded, rows, data.model.training)
        found = with_baselines(card, {0: under.offsets(data.encoded, rows)}, alone)
        written = pd.read_parquet(run / "test_predictions.parquet")["predicted"]
        np.testing.assert_allclose(np.stack(found).ravel(), written, atol=1e-3)
    weights = [[own["weight"] for own in card["stack"]["baselines"].values()] for card in cards]
    assert weights[0] != weights[1]
    np.testing.assert_allclose(np.sum(weights, axis=1), 1)


def test_a_run_that_an_earlier_version_stacked_is_told(toy: Make, tmp_path: Path) -> None:
    data, out = trained(toy, tmp_path)
    card = read_json(out / "model.json")
    del card["stack"]["baselines"]
    write_json(out / "model.json", {**card, "stack": {**card["stack"], "baseline": MEANS[0]}})
    with pytest.raises(UserError, match="stacked by an earlier version: train again"):
        load_network(data.task, out)


def test_other_data_than_those_of_the_training_are_refused(toy: Make, tmp_path: Path) -> None:
    data, out = trained(toy, tmp_path)
    write_tsv(Layout(tmp_path).splits, data.splits[::-1])
    with pytest.raises(UserError, match="trained with: train again"):
        refitted(data.task, Layout(tmp_path), [read_json(out / "model.json")])


def test_a_stacked_model_is_not_exported(toy: Make, tmp_path: Path) -> None:
    _, out = trained(toy, tmp_path)
    with pytest.raises(UserError, match="is stacked on drug mean \\+ target mean, which ONNX"):
        export_run(out)


@pytest.mark.parametrize("task", [name for name, own in DATASETS.items() if own.stackable])
def test_every_baseline_that_settings_allow_can_be_fitted(toy: Make, task: str) -> None:
    data = toy(task, stride=3) if task == "expression" else toy(task)
    for name in DATASETS[task].stackable:
        (base,) = data.task.stack_bases(data.encoded, {name: {}})
        base.fit(data.parts.train, data.parts.validation)
        predicted = base.predict(data.encoded, data.parts.test)
        assert predicted.shape == data.encoded.arrays["values"][data.parts.test].shape
        assert np.isfinite(predicted).all()


@pytest.mark.parametrize(
    ("task", "more", "reason"),
    [
        ("structure", {}, "stack_on: is for tasks that predict values: expression and affinity"),
        ("affinity", {}, "no baseline to stack on; known: Kronecker ridge, profile"),
        ("expression", {"stack_on": "codon ridge"}, "'codon ridge' needs `coding_start`"),
        ("expression", {"stack_on": ["k-mer ridge", "codon ridge"]}, "needs `coding_start`"),
        ("expression", {"stack_on": ["k-mer ridge", "kmer ridge"]}, "'kmer ridge' is no baseline"),
        ("expression", {"stack_on": ["k-mer ridge"] * 2}, "stack_on: 'k-mer ridge' stands twice"),
        ("expression", {"stack_on": ["k-mer ridge", 3]}, r"stack_on\.1: .*string"),
    ],
)
def test_a_baseline_that_the_task_lacks_is_refused(
    task: str, more: dict[str, Any], reason: str
) -> None:
    files = FILES.get(task, {"sequences": "a"})
    models = {"m": {"stack_on": "window classifier", **more}}
    with pytest.raises(UserError, match=reason):
        parse_settings({"task": task, "files": files, "models": models})
