"""The measured part of docs/speed.md, made from a table of results and from nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from cases import REFERENCE
from drawing import draw
from tables import Machine, read

from bioseq_lstm.files import write_text

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_docs(path: Path) -> None:
    """Put the tables into docs/speed.md, between its marks, and draw its figure."""
    machine, table = read(path)
    page = DOCS / "speed.md"
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    draw(DOCS / "figures" / "recurrent-speed.svg", table)
    write_text(page, f"{before}{BEGIN}\n{measured(path.name, machine, table)}{END}{after}")


def measured(name: str, machine: Machine, table: pd.DataFrame) -> str:
    """Everything that depends on the figures, as Markdown."""
    parts = dict(iter(table.groupby("part")))
    sections = [
        _machine(name, machine),
        "![Speed of every encoder against torch's LSTM](figures/recurrent-speed.svg)",
        *_cells(parts["cells"]),
        *_lengths(parts["lengths"]),
        *_memory(parts["memory"]),
        *_bf16(parts["bf16"]),
        *_ragged(parts["ragged"]),
        *(_prediction(parts["prediction"]) if "prediction" in parts else []),
    ]
    if machine.device == "cpu":
        sections.append(
            "## On a GPU\n\nUnmeasured: none was at hand. `--device cuda` measures cuDNN against "
            "the chunks of steps compiled by torch and against the plain loop."
        )
    return "\n\n".join(sections) + "\n"


def _machine(name: str, machine: Machine) -> str:
    on = machine.processor if machine.device == "cpu" else f"{machine.device}, {machine.processor}"
    return (
        f"Measured on {machine.date}: {on} ({machine.cores} cores, of which {machine.threads} at "
        f"work; {machine.instructions}), {machine.system}, {machine.versions}. Peak: "
        f"{machine.peak}. Load of the machine before: {machine.load_before}. All figures: "
        f"[{name}](../benchmarks/results/{name})."
    )


def _cells(rows: pd.DataFrame) -> list[str]:
    found = ["## Every encoder"]
    for (hidden, batch, length), cells in rows.groupby(["hidden", "batch", "length"], sort=False):
        lines = []
        for encoder, own in cells.groupby("encoder", sort=False):
            engines = list(dict.fromkeys(own["engine"]))
            fastest = own[own["engine"] == engines[0]].set_index("mode")
            plain = own[own["engine"].isin(engines[1:])].set_index("mode")
            line = [_code(encoder), engines[0], f"{fastest['multiply_adds'].iloc[0] / 1000:,.0f}"]
            line.append(f"{fastest['allowed'].iloc[0]:.2f}")
            for mode in ("predict", "train"):
                of_mode = fastest.loc[mode]
                line += [
                    f"{of_mode['tokens_per_second']:,.0f}",
                    f"{of_mode['relative']:.2f}",
                    f"{of_mode['of_allowed']:.2f}",
                    f"{of_mode['of_peak']:.0%}",
                    f"{plain.loc[mode, 'relative']:.2f}" if len(plain) else "",
                ]
            lines.append(line)
        head = ["encoder", "engine", "1,000 multiply-adds", "allowed"]
        for mode in ("predict", "train"):
            head += [f"{mode}: tokens/s", "relative", "of allowed", "of peak", "plain loop"]
        found += [f"Hidden {hidden}, batch {batch}, length {length}:", markdown(head, lines)]
    return found


def _lengths(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    lengths = sorted(set(rows["length"]))
    lines = [
        [
            _code(encoder),
            mode,
            *(f"{own.loc[length, 'tokens_per_second']:,.0f}" for length in lengths),
        ]
        for (encoder, mode), of_one in rows.groupby(["encoder", "mode"], sort=False)
        for own in [of_one.set_index("length")]
    ]
    head = ["encoder", "", *(f"{length:,}" for length in lengths)]
    where = f"Tokens per second; hidden {first['hidden']}, batch {first['batch']}."
    return ["## By length", where, markdown(head, lines)]


def _memory(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    lines = []
    for encoder, own in rows.groupby("encoder", sort=False):
        megabytes = [f"{value:,.0f}" for value in own["megabytes"]]
        lines.append([_code(encoder), *megabytes, *[""] * (2 - len(megabytes))])
    where = (
        "Megabytes that one training step takes on top of weights and input; hidden "
        f"{first['hidden']}, batch {first['batch']}, length {first['length']}."
    )
    return ["## Memory", where, markdown(["encoder", "default engine", "plain loop"], lines)]


def _bf16(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    lines = []
    for encoder, own in rows.groupby("encoder", sort=False):
        modes = own.set_index("mode")
        relative = [_number(modes.loc[mode, "relative"], ".2f") for mode in ("predict", "train")]
        lines.append([_code(encoder), *relative, str(own["note"].iloc[0])])
    where = (
        f"Under bf16 autocast, relative to `{REFERENCE}` in float32; hidden {first['hidden']}, "
        f"batch {first['batch']}, length {first['length']}."
    )
    return ["## bf16", where, markdown(["encoder", "predict", "train", ""], lines)]


def _ragged(rows: pd.DataFrame) -> list[str]:
    first = rows.iloc[0]
    lines = []
    for way, own in rows.groupby("engine", sort=False):
        modes = own.set_index("mode")
        line = [way, f"`{own['encoder'].iloc[0]}`", str(own["note"].iloc[0])]
        line.append(f"{own['fill'].iloc[0]:.2f}")
        for mode in ("predict", "train"):
            line += [
                f"{modes.loc[mode, 'tokens_per_second']:,.0f}",
                f"{modes.loc[mode, 'relative']:.2f}",
            ]
        lines.append(line)
    where = (
        f"A bidirectional LSTM of hidden size {first['hidden']} on lengths that are lognormal with "
        f"mean {first['length']}. Tokens are residues, padding does not count; fill is the share "
        "of a batch that is not padding."
    )
    head = ["batches", "through", "", "fill"]
    head += ["predict: tokens/s", "relative", "train: tokens/s", "relative"]
    return ["## Packed, padded, bucketed", where, markdown(head, lines)]


def _prediction(rows: pd.DataFrame) -> list[str]:
    lines = [
        [
            f"{row['batch']} x {row['length']}",
            str(row["engine"]),
            _number(row["tokens_per_second"], ",.0f"),
            _number(row["relative"], ".2f"),
            _number(row["largest_error"], ".1e"),
            str(row["note"]),
        ]
        for _, row in rows.iterrows()
    ]
    where = (
        f"A bidirectional LSTM of hidden size {rows.iloc[0]['hidden']} with random weights. The "
        f"error is the largest of any state against `{REFERENCE}`; states lie between -1 and 1."
    )
    head = ["batch x length", "engine", "tokens/s", "relative", "largest error", ""]
    return ["## Prediction engines", where, markdown(head, lines)]


def _code(encoder: object) -> str:
    return f"`{encoder}`"


def _number(value: float, form: str) -> str:
    return "" if pd.isna(value) else format(value, form)


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
