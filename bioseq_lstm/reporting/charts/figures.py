"""Figures of merit with their intervals, one per name."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.charts.style import nothing, reference_line, styled

KINDS = ["model", "ensemble", "baseline", "control", "foretold"]
MOST_BARS = 40  # above this bars become a ranked row of points
NARROWEST_NAMED = 420  # pixels, for names to stand beside points
LINE = 12  # pixels, of a line of text


def intervals(
    figures: pd.DataFrame,
    *,
    label: str,
    reference: float | None = None,
    form: str = ".3f",
    height: int | None = None,
) -> alt.LayerChart | alt.Chart:
    """Figures with their intervals, one row each, in the order given.

    Columns: ``name``, ``kind`` (of KINDS), ``value``, ``low``, ``high`` (missing
    where there is no interval). ``reference`` draws a line, for example at the best baseline.
    """
    data = figures[["name", "kind", "value", "low", "high"]].dropna(subset=["value"])
    if data.empty:
        return nothing()
    colours = [style.ACCENT, style.ACCENT, style.MUTED, style.OPPOSITE, style.MUTED]
    drawn = ["circle", "triangle-up", "square", "diamond", "triangle-right"]
    kinds = alt.Scale(domain=KINDS, range=colours)
    shapes = alt.Scale(domain=KINDS, range=drawn)
    legend = alt.Legend(values=[kind for kind in KINDS if kind in set(data["kind"])])
    base = alt.Chart(data).encode(
        y=_names(data["name"]),
        color=alt.Color("kind:N", title=None, scale=kinds, legend=legend),
        tooltip=["name:N", "kind:N", *_figure_tooltip(form)],
    )
    x = alt.X("value:Q", title=label, scale=alt.Scale(zero=False, nice=True))
    whiskers = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=label), x2="high:Q")
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=x, shape=alt.Shape("kind:N", title=None, scale=shapes, legend=legend)
    )
    text = base.encode(x=x, text=alt.Text("value:Q", format=form), color=alt.value(style.INK))
    # A halo in the colour of the page keeps the figure readable where it meets a line.
    halo = text.mark_text(dy=-11, stroke=style.PAPER, strokeWidth=4, strokeJoin="round")
    layers: list[alt.Chart] = [points, halo, text.mark_text(dy=-11)]
    if data["low"].notna().any():  # of an empty layer Vega cannot tell the extent, and warns
        layers.insert(0, whiskers.transform_filter("isValid(datum.low)"))
    if reference is not None:
        layers.insert(0, reference_line("x", reference))
    return styled(alt.layer(*layers), height or _rows(data["name"], 34))


def bars_with_interval(
    frame: pd.DataFrame,
    *,
    label: str,
    reference: float | None = None,
    form: str = ".3f",
    height: int | None = None,
) -> alt.LayerChart | alt.Chart:
    """One bar per name with its interval; above 40 names, a ranked row of points with whiskers.

    Columns: ``name``, ``value``, ``low``, ``high``; optional ``n`` (units behind the figure).
    """
    columns = ["name", "value", "low", "high"] + (["n"] if "n" in frame.columns else [])
    data = frame[columns].dropna(subset=["value"])
    if data.empty:
        return nothing()
    tooltip: list[Any] = ["name:N", *_figure_tooltip(form)]
    if "n" in frame.columns:
        tooltip.append(alt.Tooltip("n:Q", format=",d"))
    many = data["name"].nunique() > MOST_BARS
    if many:
        data = data.sort_values("value", ascending=False, kind="stable")
        data.insert(0, "rank", np.arange(1, len(data) + 1))
        base = alt.Chart(data).encode(
            x=alt.X("rank:Q", title="rank", scale=alt.Scale(nice=False, zero=False)).axis(
                grid=False
            ),
            tooltip=tooltip,
        )
        value = alt.Y("value:Q", title=label, scale=alt.Scale(zero=False))
        marks = base.mark_point(filled=True, size=36, opacity=1, color=style.ACCENT).encode(y=value)
        whiskers = base.mark_rule(color=style.ACCENT, opacity=0.45, strokeWidth=1.5).encode(
            y=alt.Y("low:Q", title=label), y2="high:Q"
        )
        layers = [whiskers.transform_filter("isValid(datum.low)"), marks]
    else:
        base = alt.Chart(data).encode(y=_names(data["name"]), tooltip=tooltip)
        marks = base.mark_bar(color=style.ACCENT, opacity=0.75, height={"band": 0.62}).encode(
            x=alt.X("value:Q", title=label)
        )
        whiskers = base.mark_rule(color=style.INK, strokeWidth=1.4).encode(
            x=alt.X("low:Q", title=label), x2="high:Q"
        )
        layers = [marks, whiskers.transform_filter("isValid(datum.low)")]
    if reference is not None:
        layers.append(reference_line("y" if many else "x", reference))
    return styled(alt.layer(*layers), height or (240 if many else _rows(data["name"], 24)))


def tradeoff(
    frame: pd.DataFrame, *, label: str, speed: str, form: str = ".3f", height: int = 360
) -> alt.LayerChart | alt.Chart:
    """A figure with its interval against speed, on a logarithmic scale, each point named.

    Columns: ``name``, ``parameters``, ``speed``, ``value``, ``low``, ``high``. On a narrow screen
    a point bears its place in the order of ``frame`` instead of its name. Intervals much longer
    than the points lie apart are cut, so that the points can be told apart.
    """
    data = frame.dropna(subset=["value", "speed"])
    if data.empty:
        return nothing()
    data = data.assign(place=np.arange(1, len(data) + 1), shift=_label_shifts(data))
    base = alt.Chart(data).encode(
        x=alt.X("speed:Q", title=speed, scale=alt.Scale(type="log", nice=False, padding=30)).axis(
            format="~s", grid=False
        ),
        tooltip=[
            "place:O",
            "name:N",
            *_figure_tooltip(form),
            alt.Tooltip("speed:Q", format=",.0f", title=speed),
            alt.Tooltip("parameters:Q", format=",d"),
        ],
    )
    value = alt.Y("value:Q", title=label, scale=alt.Scale(domain=_readable(data), zero=False))
    whiskers = base.mark_rule(color=style.MUTED, strokeWidth=1.4, clip=True).encode(
        y=alt.Y("low:Q", title=label), y2="high:Q"
    )
    points = base.mark_point(filled=True, size=70, opacity=1, color=style.ACCENT).encode(y=value)
    named = {
        "align": "left",
        "dx": 7,
        "dy": alt.ExprRef("datum.shift"),
        "text": alt.ExprRef(f"width < {NARROWEST_NAMED} ? datum.place : datum.name"),
    }
    text = base.encode(y=value)
    halo = text.mark_text(stroke=style.PAPER, strokeWidth=4, strokeJoin="round", **named)
    layers = [
        whiskers.transform_filter("isValid(datum.low)"),
        halo,
        points,
        text.mark_text(**named),
    ]
    return styled(alt.layer(*layers), height)


def _readable(data: pd.DataFrame) -> list[float]:
    """The intervals, but no more than twice as far beyond the points as these lie apart."""
    value = data["value"]
    apart = float(np.ptp(value)) or float((data["high"] - data["low"]).fillna(0.0).max()) or 1.0
    low, high = data[["low", "value"]].min(axis=1).min(), data[["high", "value"]].max(axis=1).max()
    room = 0.05 * apart
    return [
        max(float(low), float(value.min()) - 2 * apart) - room,
        min(float(high), float(value.max()) + 2 * apart) + room,
    ]


def _label_shifts(data: pd.DataFrame) -> np.ndarray:
    """Pixels by which each name is moved down, so that it covers no other name and no point.

    Reckoned for a chart of 700 x 320 pixels; from top to bottom each name takes the free place
    that is nearest to its point.
    """
    x = _scaled(np.log(data["speed"].to_numpy(float)), 640)
    bottom, top = _readable(data)
    y = (top - data["value"].to_numpy(float)) / (top - bottom) * 320
    ends = x + 12 + 6.2 * data["name"].str.len().to_numpy(float)
    shifts = np.zeros(len(data))
    placed: list[int] = []
    for row in np.argsort(y, kind="stable"):
        names = [p for p in placed if x[p] < ends[row] and x[row] < ends[p]]
        points = np.flatnonzero((x > x[row] + 1) & (x < ends[row] + 4))
        taken = [(y[p] + shifts[p], LINE) for p in names] + [(y[p], LINE / 1.5) for p in points]
        tries = sorted(range(-96, 97, 2), key=abs)
        free = (s for s in tries if all(abs(y[row] + s - at) >= room for at, room in taken))
        shifts[row] = next(free, 0)
        placed.append(int(row))
    return shifts


def _scaled(values: np.ndarray, size: float) -> np.ndarray:
    span = float(np.ptp(values)) or 1.0
    return (values - values.min()) / span * size


def _names(names: pd.Series) -> alt.Y:
    order = list(dict.fromkeys(names.astype(str)))
    axis = alt.Axis(ticks=False, domain=False, labelPadding=8, labelColor=style.INK)
    return alt.Y("name:N", sort=order, title=None, axis=axis)


def _rows(names: pd.Series, each: int) -> int:
    return each * max(1, int(names.nunique())) + 10


def _figure_tooltip(form: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:Q", format=form) for name in ("value", "low", "high")]
