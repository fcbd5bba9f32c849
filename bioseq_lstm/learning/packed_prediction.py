"""Predicting files with a packed model: no dataset, no training, one folder with its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.data.records import DUPLICATES
from bioseq_lstm.errors import NothingPredictedError, UserError
from bioseq_lstm.files import sha256_of, write_json
from bioseq_lstm.learning.card import Card
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.packages import Package, headline, load_package
from bioseq_lstm.learning.predicted import left_out, read_predicted, text_tsv
from bioseq_lstm.learning.prediction import MANIFEST, REJECTED, write_predictions
from bioseq_lstm.newfiles import named_files
from bioseq_lstm.provenance import machine, versions
from bioseq_lstm.reporting.page import write_report
from bioseq_lstm.reporting.panels import Page, Panel, Section, Table, Text


def predict_packed(model: str, paths: Sequence[Path], out: Path, name: str | None = None) -> str:
    """Write ``predictions/``, ``report.html`` and ``summary.json`` into ``out``; what was done.

    Args:
        paths: files, or folders of files.
        name: the title of the report; that of the folder if nothing is said.

    Raises:
        NothingPredictedError: when all is written, and not one record was predicted.
    """
    package = load_package(model)
    files = named_files(paths)
    if not package.task.reads(files) and not all(path.is_dir() for path in paths):
        raise UserError(f"none of the files is for a model of {package.card.task}", file=paths[0])
    layout = Layout(out)
    about = {"model": package.card.name, "weights_sha256": [package.card.weights_sha256]}
    manifest = write_predictions(package.predictor(), files, layout.predictions, about)
    counts = Counts.of(manifest)
    nothing = None if counts.predicted else _nothing(counts, layout, paths, package.card.task)
    warnings = [f"{nothing}."] if nothing and counts.refused else []
    page = _page(package, layout, name or out.resolve().name, counts, warnings, manifest)
    write_report(layout.report, page)
    write_json(
        layout.folder / "summary.json",
        {
            "name": page.title,
            "subtitle": page.subtitle,
            "verdict": list(page.verdict),
            "warnings": warnings,
            "inputs": sha256_of([layout.predictions / MANIFEST], layout.folder),
            "outputs": sha256_of([layout.report], layout.folder),
        },
    )
    if nothing is not None:
        raise nothing
    return f"{counts.told(layout.predictions / REJECTED)}: {layout.report}"


@dataclass(frozen=True)
class Counts:
    """What became of the records that were given: each is one of the three."""

    files: int
    predicted: int
    refused: int
    repeated: int

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> Counts:
        entries = manifest["files"].values()
        return cls(
            len(manifest["inputs"]),
            sum(entry["records"] for entry in entries),
            sum(entry["refused"] for entry in entries),
            sum(entry["notes"].get(DUPLICATES, 0) for entry in entries),
        )

    def told(self, rejected: Path | None = None) -> str:
        """One line; ``rejected`` is where the reasons stand, if that is to be told."""
        given = self.predicted + self.refused + self.repeated
        reasons = f" (reasons: {rejected})" if self.refused and rejected else ""
        return (
            f"{_counted(given, 'record')} in {_counted(self.files, 'file')}: "
            f"{self.predicted:,} predicted, {self.refused:,} refused{reasons}, "
            f"{self.repeated:,} repeated"
        )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _nothing(
    counts: Counts, layout: Layout, paths: Sequence[Path], task: str
) -> NothingPredictedError:
    """Why nothing was predicted: the first refusal and where all are, or that no file is there."""
    if not counts.refused:
        return NothingPredictedError(
            f"nothing was predicted: no file for a model of {task} lies here", file=paths[0]
        )
    rejected = layout.predictions / REJECTED
    first = text_tsv(rejected, rows=1).astype(str).iloc[0]
    return NothingPredictedError(
        f"nothing was predicted, {_counted(counts.refused, 'record')} refused, the first: "
        f"{first['reason']}; all with their reasons: {rejected}",
        file=first["file"],
        line=int(first["line"]) or None,
    )


def _page(
    package: Package,
    layout: Layout,
    title: str,
    counts: Counts,
    warnings: list[str],
    manifest: dict[str, Any],
) -> Page:
    card = package.card
    return Page(
        title=title,
        subtitle=f"Predicted with {card.name}: {card.task}",
        verdict=[f"{counts.told()}.", f"{card.name} reached: {headline(card)}."],
        warnings=warnings,
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
        [
            f"{words.intended_use.rstrip('.')}. Licence: {words.licence.rstrip('.')}.",
            *words.limits,
        ],
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
