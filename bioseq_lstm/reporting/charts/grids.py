"""Rows by columns, shaded: confusion matrices and heat maps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.charts.style import nothing, styled

MOST_LABELLED_CELLS = 150
LONGEST_UPRIGHT = 5  # characters of a column's name
NARROWEST_CELL = 30  # pixels, for a figure to stand in

_BAND_AXIS: dict[str, Any] = {
    "grid": False,
    "domain": False,
    "ticks": False,
    "labelAngle": 0,
    "labelPadding": 6,
}


def confusion(matrix: pd.DataFrame, *, height: int | None = None) -> alt.LayerChart | alt.Chart:
    """Counts of truth (rows, the index) against prediction (columns), shaded by share of row."""
    rows = matrix.to_numpy(float)
    totals = rows.sum(axis=1, keepdims=True)
    shares = np.divide(rows, totals, out=np.zeros_like(rows), where=totals > 0)
    data = pd.DataFrame(
        {
            "truth": np.repeat([str(name) for name in matrix.index], matrix.shape[1]),
            "predicted": np.tile([str(name) for name in matrix.columns], matrix.shape[0]),
            "count": rows.ravel(),
            "share": shares.ravel(),
        }
    )
    if data.empty:
        return nothing()
    base = alt.Chart(data).encode(
        x=alt.X("predicted:N", sort=None, title="predicted").axis(
            **_across(matrix.columns), orient="top"
        ),
        y=alt.Y("truth:N", sort=None, title="observed").axis(**_BAND_AXIS),
        tooltip=[
            "truth:N",
            "predicted:N",
            alt.Tooltip("count:Q", format=",d"),
            alt.Tooltip("share:Q", format=".1%", title="share of the row"),
        ],
    )
    shade = alt.Opacity("share:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.03, 1]))
    cells = base.mark_rect(color=style.ACCENT, cornerRadius=2).encode(opacity=shade)
    size = height or max(180, 34 * matrix.shape[0] + 20)
    return styled(
        alt.layer(cells, *_cell_text(base, "share", ".0%", "share", matrix.shape[1])), size
    )


def heatmap(
    frame: pd.DataFrame,
    *,
    label: str,
    row_label: str = "",
    column_label: str = "",
    diverging: bool = False,
    form: str = ".2f",
    height: int | None = None,
) -> alt.LayerChart | alt.Chart:
    """Values on a grid. Columns: ``row``, ``column``, ``value``; order is that of appearance.

    ``diverging`` shades by distance from zero, in one hue above it and another below.
    """
    data = frame[["row", "column", "value"]].dropna(subset=["value"])
    if data.empty:
        return nothing()
    values = data["value"].to_numpy(float)
    extent = float(np.abs(values).max()) or 1.0
    low = 0.0 if diverging else float(values.min())
    span = (extent if diverging else float(values.max())) - low or 1.0
    data = data.assign(shade=(np.abs(values) if diverging else values - low) / span)
    if diverging:
        data = data.assign(side=np.where(values < 0, "below zero", "above zero"))
    base = alt.Chart(data).encode(
        x=alt.X("column:N", sort=None, title=column_label or None).axis(**_across(data["column"])),
        y=alt.Y("row:N", sort=None, title=row_label or None).axis(**_BAND_AXIS),
        tooltip=["row:N", "column:N", alt.Tooltip("value:Q", format=form, title=label)],
    )
    shade = alt.Opacity("shade:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.04, 1]))
    if diverging:
        sides = alt.Scale(domain=["below zero", "above zero"], range=[style.OPPOSITE, style.ACCENT])
        hue = alt.Color("side:N", title=label, scale=sides)
        cells = base.mark_rect().encode(opacity=shade, color=hue)
    else:
        cells = base.mark_rect(color=style.ACCENT).encode(opacity=shade)
    columns = data["column"].nunique()
    few = len(data) <= MOST_LABELLED_CELLS
    text = _cell_text(base, "value", form, "shade", columns) if few else []
    size = height or min(900, max(120, (26 if few else 14) * data["row"].nunique() + 20))
    return styled(alt.layer(cells, *text), size)


def _across(names: Iterable[object]) -> dict[str, Any]:
    """The axis above or below the grid; long names are slanted, so that none is left out."""
    if max(len(str(name)) for name in names) <= LONGEST_UPRIGHT:
        return _BAND_AXIS
    return {**_BAND_AXIS, "labelAngle": -40, "labelLimit": 110, "labelOverlap": False}


def _cell_text(
    base: alt.Chart, column: str, form: str, level: str, columns: int
) -> list[alt.Chart]:
    """The figure in each cell, in a colour to be read on its shade; none where it is narrow.

    On a full shade the text has the colour for it, on a half shade the one that contrasts best in
    the theme (dark ink on half blue in the light, dark ink on half sky blue in the dark).
    """
    narrow = alt.ExprRef(f"width < {NARROWEST_CELL * columns} ? 0 : 11")
    text = base.encode(text=alt.Text(f"{column}:Q", format=form))
    colours = [
        (style.ON_ACCENT, f"datum.{level} > 0.85"),
        (style.ON_HALF_ACCENT, f"datum.{level} > 0.6 && datum.{level} <= 0.85"),
        (style.INK, f"datum.{level} <= 0.6"),
    ]
    return [
        text.mark_text(fill=colour, fontSize=narrow).transform_filter(where)
        for colour, where in colours
    ]
