"""How accurate it is on public benchmarks: benchmarks/README.md, made from finished runs.

    ./run --configfile config/benchmarks/affinity_davis.yaml --config local=FOLDER -- accuracy

trains what is not trained yet and calls this on the folders of its datasets. Their figures go to
``benchmarks/results/accuracy``, a table each, and the page is made from all tables there and from
``references.yaml``, so it holds nothing that was not measured or is not cited.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from page import markdown
from tables import FOLDER, processor

from bioseq_lstm.files import read_json, read_tsv, write_text, write_tsv
from bioseq_lstm.learning.stacked import span, weighed
from bioseq_lstm.learning.study import listed
from bioseq_lstm.metrics.affinity import METRICS as AFFINITY
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.metrics.regression import METRICS as EXPRESSION
from bioseq_lstm.metrics.structure import METRICS as STRUCTURE
from bioseq_lstm.strict_yaml import load_yaml

ACCURACY = FOLDER / "accuracy"
PAGE = Path(__file__).with_name("README.md")
REFERENCES = Path(__file__).with_name("references.yaml")
LABELS = {metric.key: metric for metric in (*STRUCTURE, *EXPRESSION, *AFFINITY)}
KINDS = ("model", "ensemble", "baseline")
COSTS = ("parameters", "epochs", "training_seconds", "tokens_per_second", "device", "precision")

HEAD = """
# Accuracy on public benchmarks

Every figure in **bold** and every baseline was measured by this pipeline on the test rows named,
with a 95 % interval over independent units of the test part: bootstrap over clusters, blocks, or
drugs and targets. Models and their epochs are chosen on validation parts; a test part is predicted
once, when the weights are final. A model *added at* a share *to* baselines is stacked on them: on
their mean with these weights, at the share that the validation part bears out. The other figures
are of others, as cited; *other rows* says that their test set is not ours, so that they show where
the field is and no more. How fast it is stands in [speed.md](../docs/speed.md).

This page is made by a rule from finished runs: the command under each table makes the runs, the
table, and this page. `FOLDER` holds the files that the configuration names by their SHA-256.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", help="the configuration that the results were made by")
    parser.add_argument("results", nargs="*", type=Path, help="folders of datasets")
    arguments = parser.parse_args()
    references = load_yaml(REFERENCES)
    for folder in arguments.results:
        if folder.name not in references:
            parser.error(f"{REFERENCES.name} has no dataset {folder.name!r}")
        table = gathered(folder, references[folder.name]["metrics"], arguments.config or "")
        write_tsv(ACCURACY / f"{folder.name}.tsv", table)
    write_text(PAGE, page(references))


def gathered(folder: Path, metrics: list[str], config: str) -> pd.DataFrame:
    """One row a system and figure, with what the system cost and where and when it was made."""
    figures = read_tsv(folder / "figures.tsv")
    figures = figures[figures["metric"].isin(metrics) & figures["kind"].isin(KINDS)]
    cards: dict[str, list[Mapping[str, Any]]] = {}
    for card in sorted(folder.glob("models/*/fold*/model.json")):
        cards.setdefault(card.parent.parent.name, []).append(read_json(card))
    for name in COSTS:
        costs = {
            model: _joined([card["cost"][name] for card in own]) for model, own in cards.items()
        }
        figures[name] = figures["name"].map(costs)
    under = {model: _under(own) for model, own in cards.items() if "stack" in own[0]}
    figures["stacked"] = figures["name"].map(under)
    run = next(folder.glob("models/*/fold*/run.yaml"))
    versions = yaml.safe_load(run.read_text(encoding="utf-8"))["versions"]
    written = datetime.fromtimestamp((folder / "figures.tsv").stat().st_mtime, UTC)
    return figures.assign(
        config=config,
        date=written.date().isoformat(),
        processor=processor(),
        torch=versions["torch"],
    )


def _under(cards: Sequence[Mapping[str, Any]]) -> str:
    """What networks are stacked on, with weights, and the share at which they are added to it."""
    share = span([card["stack"]["share"] for card in cards], ".0%")
    return f"added at {share} to {listed(weighed(cards))}"


def _joined(values: list[Any]) -> Any:
    """Of several runs the mean of a number, or the words there are."""
    if isinstance(values[0], str):
        return ", ".join(sorted(set(values)))
    return sum(values) / len(values)


def page(references: Mapping[str, Any]) -> str:
    sections = [HEAD.strip()]
    missing = []
    for name, reference in references.items():
        path = ACCURACY / f"{name}.tsv"
        if path.exists():
            sections.append(_section(name, reference, read_tsv(path)))
        else:
            missing.append(reference["title"])
    if missing:
        sections.append(f"## Not measured yet\n\n{'; '.join(missing)}.")
    return "\n\n".join(sections) + "\n"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{max(1, round(seconds / 60))} min"


def _section(name: str, reference: Mapping[str, Any], table: pd.DataFrame) -> str:
    metrics = [LABELS[key] for key in reference["metrics"]]
    lines = [*_ours(metrics, table), *_theirs(metrics, reference.get("systems", []))]
    head = ["system", *(metric.label for metric in metrics), "what"]
    first = table.iloc[0]
    trained = table[table["kind"] == "model"].drop_duplicates("name")
    costs = "; ".join(
        f"`{row['name']}` {_time(row['training_seconds'])} a run on one {row['device']} "
        f"({row['tokens_per_second']:,.0f} letters/s, {row['epochs']:.0f} epochs)"
        for _, row in trained.iterrows()
    )
    return "\n\n".join(
        [
            f"## {reference['title']}",
            reference["about"],
            markdown(head, lines),
            f"{first['date']}, {first['processor']}, torch {first['torch']}. Training: {costs}. "
            f"All figures: [{name}.tsv](results/accuracy/{name}.tsv).",
            f"```bash\n./run --configfile {first['config']} --config local=FOLDER -- accuracy\n```",
        ]
    )


def _ours(metrics: list[Metric], table: pd.DataFrame) -> list[list[str]]:
    """Ensembles and models, the best first, then the baselines likewise."""
    lines = []
    order = metrics[0]
    for kinds in (("ensemble", "model"), ("baseline",)):
        own = table[table["kind"].isin(kinds)]
        first = own[own["metric"] == order.key].dropna(subset=["value"])
        ranked = first.sort_values("value", ascending=not order.higher_is_better)
        for _, row in ranked.iterrows():
            figures = own[own["name"] == row["name"]].set_index("metric")
            cells = [_with_interval(figures.loc[metric.key]) for metric in metrics]
            if row["kind"] == "baseline":
                lines.append([row["name"], *cells, "baseline of this pipeline"])
            else:
                bold = [f"**{cell}**" for cell in cells]
                lines.append([f"**{row['name']}**", *bold, _what(row)])
    return lines


def _what(row: pd.Series) -> str:
    if row["kind"] == "ensemble":
        return "several seeds, their predictions averaged"
    stacked = row.get("stacked")
    more = f", {stacked}" if isinstance(stacked, str) else ""
    return f"{row['parameters']:,.0f} parameters{more}"


def _theirs(metrics: list[Metric], systems: list[Mapping[str, Any]]) -> list[list[str]]:
    lines = []
    for system in systems:
        cells = [f"{system[m.key]:.3f}" if m.key in system else "" for m in metrics]
        rows = "" if system["rows"] == "same" else f"*other rows: {system['rows']}*; "
        lines.append([system["name"], *cells, rows + system["source"]])
    return lines


def _with_interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return "" if pd.isna(row["value"]) else f"{row['value']:.3f}"
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"


if __name__ == "__main__":
    main()
