"""Custom content for MultiQC, so that a report over many tools has these figures too.

MultiQC (1.35) writes names, descriptions and texts of cells into its page as they come, so all
text is escaped here. Files end in ``_mqc.json``, by which ``multiqc results`` finds them.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd

from bioseq_lstm.files import replacing_folder
from bioseq_lstm.learning.study import Study, listed
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.tasks import TASKS

PARENT = {
    "parent_id": "bioseq_lstm",
    "parent_name": "bioseq_lstm",
    "parent_description": "Models of biological sequences beside their baselines, by dataset.",
}
MOST_REFUSALS = 20  # reasons that are listed


def write_multiqc(study: Study) -> list[Path]:
    """Write the folder ``multiqc``; the files in it. What has nothing to show is left out."""
    contents = {
        "general": _general(study),
        "models": _models(study),
        "bands": _bands(study),
        "parts": _parts(study),
        "refused": _refused(study),
    }
    shown = {name: content for name, content in contents.items() if content["data"]}
    folder = study.layout.multiqc
    with replacing_folder(folder) as temporary:
        for name, content in shown.items():
            text = json.dumps(_escaped(content), indent=1, allow_nan=False)
            (temporary / f"{name}_mqc.json").write_text(text + "\n", encoding="utf-8")
    return [folder / f"{name}_mqc.json" for name in shown]


def _general(study: Study) -> dict[str, Any]:
    """One row in the table over all tools: records, refusals, the headline of the chosen model."""
    headline = study.headline
    records = sum(entity["records"] for entity in study.profile["entities"])
    row: dict[str, Any] = {
        "records": records,
        "refused": study.profile["refused"],
        "test": sum(study.sizes()["test"]),
    }
    figure = study.figure(study.chosen, headline.key)
    if figure is not None:
        row[headline.key] = float(figure["value"])
    # MultiQC keeps the columns of the last file alone, so every file names those of all tasks.
    headlines = [
        {task.metrics[0].key: _measured(task.metrics[0], " of the chosen model on the test part")}
        for task in TASKS.values()
    ]
    return {
        "id": "bioseq_lstm_general",
        "plot_type": "generalstats",
        "pconfig": [
            {"records": _count("Records", "Records that were kept")},
            {"refused": _count("Refused", "Records that were refused", "Reds")},
            {"test": _count("Test", "Samples of the test part")},
            *headlines,
        ],
        "data": {study.name: row},
    }


def _count(title: str, description: str, scale: str = "Blues") -> dict[str, str]:
    return {"title": title, "description": description, "format": "{:,.0f}", "scale": scale}


def _measured(metric: Metric, of: str = "") -> dict[str, str]:
    return {
        "title": metric.label,
        "description": f"{metric.label}{of}: {metric.description}",
        "format": "{:,.3f}",
        "scale": "Greens" if metric.higher_is_better else "Oranges",
    }


def _models(study: Study) -> dict[str, Any]:
    """Every system with the figures of the overview and their intervals."""
    headers: dict[str, Any] = {"kind": {"title": "Kind", "scale": False}}
    for metric in study.overview:
        headers[metric.key] = _measured(metric)
        headers[f"{metric.key}_interval"] = {
            "title": f"{metric.label}, 95 %",
            "description": f"95 % interval of {metric.label}",
            "scale": False,
        }
    data = {
        str(name): {"kind": str(own["kind"].iloc[0]), **_figures(study, str(name))}
        for name, own in study.figures.groupby("name", sort=False)
    }
    return _section(
        study,
        "models",
        "models and baselines",
        f"On the test part. Chosen by validation loss: {study.chosen}. Intervals: percentiles of "
        f"{study.settings.bootstrap:,} bootstrap replicates over {study.units} independent units.",
        {"plot_type": "table", "headers": headers, "data": data},
        {"col1_header": "System"},
    )


def _figures(study: Study, name: str) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for metric in study.overview:
        row = study.figure(name, metric.key)
        if row is None:
            continue
        cells[metric.key] = float(row["value"])
        if not pd.isna(row["low"]):
            cells[f"{metric.key}_interval"] = f"{row['low']:.3f} to {row['high']:.3f}"
    return cells


def _bands(study: Study) -> dict[str, Any]:
    """The headline figure by likeness to the training part; bands without a figure left out."""
    measured = study.bands.dropna(subset=["value"])
    label = study.headline.label
    data = {
        f"{row['from']:.0%} to {row['to']:.0%}, n = {row['records']:.0f}": {
            label: float(row["value"])
        }
        for row in measured.to_dict("records")
    }
    return _section(
        study,
        "bands",
        f"{label} by likeness to training",
        f"{study.chosen}, test records by identity times coverage of their nearest training "
        "record. The lowest band tells most; where nothing was measured there is no bar.",
        {"plot_type": "bargraph", "data": data},
        {"ylab": label, "cpswitch": False, "tt_decimals": 3, "sort_samples": False},
    )


def _parts(study: Study) -> dict[str, Any]:
    sizes = study.sizes()
    data = {
        f"fold {fold}": {part: counts[fold] for part, counts in sizes.items()}
        for fold in range(len(sizes["train"]))
    }
    return _section(
        study,
        "parts",
        "parts of the data",
        " ".join([*study.split_report["description"], *study.split_report["warnings"]]),
        {"plot_type": "bargraph", "data": data},
        {"ylab": "samples"},
    )


def _refused(study: Study) -> dict[str, Any]:
    """How often each reason led to a refusal."""
    most = study.profile["refusals"][:MOST_REFUSALS]
    files = [Path(entry["path"]).name for entry in study.profile["files"].values()]
    return _section(
        study,
        "refused",
        "refused records",
        f"From {listed(files)}. Every one with file, line and reason stands in rejected.tsv.",
        {
            "plot_type": "table",
            "headers": {
                "reason": {"title": "Reason of the first", "scale": False},
                "count": _count("Records", "How many were refused for such a reason", "Reds"),
            },
            # Names of rows are shortened by MultiQC, texts of cells are not.
            "data": {
                f"reason {number}": {"reason": entry["reason"], "count": entry["count"]}
                for number, entry in enumerate(most, 1)
            },
        },
        {"col1_header": "Reasons"},
    )


def _section(
    study: Study,
    key: str,
    title: str,
    description: str,
    content: dict[str, Any],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """A section of the one module that all datasets share."""
    own = f"bioseq_lstm_{key}_{re.sub('[^A-Za-z0-9]+', '_', study.name)}"
    # The menu of MultiQC takes what is escaped in the name of a section back again.
    name = re.sub("[<>&\"']", "_", f"{study.name}: {title}")
    return {
        "id": own,
        **PARENT,
        "section_name": name,
        "description": description,
        "pconfig": {"id": f"{own}_plot", "title": name, **settings},
        **content,
    }


def _escaped(content: Any) -> Any:
    """The same with every text, names of keys among them, fit to stand in HTML."""
    if isinstance(content, dict):
        return {_escaped(key): _escaped(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_escaped(value) for value in content]
    if isinstance(content, str):
        return html.escape(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+", " ", content))
    return content
