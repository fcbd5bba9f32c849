"""How values are distributed, one against a line or two against each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.charts.style import nothing, reference_line, styled

MOST_POINTS = 3000  # above this a scatter is drawn as a binned density
MOST_CARRIED = 60_000  # above this so is one of which a part is chosen


def histogram(
    frame: pd.DataFrame,
    *,
    label: str,
    bins: int = 30,
    reference: float | None = None,
    height: int = 200,
) -> alt.LayerChart | alt.Chart:
    """Distribution of column ``value``; with a column ``group``, shares within each group.

    Counting happens here, so the page carries bins rather than values. ``reference`` draws a line.
    """
    frame = frame[np.isfinite(frame["value"].astype(float))]
    if frame.empty:
        return nothing()
    values = frame["value"].to_numpy(float)
    edges = _edges(values, bins)
    grouped = "group" in frame.columns
    groups = frame["group"].astype(str) if grouped else pd.Series("", index=frame.index)
    tables = []
    for name in dict.fromkeys(groups):
        count, _ = np.histogram(values[(groups == name).to_numpy()], bins=edges)
        tables.append(
            pd.DataFrame(
                {
                    "group": name,
                    "from": edges[:-1],
                    "to": edges[1:],
                    "count": count,
                    "share": count / count.sum(),
                }
            )
        )
    data = pd.concat(tables, ignore_index=True)
    x = alt.X("from:Q", bin="binned", title=label)
    tooltip = [alt.Tooltip("from:Q", format=".4~g"), alt.Tooltip("to:Q", format=".4~g"), "count:Q"]
    if grouped:
        chart = alt.Chart(data).mark_bar(opacity=0.55, binSpacing=0)
        chart = chart.encode(
            x=x,
            x2="to:Q",
            y=alt.Y("share:Q", title="share", stack=None).axis(format="%"),
            color=alt.Color("group:N", title=None, sort=list(dict.fromkeys(groups))),
            tooltip=["group:N", *tooltip, alt.Tooltip("share:Q", format=".1%")],
        )
    else:
        data = data.drop(columns="group")
        chart = alt.Chart(data).mark_bar(color=style.ACCENT, binSpacing=1)
        chart = chart.encode(
            x=x, x2="to:Q", y=alt.Y("count:Q", title="count").axis(format="~s"), tooltip=tooltip
        )
    layers: list[alt.Chart] = [chart]
    if reference is not None:
        layers.append(reference_line("x", reference))
    return styled(alt.layer(*layers), height)


def scatter(
    frame: pd.DataFrame,
    *,
    label: str,
    by: str | None = None,
    height: int = 320,
    bins: int = 56,
) -> alt.LayerChart | alt.Chart:
    """Predicted against measured with the line of identity; a binned density when there are many.

    Columns: ``truth``, ``predicted``, optional ``id``. ``label`` names quantity and unit. ``by``
    names a column of which the reader chooses one value (``Choice``); the axes hold for all.
    """
    wanted = ("id", "truth", "predicted", by)
    columns = [name for name in wanted if name and name in frame.columns]
    data = frame[columns].dropna(subset=["truth", "predicted"])
    if data.empty:
        return nothing()
    both = data[["truth", "predicted"]].to_numpy(float)
    low, high = float(both.min()), float(both.max())
    room = 0.03 * (high - low) or 0.5
    ends = [low - room, high + room]
    scale = alt.Scale(domain=ends, nice=False, zero=False)
    x_title, y_title = f"measured: {label}", f"predicted: {label}"
    diagonal = pd.DataFrame({"truth": ends, "predicted": ends})
    line = alt.Chart(diagonal).mark_line(color=style.MUTED, strokeDash=[4, 4], strokeWidth=1.2)
    line = line.encode(x=alt.X("truth:Q", scale=scale), y=alt.Y("predicted:Q", scale=scale))
    largest = len(data) if by is None else int(data.groupby(by).size().max())
    if largest > MOST_POINTS or len(data) > MOST_CARRIED:
        if by is None:
            cells = _density(both, ends, bins)
        else:
            cells = pd.concat(
                _density(own[["truth", "predicted"]].to_numpy(float), ends, bins).assign(
                    **{by: name}
                )
                for name, own in data.groupby(by, sort=False)
            )
        marks = alt.Chart(cells).mark_rect(color=style.ACCENT)
        marks = marks.encode(
            x=alt.X("truth_from:Q", title=x_title, scale=scale),
            x2="truth_to:Q",
            y=alt.Y("predicted_from:Q", title=y_title, scale=scale),
            y2="predicted_to:Q",
            opacity=alt.Opacity(
                "count:Q",
                title="points in a cell",
                scale=alt.Scale(type="log", range=[0.14, 1], nice=False),
                legend=alt.Legend(tickCount=4, symbolType="square", symbolFillColor=style.ACCENT),
            ),
            tooltip=[alt.Tooltip("count:Q", format=",d", title="points")],
        )
    else:
        tooltip: list[Any] = ["id:N"] if "id" in columns else []
        tooltip += [alt.Tooltip(f"{name}:Q", format=".3f") for name in ("truth", "predicted")]
        marks = alt.Chart(data).mark_point(filled=True, size=26, color=style.ACCENT)
        marks = marks.encode(
            x=alt.X("truth:Q", title=x_title, scale=scale),
            y=alt.Y("predicted:Q", title=y_title, scale=scale),
            opacity=alt.value(float(np.clip(8 / np.sqrt(largest), 0.25, 0.8))),
            tooltip=tooltip,
        )
    return styled(alt.layer(marks, line), height)


def _edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Bin edges; whole numbers with a small span get one bin per number."""
    low, high = float(values.min()), float(values.max())
    if np.all(values == np.round(values)) and high - low < 2 * bins:
        return np.arange(low - 0.5, high + 1.0)
    return np.histogram_bin_edges(values, bins=bins)


def _density(both: np.ndarray, ends: Sequence[float], bins: int) -> pd.DataFrame:
    edges = np.linspace(ends[0], ends[1], bins + 1)
    count, _, _ = np.histogram2d(both[:, 0], both[:, 1], bins=(edges, edges))
    row, column = np.nonzero(count)
    return pd.DataFrame(
        {
            "truth_from": edges[row],
            "truth_to": edges[row + 1],
            "predicted_from": edges[column],
            "predicted_to": edges[column + 1],
            "count": count[row, column].astype(int),
        }
    )
