"""What a run will take, by arithmetic from the histogram of lengths and a pace that was seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_data import write_affinity, write_structure

from bioseq_lstm.cli import main
from bioseq_lstm.config import parse_config
from bioseq_lstm.files import write_json
from bioseq_lstm.learning import planning
from bioseq_lstm.learning.planning import START, Side, plan
from bioseq_lstm.settings import Config

HISTOGRAM = [{"from": 10, "to": 20, "count": 60}, {"from": 20, "to": 40, "count": 40}]
MODEL = {"embedding": {"size": 4}, "encoder": {"name": "lstm", "hidden_size": 4}, "stem": None}


def profiled(results: Path, *entities: tuple[str, int, int]) -> None:
    """``profile.json`` of a dataset that was read: kind, records, letters."""
    about = [
        {
            "entity": name,
            "records": records,
            "letters_total": letters,
            "length": {"max": 40.0, "histogram": HISTOGRAM},
        }
        for name, records, letters in entities
    ]
    write_json(results / "d/profile.json", {"entities": about, "measurements": {"samples": 100}})


def trained(results: Path, config: Config, pace: float) -> None:
    settings = config.learnt["d"].models["m"].model_dump(mode="json")
    card = {"settings": settings, "cost": {"tokens_per_second": pace}}
    write_json(results / "other/models/x/fold0-seed1/model.json", card)


def config(task: str = "structure", **more: Any) -> Config:
    files = {
        "structure": {"sequences": "data/chains.3line"},
        "affinity": {
            "drugs": "data/drugs.tsv",
            "targets": "data/targets.fasta",
            "affinities": "data/affinities.tsv",
        },
    }
    model = {**MODEL, "training": {"epochs": 10, **more.pop("training", {})}}
    dataset = {"task": task, "files": files[task], "models": ["m"], **more}
    return parse_config({"models": {"m": model}, "datasets": {"d": dataset}})


def of_training(config: Config, results: Path) -> planning.Expected:
    (found,) = (row for row in plan(config, results) if row.rule == "train m")
    return found


def test_training_is_letters_over_pace_times_epochs(tmp_path: Path) -> None:
    profiled(tmp_path, ("chain", 100, 60_000))
    asked = config(seeds=[1, 2, 3])
    trained(tmp_path, asked, 1000.0)
    row = of_training(asked, tmp_path)
    # 0.7 of the letters are learnt from, 0.15 are read forward at a third of the cost.
    assert row.seconds == pytest.approx(START + 10 * 60_000 * (0.7 + 0.15 / 3) / 1000)
    assert (row.jobs, row.basis) == (4, "a run of this network")  # three seeds and the control


def test_pairs_read_each_side_once_for_each_block_of_the_other(tmp_path: Path) -> None:
    profiled(tmp_path, ("drug", 25, 1000), ("target", 12, 6000))
    asked = config("affinity", training={"block": {"drugs": 10, "targets": 5}}, controls="none")
    trained(tmp_path, asked, 1000.0)
    row = of_training(asked, tmp_path)
    letters = 1000 * 3 + 6000 * 3  # 12 targets are three blocks of 5, 25 drugs three of 10
    assert row.seconds == pytest.approx(START + 10 * letters * (0.7 + 0.15 / 3) / 1000)
    assert row.jobs == 1


def test_another_network_is_no_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profiled(tmp_path, ("chain", 100, 60_000))
    other = config()
    trained(tmp_path, other, 1.0)
    monkeypatch.setattr(planning, "measured_pace", lambda *_: 2000.0)
    wide = {**MODEL, "encoder": {"name": "lstm", "hidden_size": 5}}
    asked = parse_config(
        {
            "models": {"m": {**wide, "training": {"epochs": 10}}},
            "datasets": {"d": other.learnt["d"].model_dump(exclude={"models"})},
        }
    )
    row = of_training(asked, tmp_path)
    assert row.seconds == pytest.approx(START + 10 * 60_000 * 0.75 / 2000)
    assert row.basis == "3 batches, timed now"


def test_the_learning_curve_is_the_slowest_model_on_each_share(tmp_path: Path) -> None:
    profiled(tmp_path, ("chain", 100, 60_000))
    asked = config(learning_curve=[0.25, 0.5], controls="none")
    trained(tmp_path, asked, 1000.0)
    whole = of_training(asked, tmp_path)
    (row,) = (row for row in plan(asked, tmp_path) if row.rule == "learning-curve")
    assert row.jobs == 1
    # 0.7 of the letters are learnt from, a share of them; the validation part stays whole.
    shares = (0.25 + 0.5) * 0.7 + 2 * 0.05
    assert row.seconds - START == pytest.approx(shares / 0.75 * (whole.seconds - START))


def test_explanations_are_a_gradient_a_step_and_a_reading_a_mutant(tmp_path: Path) -> None:
    profiled(tmp_path, ("chain", 100, 60_000))
    explain = {"records": 2, "test_records": 5, "steps": 10, "mutants": 300}
    asked = config(explain=explain, seeds=[1, 2], controls="none")
    trained(tmp_path, asked, 1000.0)
    (row,) = (row for row in plan(asked, tmp_path) if row.rule == "explain")
    # Chains of 600: two records by two runs and three fresh networks, and five by one run.
    gradients = 10 * (2 * (2 + 3) + 5)
    mutants = 2 * 2 * 300 / 3
    assert row.seconds == pytest.approx(START + 600 * (gradients + mutants) / 1000)
    none = config(explain={"records": 0})
    assert "explain" not in [row.rule for row in plan(none, tmp_path)]


def test_lengths_are_the_quantiles_of_the_histogram() -> None:
    side = Side("chain", "protein", 100, 2000, 40, HISTOGRAM)
    assert side.lengths(5).tolist() == [15, 15, 15, 30, 30]


def test_memory_grows_with_the_longest_sequence(tmp_path: Path) -> None:
    model = config().learnt["d"].models["m"]

    def megabytes(longest: int) -> int:
        return planning._megabytes([Side("chain", "protein", 1, 1, longest, HISTOGRAM)], model)

    assert megabytes(4096) == megabytes(10)  # both fit into the token budget
    assert megabytes(4_096_000) == pytest.approx(1000 * megabytes(4096), rel=0.3)


@pytest.mark.parametrize(("task", "write"), [("structure", write_structure),
                                             ("affinity", write_affinity)])  # fmt: skip
def test_files_that_were_not_read_yet_are_read_and_batches_timed(
    task: str, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data")
    rows = list(plan(config(task), tmp_path / "results"))
    assert [row.rule for row in rows] == [
        *("read", "split", "encode", "baselines", "train m"),
        *("evaluate", "predict", "explain", "report"),
    ]
    assert all(np.isfinite(row.seconds) and row.seconds >= START for row in rows)
    assert not (tmp_path / "results").exists()


def test_the_table_ends_with_the_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_structure(tmp_path / "data")
    (tmp_path / "c.yaml").write_text(
        "datasets: {d: {task: structure, files: {sequences: data/chains.3line}, models: [bilstm]}}"
    )
    main(["plan", "c.yaml"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["dataset", "rule", "jobs", "minutes", "MB", "after"]
    assert "minutes one after the other on one core" in lines[-1]
