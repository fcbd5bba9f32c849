"""What every exchange of a letter does, position by letter."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.charts.style import nothing, styled

ROW = 13  # pixels


def mutations(
    frame: pd.DataFrame, *, label: str, height: int | None = None
) -> alt.LayerChart | alt.Chart:
    """Effects of exchanges, shaded by size; a dot marks the letter that stands there.

    Columns: ``position``, ``wild``, ``letter``, ``effect``. Positions without any are left out.
    """
    if frame.empty:
        return nothing()
    effect = frame["effect"].to_numpy(float)
    extent = float(np.abs(effect).max()) or 1.0
    data = frame[["position", "wild", "letter", "effect"]].assign(
        shade=np.abs(effect) / extent, side=np.where(effect < 0, "lowers", "raises")
    )
    order = sorted(set(data["letter"]) | set(data["wild"]))
    x = alt.X("position:O", title="position").axis(
        grid=False, domain=False, ticks=False, labelAngle=0, labelOverlap="greedy"
    )
    y = alt.Y("letter:N", sort=order, title=None).axis(grid=False, domain=False, ticks=False)
    sides = alt.Scale(domain=["lowers", "raises"], range=[style.OPPOSITE, style.ACCENT])
    cells = (
        alt.Chart(data)
        .mark_rect()
        .encode(
            x=x,
            y=y,
            color=alt.Color("side:N", title=label, scale=sides),
            opacity=alt.Opacity(
                "shade:Q", legend=None, scale=alt.Scale(domain=[0, 1], range=[0.02, 1])
            ),
            tooltip=[
                "position:O",
                "wild:N",
                "letter:N",
                alt.Tooltip("effect:Q", format="+.4f", title=label),
            ],
        )
    )
    wild = data.drop_duplicates("position")[["position", "wild"]]
    marks = (
        alt.Chart(wild.rename(columns={"wild": "letter"}))
        .mark_point(filled=True, size=14, opacity=1, color=style.INK)
        .encode(x=x, y=y, tooltip=["position:O", alt.Tooltip("letter:N", title="stands there")])
    )
    return styled(alt.layer(cells, marks), max(90, ROW * len(order) + 20))
