"""The report of one dataset and the index over all, put together from the files of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.files import read_json, read_tsv, sha256_of, write_json, write_text
from bioseq_lstm.learning.costs import TrainedRun
from bioseq_lstm.learning.evaluation import read_systems
from bioseq_lstm.learning.explaining import MANIFEST as EXPLANATIONS
from bioseq_lstm.learning.explaining.sections import explanations_section
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.models import models_section, stated
from bioseq_lstm.learning.multiqc import write_multiqc
from bioseq_lstm.learning.next_steps import next_section
from bioseq_lstm.learning.paper import methods_text, paper_section
from bioseq_lstm.learning.predicted import left_out, read_predicted, text_tsv
from bioseq_lstm.learning.prediction import MANIFEST
from bioseq_lstm.learning.sections import data_section, split_section
from bioseq_lstm.learning.splits import read_splits
from bioseq_lstm.learning.stacked import sums
from bioseq_lstm.learning.study import read_study
from bioseq_lstm.learning.unlike import unlike_section
from bioseq_lstm.learning.verdict import (
    below_floor,
    control_finds_something,
    farthest,
    lookup_is_good,
    none_beats,
    verdict,
)
from bioseq_lstm.provenance import checksums, machine, versions
from bioseq_lstm.reporting.page import write_index, write_report
from bioseq_lstm.reporting.panels import Entry, Page, Panel, Table
from bioseq_lstm.settings import DatasetSettings
from bioseq_lstm.strict_yaml import load_yaml
from bioseq_lstm.tasks.base import Task
from bioseq_lstm.tasks.outcomes import Results


def report_dataset(
    task: Task, settings: DatasetSettings, name: str, models: list[str], folder: Path
) -> None:
    """Write ``report.html``, ``methods.md``, ``multiqc`` and ``summary.json`` (for the index)."""
    layout = Layout(folder)
    study = read_study(name, task, settings, models, layout)
    figures, differences = read_tsv(layout.figures), read_tsv(layout.differences)
    profile, split_report = read_json(layout.profile), read_json(layout.split_report)
    splits = read_splits(layout.splits)
    chosen = read_json(layout.evaluation)["chosen"]
    leakage = read_tsv(layout.leakage, text=("id", "nearest"))
    records = pd.read_parquet(layout.records)
    results = Results(
        settings,
        profile,
        splits,
        figures,
        chosen,
        {name: tables[0] for name, tables in read_systems(layout, settings, models).models.items()},
        task.similarity(leakage, splits),
        read_predicted(layout.predictions),
        records,
        leakage,
    )
    bands = read_tsv(layout.bands)
    runs = _runs(layout, settings, models)
    said, warnings = _judge(task, results, differences, bands, split_report, sums(runs))
    page = Page(
        title=name,
        subtitle=task.describe(results)[0],
        verdict=said,
        warnings=warnings,
        sections=[
            data_section(profile, records, text_tsv(layout.rejected).astype(str)),
            split_section(settings, splits, leakage, split_report),
            models_section(
                task.metrics,
                task.overview,
                figures,
                differences,
                bands,
                read_tsv(layout.strata, text=("stratum",)),
                read_tsv(layout.comparisons, text=("name", "against")),
                runs,
                task.about_baselines(),
                settings.bootstrap,
                chosen,
            ),
            *task.panels(results),
            *unlike_section(layout.predictions),
            *([explanations_section(layout.explanations)] if settings.explain.records else []),
            *left_out(layout.predictions),
            next_section(task.metrics[0], settings, layout),
            paper_section(study),
        ],
        provenance=_provenance(layout, settings, models, profile),
    )
    write_report(layout.report, page)
    write_text(layout.methods, methods_text(study))
    written = [layout.report, layout.methods, *write_multiqc(study)]
    told = [layout.profile, layout.split_report, layout.evaluation, layout.predictions / MANIFEST]
    if settings.explain.records:
        told.append(layout.explanations / EXPLANATIONS)
    if settings.learning_curve:
        told.append(layout.learning_curve.with_suffix(".json"))
    write_json(
        layout.folder / "summary.json",
        {
            "name": name,
            "subtitle": page.subtitle,
            "verdict": said,
            "warnings": warnings,
            "models": _overview(task, figures, differences),
            "inputs": sha256_of(told, layout.folder),
            "outputs": sha256_of(written, layout.folder),
        },
    )


def report_index(title: str, folders: list[Path], out: Path) -> None:
    """Write the page over all datasets."""
    entries = []
    for folder in folders:
        summary = read_json(folder / "summary.json")
        href = (folder / "report.html").relative_to(out.parent)
        entries.append(
            Entry(
                summary["name"],
                summary["subtitle"],
                str(href),
                summary["verdict"],
                summary["warnings"],
                _overview_table(summary),
            )
        )
    write_index(out, entries, title=title)


def _overview(task: Task, figures: pd.DataFrame, differences: pd.DataFrame) -> list[dict[str, str]]:
    """Of each model the headline figure, and what it is beside the best baseline, in words."""
    label, key = task.metrics[0].label, task.metrics[0].key
    models = figures[(figures["kind"] == "model") & (figures["metric"] == key)]
    beside = differences[differences["metric"] == key].set_index("name")
    rows = []
    for row in models.itertuples():
        told = {"model": row.name, label: stated(row.value, row.low, row.high)}
        if row.name in beside.index:
            own = beside.loc[row.name]
            told["minus the best baseline"] = stated(
                own["difference"], own["low"], own["high"], "+"
            )
            told["which is"] = own["baseline"]
        rows.append(told)
    return rows


def _overview_table(summary: dict[str, Any]) -> list[Panel]:
    """The models of a dataset, where it was learnt from."""
    if "models" not in summary:
        return []
    return [
        Table(
            "Models",
            pd.DataFrame(summary["models"]),
            "On the test part, with 95 % bootstrap intervals over its independent units.",
            download=False,
        )
    ]


def _judge(
    task: Task,
    results: Results,
    differences: pd.DataFrame,
    bands: pd.DataFrame,
    split_report: dict[str, Any],
    stacked: dict[str, str],
) -> tuple[list[str], list[str]]:
    figures, headline = results.figures, task.metrics[0]
    said = [
        *verdict(
            headline, figures, differences, results.chosen, task.describe(results)[1], stacked
        ),
        *farthest(headline, bands, results.chosen),
        *none_beats(headline, differences),
    ]
    blind = figures[(figures["name"] == task.blind) & (figures["metric"] == headline.key)]["value"]
    chance = float(blind.iloc[0]) if len(blind) and blind.notna().all() else task.chance
    warnings = [
        *split_report["warnings"],
        *below_floor([m for m in task.metrics if m.key in task.overview], differences),
        *control_finds_something(headline, figures, chance),
        *lookup_is_good(headline, figures, task.lookup, results.chosen, chance),
    ]
    return said, warnings


def _runs(layout: Layout, settings: DatasetSettings, models: list[str]) -> list[TrainedRun]:
    runs = []
    for model in models:
        for fold in range(settings.split.folds):
            for seed in settings.seeds:
                run = layout.run(model, fold, seed)
                history, card = read_tsv(run / "history.tsv"), read_json(run / "model.json")
                runs.append(TrainedRun(model, fold, seed, history, card))
    return runs


def _provenance(
    layout: Layout, settings: DatasetSettings, models: list[str], profile: dict[str, Any]
) -> dict[str, Any]:
    cards = {
        str(run.relative_to(layout.folder)): read_json(run / "model.json")["weights_sha256"]
        for model in models
        for run in layout.runs(model, settings.split.folds, settings.seeds)
    }
    steps = (layout.records, layout.measurements, layout.splits, layout.encoded, layout.figures)
    return {
        "input files": profile["files"],
        "configuration": settings.model_dump(mode="json", exclude={"models"}),
        "models": {
            model: read_json(layout.run(model, 0, settings.seeds[0]) / "model.json")["settings"]
            for model in models
        },
        "weights (SHA-256)": cards,
        "started from": _starts(layout, settings, models),
        "files of the stages (SHA-256)": {
            Path(path).name: digest for path, digest in checksums(steps).items()
        },
        "trained with": _grouped(layout, _recorded(layout, settings, models)),
        "reported with": {"versions": versions(), "machine": machine()},
        "new files": read_json(layout.predictions / "manifest.json")["inputs"],
        "training seconds": {
            str(run.relative_to(layout.folder)): read_json(run / "model.json")["cost"][
                "wall_seconds"
            ]
            for run in _recorded(layout, settings, models)
        },
    }


def _starts(layout: Layout, settings: DatasetSettings, models: list[str]) -> dict[str, Any]:
    """The section ``init_from`` of the first run of every model that has one."""
    first = {
        model: read_json(layout.run(model, 0, settings.seeds[0]) / "model.json") for model in models
    }
    return {model: card["init_from"] for model, card in first.items() if "init_from" in card}


def _grouped(layout: Layout, recorded: dict[Path, dict[str, Any]]) -> list[dict[str, Any]]:
    """Versions and machines, each once with the runs that it made."""
    found: list[dict[str, Any]] = []
    for run, record in recorded.items():
        made_with = {key: record[key] for key in ("versions", "machine", "threads")}
        group = next((known for known in found if known["with"] == made_with), None)
        if group is None:
            found.append(group := {"with": made_with, "runs": []})
        group["runs"].append(str(run.relative_to(layout.folder)))
    return found


def _recorded(
    layout: Layout, settings: DatasetSettings, models: list[str]
) -> dict[Path, dict[str, Any]]:
    """``run.yaml`` of every run."""
    runs = [
        run for model in models for run in layout.runs(model, settings.split.folds, settings.seeds)
    ]
    return {run: load_yaml(run / "run.yaml") for run in runs}
