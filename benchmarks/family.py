"""Put the comparison of all encoders into docs/family.md.

``./run --configfile config/family.yaml`` trains them; then ``python benchmarks/family.py`` gathers
the figures below ``results/`` into a table and makes the measured part of the page from it.
``--write-docs`` makes that part alone, from the newest table.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import yaml
from drawing import save
from page import BEGIN, DOCS, END, markdown
from tables import FOLDER, file_name, processor

from bioseq_lstm.files import read_json, read_tsv, write_text

SHOWN = {
    "structure": {"q3": "Q3", "q8": "Q8"},
    "expression": {"pearson": "r", "pearson_centred": "r, centred"},
    "affinity": {"concordance": "concordance", "mse": "MSE"},
}
TITLES = {
    "structure": "Secondary structure",
    "expression": "Gene expression",
    "affinity": "Drug-target affinity",
}


@dataclass(frozen=True)
class Machine:
    """Where and when the figures were made: this machine, to be run where the trainings ran."""

    date: str
    processor: str
    versions: str


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--write-docs", action="store_true", help="from the newest table")
    arguments = parser.parse_args()
    table = max(FOLDER.glob("family-*.tsv"), default=None)
    if not arguments.write_docs:
        table = gather(arguments.results)
    if table is None:
        sys.exit(f"there is no table in {FOLDER}: run this without --write-docs first")
    write_docs(table)


def gather(results: Path) -> Path:
    """One line a system and figure, of all three datasets, and where they were trained."""
    folders = {task: results / f"{task}_family" for task in SHOWN}
    tables = [_of_dataset(task, folder) for task, folder in folders.items()]
    machine = _machine(folders["structure"])
    path = FOLDER / file_name("family", machine.date, machine.processor)
    head = "".join(f"# {name}: {value}\n" for name, value in vars(machine).items())
    body = pd.concat(tables).to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    write_text(path, head + body)
    return path


def _of_dataset(task: str, folder: Path) -> pd.DataFrame:
    figures = read_tsv(folder / "figures.tsv").merge(
        read_tsv(folder / "comparisons.tsv").drop(columns="against"),
        on=["name", "metric"],
        how="left",
        suffixes=("", "_difference"),
    )
    figures = figures[figures["metric"].isin(SHOWN[task])].drop(columns=["replicates", "units"])
    figures.insert(0, "task", task)
    cards: dict[str, list[dict[str, int]]] = {}
    for card in sorted(folder.glob("models/*/*/model.json")):
        cards.setdefault(card.parent.parent.name, []).append(read_json(card)["cost"])
    parameters = {name: costs[0]["parameters"] for name, costs in cards.items()}
    epochs = {name: np.mean([cost["epochs"] for cost in costs]) for name, costs in cards.items()}
    return figures.assign(
        parameters=figures["name"].map(parameters), epochs=figures["name"].map(epochs)
    )


def _machine(folder: Path) -> Machine:
    run = next(folder.glob("models/*/*/run.yaml"))
    versions = yaml.safe_load(run.read_text(encoding="utf-8"))["versions"]
    written = datetime.fromtimestamp((folder / "figures.tsv").stat().st_mtime, UTC)
    return Machine(
        date=written.date().isoformat(),
        processor=processor(),
        versions=", ".join(f"{name} {versions[name]}" for name in ("python", "torch")),
    )


def write_docs(path: Path) -> None:
    """Put the tables into docs/family.md, between its marks, and draw its figure."""
    machine, table = read(path)
    page = DOCS / "family.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    save(DOCS / "figures" / "family.svg", drawn(table))
    text = measured(path.name, machine, table)
    write_text(page, f"{before}{BEGIN}\n{text}{END}{after}")


def read(path: Path) -> tuple[Machine, pd.DataFrame]:
    lines = path.read_text(encoding="utf-8").splitlines()
    head = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    return Machine(**head), pd.read_csv(path, sep="\t", skiprows=len(head))


def measured(name: str, machine: Machine, table: pd.DataFrame) -> str:
    """Everything that depends on the figures, as Markdown."""
    sections = [
        f"Trained on {machine.date}: {machine.processor}, {machine.versions}. All figures: "
        f"[{name}](../benchmarks/results/{name}).",
        "![Headline figure of every encoder on the three demo sets](figures/family.svg)",
        *(_section(task, own) for task, own in table.groupby("task", sort=False)),
    ]
    return "\n\n".join(sections) + "\n"


def _section(task: object, rows: pd.DataFrame) -> str:
    metrics = SHOWN[str(task)]
    models = rows[rows["kind"] == "model"]
    reference = models["name"].iloc[0]
    by_metric = {key: models[models["metric"] == key].set_index("name") for key in metrics}
    first = by_metric[next(iter(metrics))]
    lines = []
    for name, row in first.sort_values("value", ascending=False).iterrows():
        cells = [f"`{name}`", f"{row['parameters']:,.0f}", f"{row['epochs']:.0f}"]
        for own in by_metric.values():
            cells += _cells(own.loc[name])
        lines.append(cells)
    head = ["model", "parameters", "epochs"]
    for label in metrics.values():
        head += [f"{label} (95 %)", "sd over seeds", f"minus `{reference}`"]
    floors = rows[rows["kind"] == "baseline"]
    said = []
    for key, label in metrics.items():
        own = floors[floors["metric"] == key].dropna(subset=["value"])
        best = own.loc[own["value"].idxmin() if key == "mse" else own["value"].idxmax()]
        said.append(f"{label} {_with_interval(best)} ({best['name']})")
    table = markdown(head, lines)
    return f"## {TITLES[str(task)]}\n\n{table}\n\nBest baseline: {'; '.join(said)}."


def _cells(row: pd.Series) -> list[str]:
    difference = "" if np.isnan(row["difference"]) else f"{row['difference']:+.3f}"
    if row["told_apart"] in (True, "True"):
        difference = f"**{difference}**"
    return [_with_interval(row), f"{row['seed_sd']:.3f}", difference]


def _with_interval(row: pd.Series) -> str:
    return f"{row['value']:.3f} ({row['low']:.3f}–{row['high']:.3f})"


def drawn(table: pd.DataFrame) -> alt.VConcatChart:
    """The headline figure of each model with its interval, and the best baseline as a line."""
    charts = []
    for task, metrics in SHOWN.items():
        key, label = next(iter(metrics.items()))
        rows = table[(table["task"] == task) & (table["metric"] == key)]
        models = rows[rows["kind"] == "model"].sort_values("value", ascending=False)
        floor = rows.loc[rows["kind"] == "baseline", ["value"]].max().to_frame("value")
        y = alt.Y("name:N", sort=list(models["name"]), title=None)
        x = alt.X("value:Q", title=label, scale=alt.Scale(zero=False))
        base = alt.Chart(models).encode(y=y)
        whiskers = base.mark_rule(color="var(--c1)", strokeWidth=2).encode(
            x=alt.X("low:Q", title=label), x2="high:Q"
        )
        points = base.mark_point(filled=True, size=70, opacity=1, color="var(--c1)").encode(x=x)
        line = alt.Chart(floor).mark_rule(color="var(--c2)", strokeDash=[5, 3]).encode(x="value:Q")
        charts.append(
            alt.layer(line, whiskers, points).properties(
                width=560, height=250, title=f"{TITLES[task]} (line: best baseline)"
            )
        )
    return alt.vconcat(*charts, spacing=24)


if __name__ == "__main__":
    main()
