"""Residuals, profiles and the heat map of test genes, on values reckoned by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bioseq_lstm.reporting.panels import Chart, Grid, Section, Table
from bioseq_lstm.tasks.expression import genes
from bioseq_lstm.tasks.expression.genes import gene_names, genes_section


def results(**more: Any) -> Any:
    given = {
        "records": pd.DataFrame({"id": ["g0", "g1", "g2"], "name": ["lacZ", "g1", None]}),
        "leakage": pd.DataFrame({"id": ["g0", "g1"], "nearest": ["t9", np.nan]}),
        "similarity": np.array([0.5, np.nan, np.nan]),
        "splits": pd.DataFrame({"id": ["g0", "g1", "g2"]}),
        "chosen": "m",
        "settings": SimpleNamespace(unit="log2 TPM"),
        "predicted_in": "models/m/fold*-seed1/test_predictions.parquet",
    }
    return SimpleNamespace(**{**given, **more})


def table() -> pd.DataFrame:
    """Three genes by two conditions; of g2 one value was not measured."""
    return pd.DataFrame(
        {
            "sample": np.repeat([0, 1, 2], 2),
            "id": np.repeat(["g0", "g1", "g2"], 2),
            "condition": ["a", "b"] * 3,
            "truth": [1.0, 3.0, 5.0, 5.0, np.nan, 4.0],
            "predicted": [1.0, 1.0, 8.0, 1.0, 2.0, 4.0],
            "half_width": [1.0, 2.0] * 3,
        }
    )


@pytest.fixture
def section() -> Section:
    return genes_section(results(), table())


def of(section: Section, kind: type) -> Any:
    return next(item for item in section.items if isinstance(item, kind))


def test_residuals_are_measured_minus_predicted_and_the_largest_come_first(
    section: Section,
) -> None:
    rows = of(section, Table).frame.set_index("gene")
    assert list(rows.index) == ["g1", "g0 lacZ", "g2"]
    assert rows.loc["g1", "RMS residual"] == pytest.approx(np.sqrt((9 + 16) / 2))
    assert rows.loc["g1", "mean residual"] == pytest.approx(0.5)
    assert rows.loc["g1", ["largest residual", "in condition"]].tolist() == [4.0, "b"]
    assert rows.loc["g2", "conditions"] == 1
    assert rows.loc["g0 lacZ", ["nearest training gene", "identity × coverage"]].tolist() == [
        "t9",
        0.5,
    ]


def test_the_heat_map_has_each_gene_minus_its_own_mean_and_blanks_where_nothing_was_measured(
    section: Section,
) -> None:
    grid = of(section, Grid)
    assert grid.columns == ["a", "b"]
    rows = {name: place for place, name in enumerate(grid.rows)}
    assert grid.layers["measured"][rows["g0 lacZ"]].tolist() == [-1.0, 1.0]
    assert grid.layers["predicted"][rows["g1"]].tolist() == [3.5, -3.5]
    for layer in grid.layers.values():
        assert np.isnan(layer[rows["g2"], 0])
    assert "n = 3 test genes and 2 conditions" in grid.caption


def test_too_many_genes_are_cut_to_those_that_vary_or_fail_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(genes, "MOST_CELLS", 4)
    section = genes_section(results(), table())
    grid, chart = of(section, Grid), of(section, Chart)
    assert set(grid.rows) == {"g0 lacZ", "g1"}
    assert "of 3 those that vary most" in grid.caption
    assert list(chart.choice.notes) == ["g1", "g0 lacZ"]
    assert "Of 3 those with the largest residuals; all are in models/m/" in chart.caption
    assert {row["name"] for row in _rows(chart)} == {"g1", "g0 lacZ"}


def _rows(chart: Chart) -> list[dict[str, Any]]:
    (rows,) = chart.spec.to_dict()["datasets"].values()
    return rows


def test_a_profile_has_every_condition_of_each_gene_with_its_interval(section: Section) -> None:
    chart = of(section, Chart)
    rows = [row for row in _rows(chart) if row["name"] == "g1"]
    assert [(row["condition"], row["truth"], row["half_width"]) for row in rows] == [
        ("a", 5.0, 1.0),
        ("b", 5.0, 2.0),
    ]
    assert chart.choice.notes["g1"] == "RMS residual 3.54; largest residual 4.00 in b"


def test_names_stand_beside_ids_where_they_say_more() -> None:
    named = gene_names(pd.Series(["g0", "g1", "g2", "g3"]), results().records)
    assert named.tolist() == ["g0 lacZ", "g1", "g2", "g3"]
    assert gene_names(pd.Series(["g0"]), pd.DataFrame({"id": ["g0"]})).tolist() == ["g0"]
