"""What the benchmark of installed models makes of the seconds that it measured."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"


@pytest.fixture
def packed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The benchmark's modules import each other as those of a script do."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield import_module("packed")
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_what_one_chain_takes_is_the_start(
    packed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([8.0, 18.0, 9.0, 16.0, 10.0, 20.0])  # one, all, one, all, ...

    def held(verb: str, records: int, letters: int, arguments: Sequence[str]) -> Any:
        assert verb == arguments[0] == "predict"
        assert letters == (100 if records == 1 else 1900)
        return packed.Held(verb, records, letters, 0.0, next(seconds), 700.0)

    monkeypatch.setattr(packed, "held", held)
    table = packed.measured("m", ["A" * 100, "C" * 900, "D" * 900], tmp_path, rounds=3)
    row = table.iloc[0]
    # Medians 9 and 18: 1,800 residues beyond the first chain in 9 seconds.
    assert (row["start_cpu_seconds"], row["cpu_seconds"]) == (9.0, 18.0)
    assert row["residues_per_cpu_second"] == 200
    assert (row["chains"], row["residues"], row["peak_mb"]) == (3, 1900, 700)


def test_the_page_on_predicting_has_the_figures_of_the_table() -> None:
    page = (ROOT / "docs" / "predicting.md").read_text(encoding="utf-8")
    section = page.partition("## How fast")[2].partition("\n## ")[0]
    name = re.search(r"benchmarks/results/(packed-[\w-]+\.tsv)", section)
    assert name is not None
    row = pd.read_csv(BENCHMARKS / "results" / name[1], sep="\t").iloc[0]
    for figure in ("residues_per_cpu_second", "chains", "residues"):
        assert f"{row[figure]:,} " in section
    assert f"after {row['start_cpu_seconds']:.0f} s" in section
    assert f"in {row['cpu_seconds']:.0f} s" in section
    assert f"in {row['peak_mb'] / 1000:.1f} GB" in section
    assert f"`{row['model']}`" in section
    assert row["date"] in section
    assert row["threads"] == 1
