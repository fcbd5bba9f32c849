from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from bioseq_lstm.config import parse_settings
from bioseq_lstm.files import write_json, write_tsv
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.next_steps import next_section
from bioseq_lstm.reporting.panels import Chart, Section, Table, Text
from bioseq_lstm.tasks import TASKS

METRIC = TASKS["structure"].metrics[0]


def section(folder: Path, slope: tuple[float, float, float] | None, wells: int = 2) -> Section:
    layout = Layout(folder)
    layout.predictions.mkdir()
    plate = {"well": ["A1", "A2"], "id": ["x", "=y"], "surprise_fraction": [0.5, 0.4]}
    write_tsv(layout.predictions / "plate.tsv", pd.DataFrame(plate).head(wells))
    asked = {"task": "structure", "files": {"sequences": "a"}}
    if slope is not None:
        asked["learning_curve"] = [0.5]
        curve = pd.DataFrame(
            {"share": [0.5, 1.0], "samples": [10, 20], "metric": "q3", "value": [0.6, 0.65],
             "low": 0.5, "high": 0.7, "validation_loss": 1.0}
        )  # fmt: skip
        write_tsv(layout.learning_curve, curve)
        found = {
            key: None if math.isnan(value) else value
            for key, value in zip(("value", "low", "high"), slope, strict=True)
        }
        write_json(
            layout.learning_curve.with_suffix(".json"),
            {"model": "bilstm", "metric": "q3", "per_doubling": found},
        )
    return next_section(METRIC, parse_settings(asked)[1], layout)


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        ((0.05, 0.02, 0.08), "twice as many samples give 0.700 (0.670 to 0.730)"),
        ((0.01, -0.02, 0.04), "cannot be said"),
        ((-0.05, -0.08, -0.02), "More data made it worse"),
    ],
)
def test_the_advice_follows_the_interval_of_the_slope(
    tmp_path: Path, slope: tuple[float, float, float], said: str
) -> None:
    text, chart, _ = section(tmp_path, slope).items
    assert isinstance(text, Text)
    assert isinstance(chart, Chart)
    assert said in text.paragraphs[1]
    assert f"{slope[0]:+.3f}" in text.paragraphs[0]
    drawn = chart.spec.to_dict()["datasets"]
    (rows,) = [own for own in drawn.values() if len(own) == 3]
    assert [row["kind"] for row in rows] == ["model", "model", "foretold"]
    assert rows[2]["value"] == pytest.approx(0.65 + slope[0])


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        ((0.05, math.nan, math.nan), "too few independent units for an interval"),
        ((math.nan, math.nan, math.nan), "Cannot be told"),
    ],
)
def test_a_slope_without_an_interval_advises_nothing(
    tmp_path: Path, slope: tuple[float, float, float], said: str
) -> None:
    text, chart, _ = section(tmp_path, slope).items
    assert isinstance(text, Text)
    assert isinstance(chart, Chart)
    assert len(text.paragraphs) == 1
    assert said in text.paragraphs[0]
    assert "nan" not in text.paragraphs[0] + chart.alt


def test_without_a_curve_the_report_says_how_to_ask_for_one(tmp_path: Path) -> None:
    text, plate = section(tmp_path, None).items
    assert isinstance(text, Text)
    assert "learning_curve: [0.25, 0.5]" in text.paragraphs[0]
    assert isinstance(plate, Table)
    assert list(plate.frame["id"]) == ["x", "=y"]


def test_without_new_records_there_is_nothing_to_measure(tmp_path: Path) -> None:
    _, plate = section(tmp_path, None, wells=0).items
    assert isinstance(plate, Text)
