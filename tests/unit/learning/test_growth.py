from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.files import read_json, read_tsv, sha256, write_json, write_tsv
from bioseq_lstm.learning import growth
from bioseq_lstm.learning.growth import (
    Slope,
    learning_curve,
    nested_part,
    slope_per_doubling,
    twice,
)
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.run import Run, run_training
from bioseq_lstm.learning.training import train
from bioseq_lstm.metrics.bootstrap import Bootstrap

SETTINGS = {
    "task": "structure",
    "files": {"sequences": "a"},
    "bootstrap": 100,
    "learning_curve": [0.25, 0.5],
}


def test_smaller_parts_lie_within_larger_ones_and_hold_whole_groups(
    toy: Callable[..., Any],
) -> None:
    data = toy("structure")
    splits = data.splits.assign(group=[f"g{row // 4}" for row in range(len(data.splits))])
    # Groups of training alone, so that the test part is of groups that training never saw.
    train = np.arange(24)
    parts = data.parts.__class__(train, np.arange(24, 32), np.arange(32, 60))
    quarter, half = (nested_part(data.task, splits, parts, share, 1) for share in (0.25, 0.5))
    assert set(quarter) < set(half) < set(train)
    assert (len(quarter), len(half)) == (8, 12)  # 6 of 24 is reached with the second group of four
    for rows in (quarter, half):
        groups = splits["group"][rows]
        assert (groups.value_counts() == 4).all()


def test_the_slope_is_the_least_squares_line_over_doublings_with_a_paired_interval() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=400)  # of all sizes alike, so that it cancels in the slope
    points = {"a": 0.5, "b": 0.58, "c": 0.6}
    draws = {name: (value + noise)[:, None] for name, value in points.items()}
    result = Bootstrap(
        dict.fromkeys(points, ("q3",)),
        {name: np.array([[value]]) for name, value in points.items()},
        draws,
        (50,),
    )
    sizes = {"a": 100, "b": 200, "c": 400}
    slope = slope_per_doubling(result, sizes, "q3")
    expected = np.polyfit(np.log2([100, 200, 400]), list(points.values()), 1)[0]
    assert slope.value == pytest.approx(expected)
    assert (slope.low, slope.high) == pytest.approx((expected, expected))
    curve = pd.DataFrame({"value": points.values()})
    foretold = twice(curve, Slope(0.05, 0.01, 0.09))
    assert foretold == pytest.approx((0.65, 0.61, 0.69))


def test_the_chosen_model_is_trained_on_each_share_and_on_the_whole(
    toy: Callable[..., Any], tmp_path: Path
) -> None:
    data = toy("structure").told(epochs=2)
    layout = Layout(tmp_path)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits.drop(columns="fold1"))
    write_json(layout.evaluation, {"chosen": "m"})
    _, settings = parse_settings(SETTINGS)
    run_training(data.task, settings, data.model, Run("m", 0, 1), tmp_path)
    learning_curve(data.task, settings, tmp_path)
    curve = read_tsv(layout.learning_curve)
    assert list(curve["share"]) == [0.25, 0.5, 1.0]
    assert list(curve["samples"]) == [9, 18, 36]
    card = read_json(layout.run("m", 0, 1) / "model.json")
    assert curve["validation_loss"].iloc[-1] == card["validation_loss"]
    assert curve["validation_loss"].iloc[0] > card["validation_loss"]
    slope = read_json(layout.learning_curve.with_suffix(".json"))["per_doubling"]
    fitted = np.polyfit(np.log2(curve["samples"]), curve["value"], 1)[0]
    assert slope["value"] == pytest.approx(fitted)
    stored = [path for path in layout.growth.rglob("*") if path.is_file()]
    kept = {path.relative_to(layout.growth).as_posix() for path in stored}
    files = ("trained.json", "test_predictions.parquet")
    assert kept == {f"{share}/{name}" for share in ("0.25", "0.5") for name in files}


@pytest.fixture
def curve(
    toy: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[float]]:
    """Makes the learning curve with other settings; on how many samples it trained for that."""
    data = toy("structure").told(epochs=1)
    layout = Layout(tmp_path)
    data.encoded.save(layout.encoded)
    write_tsv(layout.splits, data.splits.drop(columns="fold1"))
    write_json(layout.evaluation, {"chosen": "m"})
    trained: list[float] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        trained.append(len(arguments[3].train))
        return train(*arguments, **named)

    def make(model: Any = None, **more: Any) -> list[float]:
        _, settings = parse_settings({**SETTINGS, **more})
        if model is not None or not layout.run("m", 0, 1).exists():
            run_training(data.task, settings, model or data.model, Run("m", 0, 1), tmp_path)
        with monkeypatch.context() as patched:
            patched.setattr(growth, "train", counted)
            trained.clear()
            learning_curve(data.task, settings, tmp_path)
        return list(trained)

    return make


def test_what_was_trained_before_is_used_again(
    curve: Callable[..., list[float]], tmp_path: Path
) -> None:
    layout = Layout(tmp_path)
    assert curve() == [9, 18]
    before = read_tsv(layout.learning_curve)
    assert curve(bootstrap=150, learning_curve=[0.25, 0.5, 0.75]) == [27]
    after = read_tsv(layout.learning_curve)
    shared = after[after["share"] != 0.75].reset_index(drop=True)
    columns = ["share", "samples", "value", "validation_loss"]
    pd.testing.assert_frame_equal(shared[columns], before[columns])
    assert curve(learning_curve=[0.75]) == []
    assert [path.name for path in layout.growth.iterdir()] == ["0.75"]  # the others were let go


def test_what_was_trained_otherwise_is_trained_anew(
    curve: Callable[..., list[float]],
    toy: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layout = Layout(tmp_path)
    curve()
    other = toy("structure").told(epochs=1, weight_decay=0.5).model
    assert curve(other) == [9, 18]
    monkeypatch.setattr(growth, "nested_part", lambda *_: np.arange(12))
    assert curve() == [12, 12]
    monkeypatch.undo()
    assert curve() == [9, 18]
    (layout.growth_at(0.25) / "test_predictions.parquet").unlink()
    (layout.growth_at(0.5) / "test_predictions.parquet").write_bytes(b"not a table")
    assert curve() == [9, 18]
    (layout.growth_at(0.5) / "trained.json").unlink()  # a kill before it was written
    assert curve() == [18]


def test_the_curve_names_what_it_read(curve: Callable[..., list[float]], tmp_path: Path) -> None:
    curve()
    layout = Layout(tmp_path)
    read = read_json(layout.learning_curve.with_suffix(".json"))["inputs"]
    for share in ("0.25", "0.5"):
        name = f"learning_curve/{share}/test_predictions.parquet"
        assert read[name] == sha256(tmp_path / name)
    assert "models/m/fold0-seed1/test_predictions.parquet" in read
