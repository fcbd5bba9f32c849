"""The page of accuracy on public benchmarks: what it shows comes from finished runs."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
import yaml

from bioseq_lstm.config import load_config
from bioseq_lstm.files import read_json, write_json, write_tsv

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
COST = {
    "parameters": 1000,
    "epochs": 4,
    "training_seconds": 7200.0,
    "tokens_per_second": 5000.0,
    "device": "cpu",
    "precision": "32-true",
}


@pytest.fixture(scope="module")
def accuracy() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("accuracy", BENCHMARKS / "accuracy.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(BENCHMARKS))
    return module


def finished_run(folder: Path) -> Path:
    """Two seeds of one model, their ensemble, two baselines and a control."""
    rows = [
        ("m", "model", "mse", 0.25, 0.2, 0.3),
        ("m, 2 seeds averaged", "ensemble", "mse", 0.22, 0.18, 0.26),
        ("ridge", "baseline", "mse", 0.24, 0.2, 0.28),
        ("mean", "baseline", "mse", 0.8, 0.7, 0.9),
        ("m, labels shuffled", "control", "mse", 0.81, 0.7, 0.9),
        ("m", "model", "pearson", 0.9, 0.8, 0.95),
    ]
    columns = ["name", "kind", "metric", "value", "low", "high"]
    write_tsv(folder / "figures.tsv", pd.DataFrame(rows, columns=columns))
    for seed, seconds in ((1, 7200.0), (2, 3600.0)):
        run = folder / "models" / "m" / f"fold0-seed{seed}"
        write_json(run / "model.json", {"cost": {**COST, "training_seconds": seconds}})
        (run / "run.yaml").write_text(yaml.safe_dump({"versions": {"torch": "2.13.0"}}))
    return folder


def test_figures_and_costs_of_a_run_are_gathered(accuracy: ModuleType, tmp_path: Path) -> None:
    table = accuracy.gathered(finished_run(tmp_path / "davis_random"), ["mse"], "c.yaml")
    assert set(table["kind"]) == {"model", "ensemble", "baseline"}
    assert set(table["metric"]) == {"mse"}
    model = table[table["kind"] == "model"].iloc[0]
    assert model["training_seconds"] == 5400
    assert model["parameters"] == 1000
    assert model["torch"] == "2.13.0"


def test_the_page_ranks_ours_then_baselines_then_those_of_others(
    accuracy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "ACCURACY", tmp_path)
    table = accuracy.gathered(finished_run(tmp_path / "davis_random"), ["mse"], "c.yaml")
    write_tsv(tmp_path / "davis_random.tsv", table)
    other = {"name": "DeepX", "mse": 0.2, "rows": "other set", "source": "X 2020"}
    reference = {"title": "DAVIS", "about": "About.", "metrics": ["mse"], "systems": [other]}
    unmeasured = {"title": "KIBA", "about": "About.", "metrics": ["mse"]}
    page = accuracy.page({"davis_random": reference, "kiba_random": unmeasured})
    places = [page.index(word) for word in ("2 seeds averaged", "**m**", "| ridge", "| mean")]
    assert places == sorted(places)
    assert "**0.220 (0.180–0.260)**" in page
    assert "*other rows: other set*; X 2020" in page
    assert "1.5 h a run on one cpu" in page
    assert "--configfile c.yaml" in page
    assert page.rstrip().endswith("## Not measured yet\n\nKIBA.")


def test_every_benchmark_that_is_cited_has_a_configuration_and_known_figures(
    accuracy: ModuleType,
) -> None:
    configured = {
        name
        for path in (ROOT / "config" / "benchmarks").glob("*.yaml")
        for name in load_config(path).datasets
    }
    references = accuracy.load_yaml(BENCHMARKS / "references.yaml")
    assert set(references) <= configured
    for reference in references.values():
        assert set(reference["metrics"]) <= set(accuracy.LABELS)
        for system in reference.get("systems", []):
            assert system["source"]
            assert set(system) & set(reference["metrics"])


def test_the_page_says_what_a_stacked_model_is_the_sum_of(
    accuracy: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accuracy, "ACCURACY", tmp_path)
    folder = finished_run(tmp_path / "davis_random")
    for seed, weight in ((1, 0.75), (2, 0.5)):
        card = folder / "models" / "m" / f"fold0-seed{seed}" / "model.json"
        baselines = {"ridge": {"weight": weight}, "mean": {"weight": 1 - weight}}
        stack = {"baselines": baselines, "share": weight - 0.5, "folds": 5}
        write_json(card, {**read_json(card), "stack": stack})
    write_tsv(tmp_path / "davis_random.tsv", accuracy.gathered(folder, ["mse"], "c.yaml"))
    page = accuracy.page({"davis_random": {"title": "D", "about": "A.", "metrics": ["mse"]}})
    added = "added at 0% to 25% to ridge (0.50 to 0.75) and mean (0.25 to 0.50)"
    assert f"1,000 parameters, {added} |" in page


@pytest.mark.parametrize(
    ("seconds", "told"), [(20, "1 min"), (150, "2 min"), (3570, "60 min"), (6480, "1.8 h")]
)
def test_short_trainings_are_told_in_minutes(
    accuracy: ModuleType, seconds: float, told: str
) -> None:
    assert accuracy._time(seconds) == told


def test_the_readme_has_the_figures_of_the_page() -> None:
    """Figures with their intervals, in each row of the README's table, as the page has them."""
    readme, page = (
        (folder / "README.md").read_text(encoding="utf-8") for folder in (ROOT, BENCHMARKS)
    )
    table = readme.partition("## How accurate")[2].partition("\n## ")[0]
    figures = re.findall(r"\.\d{3} \(\.\d{3}–\.\d{3}\)", table)
    assert len(figures) >= 10
    shown = page.replace("0.", ".")
    assert [figure for figure in figures if f" {figure}" not in shown.replace("*", " ")] == []
