"""Loss by epoch."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bioseq_lstm.reporting.charts.style import nothing, styled


def learning_curves(
    history: pd.DataFrame, *, label: str = "loss", height: int = 240
) -> alt.LayerChart | alt.Chart:
    """Training and validation loss by epoch, with the chosen epoch marked.

    Columns: ``run``, ``epoch``, ``train``, ``validation``, ``chosen`` (the epoch that was kept, on
    every row of its run); with a column ``model``, colour tells the models and not the runs apart.
    """
    colour = "model" if "model" in history.columns else "run"
    data = history.melt(
        id_vars=list(dict.fromkeys([colour, "run", "epoch", "chosen"])),
        value_vars=["validation", "train"],
        var_name="part",
        value_name="loss",
    ).dropna(subset=["loss"])
    if data.empty:
        return nothing()
    data["kept"] = (data["epoch"] == data["chosen"]) & (data["part"] == "validation")
    data = data.drop(columns="chosen")
    names = list(dict.fromkeys(data[colour].astype(str)))
    base = alt.Chart(data).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False, zero=False)).axis(
            tickMinStep=1, grid=False
        ),
        y=alt.Y("loss:Q", title=label, scale=alt.Scale(zero=False)),
        color=alt.Color(f"{colour}:N", title=None, sort=names),
        detail="run:N",
        tooltip=["run:N", "part:N", "epoch:Q", alt.Tooltip("loss:Q", format=".4f")],
    )
    dashes = alt.Scale(domain=["validation", "train"], range=[[1, 0], [3, 3]])
    lines = base.mark_line().encode(
        strokeDash=alt.StrokeDash("part:N", title=None, scale=dashes, sort=["validation", "train"])
    )
    # Invisible discs under the lines: a reader need not hit a line of two pixels for its tooltip.
    handles = base.mark_point(filled=True, size=80, opacity=0)
    kept = base.mark_point(filled=True, size=90, opacity=1).transform_filter("datum.kept")
    return styled(alt.layer(lines, handles, kept), height)
