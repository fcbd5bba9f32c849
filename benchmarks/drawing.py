"""The figure of docs/speed.md, and how figures of the docs are saved."""

from __future__ import annotations

import json
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert
from cases import REFERENCE

from bioseq_lstm.files import write_text
from bioseq_lstm.reporting.charts.style import CONFIG

# The reports take these from their page, which also has dark ones; a file stands by itself.
_LIGHT = {
    "var(--paper)": "#ffffff",
    "var(--ink)": "#1a2027",
    "var(--muted)": "#57616d",
    "var(--rule)": "#dfe4ea",
    "var(--c1)": "#0072b2",
    "var(--c2)": "#d55e00",
    "var(--c3)": "#009e73",
}
_ENGINES = {
    "compiled": ("compiled chunks", "var(--c1)"),
    "cpp": ("loop in C++", "var(--c1)"),
    "own": ("torch's own", "var(--c3)"),
    "torch": ("plain loop in torch", "var(--c2)"),
}
_MODES = {"predict": "prediction", "train": "training"}
_ACROSS = 4  # small charts side by side


def draw(path: Path, table: pd.DataFrame) -> None:
    """Relative speeds at the first shape of the table, and speeds by length, as one SVG."""
    cells = table[table["part"] == "cells"]
    first = cells.iloc[0]
    at_first = cells[
        (cells[["hidden", "batch", "length"]] == first[["hidden", "batch", "length"]]).all(axis=1)
    ]
    both = alt.vconcat(
        _relative(at_first), _by_length(table[table["part"] == "lengths"]), spacing=28
    )
    save(path, both.resolve_scale(color="independent", strokeDash="independent"))


def save(path: Path, chart: alt.TopLevelMixin) -> None:
    """An SVG in the style of the reports, in their light colours."""
    styled = chart.configure(**{**CONFIG, "background": "var(--paper)", "padding": 14})
    spec = json.dumps(styled.to_dict())
    for name, colour in _LIGHT.items():
        spec = spec.replace(name, colour)
    write_text(path, vl_convert.vegalite_to_svg(spec) + "\n")


def _labelled(cells: pd.DataFrame) -> pd.DataFrame:
    """With ``runs``: the engine, told apart from torch's own where there is no loop of ours."""
    several = cells.groupby("encoder")["engine"].transform("nunique") > 1
    kind = cells["engine"].where(several | (cells["engine"] != "torch"), "own")
    return cells.assign(runs=kind.map({name: text for name, (text, _) in _ENGINES.items()}))


def _relative(cells: pd.DataFrame) -> alt.FacetChart:
    data = _labelled(cells[cells["encoder"] != REFERENCE])
    data = data.assign(mode=data["mode"].map(_MODES))
    there = [pair for pair in _ENGINES.values() if pair[0] in set(data["runs"])]
    scale = alt.Scale(domain=[t for t, _ in there], range=[c for _, c in there])
    order = list(dict.fromkeys(data["encoder"]))
    base = alt.Chart().encode(
        y=alt.Y("encoder:N", sort=order, title=None, axis=alt.Axis(ticks=False, domain=False))
    )
    title = f"relative to {REFERENCE}; tick: what the count of multiply-adds allows"
    x = alt.X("relative:Q", title=title, scale=alt.Scale(domainMin=0))
    points = base.mark_point(filled=True, size=85, opacity=1).encode(
        x=x, color=alt.Color("runs:N", title=None, scale=scale)
    )
    allowed = base.mark_tick(thickness=2, size=15, color="var(--ink)").encode(x="allowed:Q")
    one = alt.Chart().mark_rule(color="var(--muted)", strokeDash=[4, 4])
    return (
        alt.layer(one.encode(x=alt.datum(1.0)), allowed, points, data=data)
        .properties(width=365, height={"step": 24})
        .facet(column=alt.Column("mode:N", title=None, sort=list(_MODES.values())))
        .properties(title=_title("Speed against torch's LSTM", cells))
    )


def _by_length(lengths: pd.DataFrame) -> alt.FacetChart:
    own = lengths[lengths["encoder"] != REFERENCE].assign(whose="this encoder")
    reference = lengths[lengths["encoder"] == REFERENCE]
    order = list(dict.fromkeys(own["encoder"]))
    beside = pd.concat([reference.assign(encoder=name, whose=REFERENCE) for name in order])
    data = pd.concat([own, beside])
    data = data.assign(mode=data["mode"].map(_MODES))
    ticks = sorted(set(map(int, data["length"])))
    lines = alt.Chart(data).mark_line(point=alt.OverlayMarkDef(size=22))
    lines = lines.encode(
        x=alt.X(
            "length:Q",
            title="length",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(values=ticks, labelOverlap=True),
        ),
        y=alt.Y(
            "tokens_per_second:Q",
            title="tokens per second",
            scale=alt.Scale(type="log"),
            axis=alt.Axis(format="~s", grid=False),
        ),
        color=alt.Color(
            "whose:N",
            title=None,
            scale=alt.Scale(
                domain=["this encoder", REFERENCE], range=["var(--c1)", "var(--muted)"]
            ),
        ),
        strokeDash=alt.StrokeDash(
            "mode:N",
            title=None,
            scale=alt.Scale(domain=list(_MODES.values()), range=[[1, 0], [5, 3]]),
        ),
    )
    return (
        lines.properties(width=165, height=105)
        .facet(facet=alt.Facet("encoder:N", sort=order, title=None), columns=_ACROSS)
        .properties(title=_title("Speed by length", lengths, length=False))
    )


def _title(text: str, rows: pd.DataFrame, length: bool = True) -> alt.TitleParams:
    first = rows.iloc[0]
    where = f"hidden {first['hidden']}, batch {first['batch']}"
    where += f", length {first['length']}" if length else ""
    return alt.TitleParams(text, subtitle=where, anchor="start", fontSize=14, subtitleFontSize=11.5)
