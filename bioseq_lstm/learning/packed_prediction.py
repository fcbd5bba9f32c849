"""Predicting files with a packed model: no dataset, no training, one folder with its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.errors import UserError
from bioseq_lstm.files import sha256_of, write_json
from bioseq_lstm.learning.card import Card
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.packages import Package, headline, load_package
from bioseq_lstm.learning.predicted import left_out, read_predicted
from bioseq_lstm.learning.prediction import MANIFEST, write_predictions
from bioseq_lstm.newfiles import named_files
from bioseq_lstm.provenance import machine, versions
from bioseq_lstm.reporting.page import write_report
from bioseq_lstm.reporting.panels import Page, Panel, Section, Table, Text


def predict_packed(model: str, paths: Sequence[Path], out: Path, name: str | None = None) -> str:
    """Write ``predictions/``, ``report.html`` and ``summary.json`` into ``out``; what was done.

    Args:
        paths: files, or folders of files.
        name: the title of the report; that of the folder if nothing is said.
    """
    package = load_package(model)
    files = named_files(paths)
    if not package.task.reads(files) and not all(path.is_dir() for path in paths):
        raise UserError(f"none of the files is for a model of {package.card.task}", file=paths[0])
    layout = Layout(out)
    about = {"model": package.card.name, "weights_sha256": [package.card.weights_sha256]}
    manifest = write_predictions(package.predictor(), files, layout.predictions, about)
    records = sum(entry["records"] for entry in manifest["files"].values())
    refused = sum(entry["refused"] for entry in manifest["files"].values())
    done = (
        f"{records:,} records of {len(manifest['inputs']):,} files predicted, {refused:,} refused"
    )
    page = _page(package, layout, name or out.resolve().name, done, manifest)
    write_report(layout.report, page)
    write_json(
        layout.folder / "summary.json",
        {
            "name": page.title,
            "subtitle": page.subtitle,
            "verdict": list(page.verdict),
            "warnings": [],
            "inputs": sha256_of([layout.predictions / MANIFEST], layout.folder),
            "outputs": sha256_of([layout.report], layout.folder),
        },
    )
    return f"{done}: {layout.report}"


def _page(
    package: Package, layout: Layout, title: str, done: str, manifest: dict[str, Any]
) -> Page:
    card = package.card
    return Page(
        title=title,
        subtitle=f"Predicted with {card.name}: {card.task}",
        verdict=[f"{done}.", f"{card.name} reached: {headline(card)}."],
        warnings=[],
        sections=[
            package.task.new_panels(read_predicted(layout.predictions)),
            *left_out(layout.predictions),
            Section("model", "The model", card.words.summary, list(_about(card))),
        ],
        provenance={
            "model": card.model_dump(mode="json", exclude={"test", "words"}),
            "predicted with": {"versions": versions(), "machine": machine()},
            "new files": manifest["inputs"],
        },
    )


def _about(card: Card) -> Iterator[Panel]:
    words = card.words
    yield Text(
        "What it is for, and what not",
        [f"{words.intended_use}. Licence: {words.licence}.", *words.limits],
    )
    if card.test is None:
        yield Text("Test", ["The packed model was not measured."])
        return
    columns = ["label", "value", "low", "high", "description"]
    figures = pd.DataFrame([figure.model_dump() for figure in card.test.figures])[columns]
    formats = dict.fromkeys(("value", "low", "high"), ".3f")
    yield Table(
        "Test figures of the model",
        figures,
        f"On {card.test.samples:,} test samples that it was not trained on; 95 % intervals of "
        f"{card.test.replicates:,} bootstrap replicates over {card.test.units} independent units.",
        formats=formats,
    )
    yield Table(
        "By likeness to the nearest training record",
        pd.DataFrame(card.test.bands).dropna(subset=["value"]),
        "Likeness of your own records to the training records is not known here.",
        formats=formats,
    )
