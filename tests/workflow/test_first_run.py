"""From files to reports: what stands in the folder after the first run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import DATASETS, TITLE, Finished

pytestmark = pytest.mark.workflow

Inspect = Callable[..., Any]
Open = Callable[..., tuple[Any, Any]]

ONE_RUN = ("history.tsv", "model.json", "model.safetensors", "run.yaml", "test_predictions.parquet")
OF_EVERY_DATASET = (
    "bands.tsv",
    "comparisons.tsv",
    "differences.tsv",
    "encoded.safetensors",
    "evaluation.json",
    "explanations/attributions.tsv",
    "explanations/explanations.json",
    "explanations/kmers.tsv",
    "explanations/mutants.tsv",
    "figures.tsv",
    "leakage.tsv",
    "measurements.parquet",
    "methods.md",
    "multiqc/bands_mqc.json",
    "multiqc/general_mqc.json",
    "multiqc/models_mqc.json",
    "multiqc/parts_mqc.json",
    "predictions/manifest.json",
    "predictions/outside.tsv",
    "predictions/plate.tsv",
    "predictions/rejected.tsv",
    "profile.json",
    "records.parquet",
    "rejected.tsv",
    "report.html",
    "seeds.tsv",
    "split.json",
    "splits.tsv",
    "strata.tsv",
    "summary.json",
)
MODELS_OF = {"crossed": ("bilstm",)}
RUNS_OF = {"crossed": tuple(f"fold{fold}-seed{seed}" for fold in (0, 1) for seed in (1, 2))}
NEW_OF = {
    "structure": tuple(
        f"proteins.{suffix}" for suffix in ("tsv", "residues.tsv", "3line", "ss2", "horiz")
    ),
    "expression": ("genes.tsv", "genes.conditions.tsv"),
    "affinity": ("pairs.tsv",),
    "crossed": (),
}
EXPLAINED_OF = {"affinity": ("atoms.tsv",)}


def files_of(dataset: str) -> set[str]:
    """All files of a dataset that docs/files.md promises, without the logs."""
    models, runs = MODELS_OF.get(dataset, ("bilstm", "convlstm")), RUNS_OF.get(dataset)
    runs = runs or ("fold0-seed1",)
    folds = {run.split("-")[0] for run in runs}
    return {
        *OF_EVERY_DATASET,
        *(f"predictions/{name}" for name in NEW_OF[dataset]),
        *(f"explanations/{name}" for name in EXPLAINED_OF.get(dataset, ())),
        *(f"baselines/{fold}.parquet" for fold in folds),
        *(
            f"models/{model}/{run}/{name}"
            for model in models
            for run in (*runs, "control")
            for name in ONE_RUN
        ),
    }


@pytest.mark.parametrize("dataset", DATASETS)
def test_every_promised_file_is_there_and_no_other(finished: Finished, dataset: str) -> None:
    folder = finished.project.path("results", dataset)
    found = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".snakemake_timestamp"  # Snakemake's own
    }
    assert {name for name in found if not name.startswith("logs/")} == files_of(dataset)


def test_the_run_printed_no_traceback_and_wrote_only_results(finished: Finished) -> None:
    assert "Traceback" not in finished.first.output
    allowed = {"Snakefile", "bioseq_lstm", "config.yaml", "data", "envs", "profiles", "workflow"}
    assert {path.name for path in finished.project.folder.iterdir()} == {
        *allowed,
        "results",
        ".snakemake",
    }


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_report_is_drawn_without_an_error_or_a_request(
    finished: Finished, dataset: str, width: int, inspect_report: Inspect
) -> None:
    findings = inspect_report(finished.project.path("results", dataset, "report.html"), width)
    assert findings.problems == []
    assert findings.charts >= 5


def test_the_index_leads_to_every_report(finished: Finished, open_report: Open) -> None:
    page, _ = open_report(finished.project.path("results/index.html"))
    assert TITLE in page.locator("h1").text_content()
    links = [link.get_attribute("href") for link in page.locator("a").all()]
    assert {f"./{dataset}/report.html" for dataset in DATASETS} <= set(links)


def test_the_index_is_drawn_without_an_error_or_a_request(
    finished: Finished, inspect_report: Inspect
) -> None:
    assert inspect_report(finished.project.path("results/index.html")).problems == []


@pytest.mark.parametrize("dataset", ["structure", "expression"])
def test_every_sequence_that_was_dropped_in_is_predicted(finished: Finished, dataset: str) -> None:
    (fasta,) = finished.project.path("data", dataset, "new").iterdir()
    asked = [line[1:] for line in fasta.read_text().splitlines() if line.startswith(">")]
    table = pd.read_csv(
        finished.project.path("results", dataset, "predictions", f"{fasta.stem}.tsv"), sep="\t"
    )
    assert list(table["id"]) == asked
    assert len(asked) == 2


def test_states_are_predicted_for_every_residue(finished: Finished) -> None:
    folder = finished.project.path("results/structure/predictions")
    chains = pd.read_csv(folder / "proteins.tsv", sep="\t")
    residues = pd.read_csv(folder / "proteins.residues.tsv", sep="\t", keep_default_na=False)
    assert len(residues) == chains["length_residues"].sum()
    assert set(residues["state_8"]) <= set("HBEGITSC")
    assert residues["confidence_probability"].between(1 / 8, 1).all()
    lines = (folder / "proteins.3line").read_text().splitlines()
    assert list(chains["sequence"]) == lines[1::3]
    assert list(chains["states_8"]) == lines[2::3]


def test_all_new_drugs_are_predicted_against_all_new_targets(finished: Finished) -> None:
    pairs = pd.read_csv(finished.project.path("results/affinity/predictions/pairs.tsv"), sep="\t")
    assert len(pairs) == 1  # one drug and one target were dropped in


def test_folds_test_every_record_once(finished: Finished) -> None:
    folder = finished.project.path("results/crossed")
    splits = pd.read_csv(folder / "splits.tsv", sep="\t", dtype={"id": str})
    assert (splits[["fold0", "fold1"]] == "test").sum(axis=1).eq(1).all()
    for seed in (1, 2):
        tested = [
            name
            for fold in (0, 1)
            for name in pd.read_parquet(
                folder / f"models/bilstm/fold{fold}-seed{seed}/test_predictions.parquet"
            )["id"]
        ]
        assert sorted(tested) == sorted(splits["id"])


def test_figures_of_a_model_are_means_over_its_seeds(finished: Finished) -> None:
    figures = pd.read_csv(finished.project.path("results/crossed/figures.tsv"), sep="\t")
    models = figures[figures["kind"] == "model"]
    assert set(models["seeds"]) == {2}
    assert set(figures[figures["kind"] != "model"]["seeds"]) == {1}
    assert models.set_index("metric")["seed_sd"]["q3"] > 0  # two seeds are two different runs


def test_snakemakes_own_report_holds_the_pages(finished: Finished, tmp_path: Path) -> None:
    project = finished.project.copy(tmp_path / "clone")
    done = project.snakemake("--report", "own.html")
    assert done.status == 0, done.output
    own = project.path("own.html").read_text()
    for dataset in DATASETS:
        assert f"results/{dataset}/report.html" in own
