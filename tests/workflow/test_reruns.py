"""What a second call of Snakemake makes anew, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from project import Project
from tiny_data import demo_chains, fasta

pytestmark = pytest.mark.workflow

THREE = ("structure", "expression", "affinity")
AFTER_TRAINING = ("evaluate", "predict", "explain", "report")


def jobs(dataset: str, *rules: str) -> set[str]:
    return {f"{rule} {dataset}" for rule in rules}


def trainings(dataset: str, model: str) -> set[str]:
    return {f"train {dataset} {model} fold0 seed1", f"control {dataset} {model}"}


def times(folder: Path) -> dict[str, int]:
    """Time of change of every file that is no log."""
    files: Iterator[Path] = (path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in files
        if "logs" not in path.parts and path.name != ".snakemake_timestamp"
    }


def test_a_second_call_does_nothing(again: Project) -> None:
    before = times(again.path("results"))
    done = again.snakemake()
    assert done.status == 0
    assert "Nothing to be done" in done.output
    assert times(again.path("results")) == before


def test_a_changed_model_reruns_its_own_jobs_and_what_stands_on_them(again: Project) -> None:
    config = again.config
    config["models"]["convlstm"]["encoder"]["window"] += 1
    again.configure(config)
    expected = {"index"}
    for dataset in THREE:
        expected |= trainings(dataset, "convlstm") | jobs(dataset, *AFTER_TRAINING)
    assert again.plan().planned == expected


def test_a_model_that_one_dataset_overrides_reruns_there_alone(again: Project) -> None:
    config = again.config
    config["datasets"]["affinity"]["models"] = {
        "bilstm": {"training": {"learning_rate": 7e-3}},
        "convlstm": {},
    }
    again.configure(config)
    expected = trainings("affinity", "bilstm") | jobs("affinity", *AFTER_TRAINING)
    assert again.plan().planned == {"index", *expected}


def test_an_added_model_trains_only_itself(again: Project) -> None:
    config = again.config
    config["models"]["wider"] = {"encoder": {"name": "lstm", "hidden_size": 9}}
    config["datasets"]["structure"]["models"] = ["bilstm", "convlstm", "wider"]
    for dataset in ("expression", "affinity"):
        config["datasets"][dataset]["models"] = ["bilstm", "convlstm"]
    again.configure(config)
    expected = trainings("structure", "wider") | jobs("structure", *AFTER_TRAINING)
    assert again.plan().planned == {"index", *expected}


def test_a_changed_data_file_reruns_its_dataset_and_no_other(again: Project) -> None:
    table = again.path("data/expression/log2tpm.tsv")
    table.write_text(table.read_text().replace("\t9.", "\t8."))
    planned = again.plan().planned
    assert "read expression" in planned
    assert {job.split()[1] for job in planned - {"index"}} == {"expression"}


def test_another_number_of_bootstraps_trains_nothing(again: Project) -> None:
    config = again.config
    config["datasets"]["structure"]["bootstrap"] = 120
    again.configure(config)
    assert again.plan().planned == {"index", *jobs("structure", *AFTER_TRAINING)}


def test_leaving_out_the_controls_trains_nothing_and_the_report_says_so(again: Project) -> None:
    config = again.config
    config["datasets"]["structure"]["controls"] = "none"
    again.configure(config)
    assert again.plan().planned == {"index", *jobs("structure", *AFTER_TRAINING)}
    done = again.snakemake()
    assert done.status == 0, done.output
    report = again.path("results/structure/report.html").read_text()
    assert "No control was trained on shuffled labels" in report
    assert "labels shuffled" not in report


def test_another_split_reads_and_encodes_nothing_anew(again: Project) -> None:
    config = again.config
    config["datasets"]["structure"]["split"] = {"seed": 5}
    again.configure(config)
    rules = again.plan().planned_rules
    assert "split" in rules and "train" in rules and "baselines" in rules
    assert not rules & {"read", "encode"}


def edit(project: Project, path: str) -> None:
    file = project.path("bioseq_lstm", path)
    file.write_text(file.read_text() + "\n# edited\n")


def test_an_edit_of_the_training_code_reruns_training(again: Project) -> None:
    edit(again, "learning/training.py")
    rules = again.plan().planned_rules
    assert rules == {"train", "control", *AFTER_TRAINING, "index"}


def test_an_edit_of_a_page_template_reruns_reports_alone(again: Project) -> None:
    template = again.path("bioseq_lstm/reporting/templates/layout.html.j2")
    template.write_text(template.read_text() + "\n")
    assert again.plan().planned_rules == {"report", "index"}


def test_another_version_of_the_package_reruns_everything(again: Project) -> None:
    package = again.path("bioseq_lstm/__init__.py")
    package.write_text(package.read_text() + '\n__version__ = "99.0"\n')
    rules = again.plan().planned_rules
    assert {"read", "split", "encode", "baselines", "train", "control"} <= rules
    assert {*AFTER_TRAINING, "index"} <= rules


def test_a_fasta_that_is_dropped_in_is_predicted_and_nothing_else_is_done(
    again: Project, inspect_report: Callable[..., Any]
) -> None:
    hostile = "<script>alert(1)</script>"
    sequence = demo_chains(65)[-1][1]
    again.write("data/structure/new/later.fa", fasta({f"late_{hostile}": sequence}))
    expected = {"index", *jobs("structure", "predict", "explain", "report")}
    assert again.plan().planned == expected

    before = times(again.path("results"))
    done = again.snakemake()
    assert done.status == 0, done.output
    after = times(again.path("results"))
    changed = {name for name in after if after[name] != before.get(name)}
    assert {name.split("/")[0] for name in changed} == {"index.html", "structure"}
    made = tuple(f"structure/{name}/" for name in ("predictions", "explanations", "multiqc"))
    own = {name for name in changed if not name.startswith(made)}
    written = ("report.html", "methods.md", "summary.json")
    assert own == {"index.html", *(f"structure/{name}" for name in written)}
    table = pd.read_csv(again.path("results/structure/predictions/later.tsv"), sep="\t")
    assert list(table["id"]) == [f"late_{hostile}"]
    assert again.path("results/structure/predictions/proteins.tsv").is_file()
    assert inspect_report(again.path("results/structure/report.html")).problems == []


def test_a_file_that_is_taken_out_of_new_is_no_longer_in_the_predictions(again: Project) -> None:
    again.path("data/structure/new/proteins.fasta").unlink()
    assert again.plan().planned == {"index", *jobs("structure", "predict", "explain", "report")}


def test_other_explanations_train_and_predict_nothing_anew(again: Project) -> None:
    config = again.config
    config["datasets"]["structure"]["explain"] = {"records": 1}
    again.configure(config)
    assert again.plan().planned == {"index", *jobs("structure", "explain", "report")}


def test_a_dataset_may_do_without_explanations(again: Project) -> None:
    config = again.config
    config["datasets"]["structure"]["explain"] = {"records": 0}
    again.configure(config)
    assert again.plan().planned == {"index", *jobs("structure", "report")}
