"""What a paper needs of a finished dataset: methods, DOME checklist, model card, lineage.

The section of the report and ``methods.md`` are two forms of the same content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pandas as pd

from bioseq_lstm.learning.card import Described, Words
from bioseq_lstm.learning.card_text import member_line, test_lines, trained_on_lines
from bioseq_lstm.learning.described import member, tested, trained_on
from bioseq_lstm.learning.dome import UNKNOWN, checklist
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.methods import write_methods
from bioseq_lstm.learning.references import REFERENCES
from bioseq_lstm.learning.study import Study
from bioseq_lstm.learning.verifying import links_to_report
from bioseq_lstm.reporting.panels import Panel, Section, Table, Text

DOME = f"{REFERENCES['dome']}."
BY_VERIFY = "`bioseq-lstm verify` recomputes each of these checksums, and that of this report."
KEEP = (
    "The same text, with the references, stands in methods.md beside this report. Every number "
    "comes from the files of this run; what they do not know is left to you."
)


def paper_section(study: Study) -> Section:
    """The last section of a report; all of it is text and tables."""
    methods = write_methods(study)
    card = describe(study)
    items: list[Panel] = [
        Text("Methods", [f"{heading}. {text}" for heading, text in methods.paragraphs]),
        Text("References of the methods", methods.references),
        Table("DOME checklist", checklist(study), f"After {DOME}", file="methods.md"),
        Text(f"Model card: {study.chosen}", [*_uses(card.words), *_limits(card.words)]),
        Table(
            "Model card: what it was trained on and how it did",
            pd.DataFrame(_card_rows(card)),
            "Intervals are those of the section on models. A packed model gets a card of its own.",
        ),
        Table("Lineage: from your files to the figures", lineage(study), BY_VERIFY),
    ]
    return Section("paper", "For the paper", KEEP, items)


def methods_text(study: Study) -> str:
    """``methods.md``: the same as Markdown; what stands in a user's file cannot mark it up."""
    methods = write_methods(study)
    card = describe(study)
    lines = [f"# Methods: {_plain(study.name)}", ""]
    for heading, text in methods.paragraphs:
        lines += [f"**{heading}.** {_plain(text)}", ""]
    lines += ["## References", "", *map(_plain, methods.references), ""]
    lines += ["## DOME checklist", "", f"After {_plain(DOME)}", "", *_markdown(checklist(study))]
    lines += [f"## Model card: {_plain(study.chosen)}", ""]
    lines += [f"- {_plain(line)}" for line in (*_uses(card.words), *_limits(card.words))]
    lines += ["", "### Test", "", *test_lines(card, _measured(study)), ""]
    lines += ["### Trained on", "", *map(_plain, trained_on_lines(card)), ""]
    lines += ["### Trainings", "", *(_plain(member_line(one)) for one in card.members), ""]
    lines += ["## Lineage", "", _plain(BY_VERIFY), "", *_markdown(lineage(study))]
    return "\n".join(lines).rstrip() + "\n"


def describe(study: Study) -> Described:
    """The card of the chosen model as it lies in its runs, unpacked."""
    rows = study.figures[study.figures["name"] == study.chosen]
    shown = rows[rows["metric"].isin(study.task.overview)]
    about = trained_on(study.layout)
    if study.settings.split.folds > 1:  # a card has the parts of one fold
        del about["parts"]
    return Described.model_validate(
        {
            "name": study.chosen,
            "task": study.task.name,
            "words": Words(
                data=f"{UNKNOWN} what the data are and where they come from",
                licence=f"{UNKNOWN} that of the model",
                intended_use=f"{UNKNOWN} what it is for, and what it is not for",
                limits=tuple(_measured_limits(study)),
            ),
            "members": [member(run.record, run.card) for run in study.runs[study.chosen]],
            "trained_on": about,
            "test": tested(
                study.task,
                shown,
                sum(study.sizes()["test"]),
                study.bands,
                study.settings.bootstrap,
            ),
        }
    )


def lineage(study: Study) -> pd.DataFrame:
    """Columns stage, file, SHA-256, recorded in: each file of the chain once, in its order."""
    rows: dict[str, dict[str, str]] = {}
    layout, settings = study.layout, study.settings
    made = bool(settings.explain.records), bool(settings.learning_curve)
    for link in links_to_report(layout, *made):
        row = {
            "stage": link.stage,
            "file": _shown(link.file.as_posix(), layout),
            "SHA-256": link.recorded,
            "recorded in": _shown(link.by.as_posix(), layout),
        }
        rows.setdefault(row["file"], row)
    return pd.DataFrame(list(rows.values()))


def _shown(path: str, layout: Layout) -> str:
    """Within the dataset's folder by the name there, else as it was given."""
    return path.removeprefix(f"{layout.folder.as_posix()}/")


def _measured(study: Study) -> str:
    runs = len(study.runs[study.chosen])
    return f"The mean figure of {runs} trainings" if runs > 1 else "The one training"


def _measured_limits(study: Study) -> Iterator[str]:
    """What the files themselves say against relying on the model."""
    for entity in study.profile["entities"]:
        length = entity["length"]
        yield (
            f"It has seen {entity['entity']}s of {length['min']:.0f} to {length['max']:.0f} letters"
        )
    empty = [
        f"{low:g} to {high:g}"
        for low, high, records in study.bands[["from", "to", "records"]].to_numpy(float)
        if not records
    ]
    if empty:
        yield f"Nothing was measured at likeness {', '.join(empty)} to the training records"
    own = study.differences[study.differences["name"] == study.chosen]
    own = own[own["metric"].isin(study.task.overview)]
    labels = {metric.key: metric.label for metric in study.overview}
    for row in own.itertuples():
        if row.certain and not row.better:
            yield f"In {labels[row.metric]} it is worse than {row.baseline}"
        elif not row.certain:
            yield f"In {labels[row.metric]} it cannot be told apart from {row.baseline}"
    yield from study.split_report["warnings"]


def _uses(words: Words) -> list[str]:
    return [
        f"Intended use: {words.intended_use}.",
        f"Licence: {words.licence}.",
        f"Data: {words.data}.",
    ]


def _limits(words: Words) -> list[str]:
    return [f"Limit: {limit.rstrip('.')}." for limit in words.limits]


def _card_rows(card: Described) -> Iterator[dict[str, str]]:
    assert card.test is not None
    for figure in card.test.figures:
        if figure.value is None:
            continue
        span = "" if figure.low is None else f" ({figure.low:.3f}–{figure.high:.3f})"
        said = f"{figure.label} {figure.value:.3f}{span}: {figure.description}"
        yield {"part": "test", "what": said}
    for band in card.test.bands:
        if band["value"] is None:
            continue
        span = "" if band["low"] is None else f" ({band['low']:.3f}–{band['high']:.3f})"
        likeness = f"likeness {band['from']:g} to {band['to']:g}: {band['value']:.3f}{span}"
        yield {"part": "test by likeness", "what": f"{likeness}, {band['records']:g} records"}
    for line in trained_on_lines(card):
        yield {"part": "trained on", "what": line.removeprefix("- ")}
    for one in card.members:
        yield {"part": "training", "what": member_line(one).removeprefix("- ")}


def _markdown(table: pd.DataFrame) -> list[str]:
    """A table as Markdown, with an empty line after it."""
    head = [str(name) for name in table.columns]
    rows = [[_plain(str(cell)) for cell in row] for row in table.to_numpy()]
    lines = [head, ["---"] * len(head), *rows]
    return [*(f"| {' | '.join(line)} |" for line in lines), ""]


def _plain(text: str) -> str:
    """Text on one line that Markdown shows as it is: no tag, link, image or cell begins in it."""
    one_line = re.sub(r"\s+", " ", text)
    escaped = one_line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = re.sub(r"^((?:- )?)\[", r"\1\\[", escaped)  # would name a link's target
    return escaped.replace("|", "\\|").replace("](", "]\\(")
