"""Curves: loss by epoch, and stated confidence against what was right."""

from __future__ import annotations

import altair as alt
import pandas as pd

from bioseq_lstm.reporting.charts import style
from bioseq_lstm.reporting.charts.style import nothing, small_multiples, styled

PARTS = ["validation", "train"]
MULTIPLE_HEIGHT = 110  # of one of several small charts


def learning_curves(
    history: pd.DataFrame, *, label: str = "loss", height: int = 240
) -> alt.LayerChart | alt.FacetChart | alt.Chart:
    """Training and validation loss by epoch, one line a run, with the chosen epoch marked.

    Columns: ``run``, ``epoch``, ``train``, ``validation``, ``chosen`` (the epoch that was kept, on
    every row of its run). With a column ``model`` of several models each gets a small chart of
    its own, all on the same scales; colour then tells the parts apart, else the runs.
    """
    multiple = "model" in history.columns and history["model"].nunique() > 1
    names = ["model", "run"] if multiple else ["run"]
    data = history.melt(
        id_vars=[*names, "epoch", "chosen"], value_vars=PARTS, var_name="part", value_name="loss"
    ).dropna(subset=["loss"])
    if data.empty:
        return nothing()
    data["kept"] = (data["epoch"] == data["chosen"]) & (data["part"] == "validation")
    data = data.drop(columns="chosen")
    runs = list(dict.fromkeys(data["run"].astype(str)))
    if multiple:
        hues = alt.Scale(domain=PARTS, range=[style.ACCENT, style.OPPOSITE])
        colour = alt.Color("part:N", title=None, scale=hues, sort=PARTS)
    else:
        colour = alt.Color("run:N", title=None, sort=runs)
    base = (alt.Chart() if multiple else alt.Chart(data)).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(nice=False, zero=False)).axis(
            tickMinStep=1, grid=False
        ),
        y=alt.Y("loss:Q", title=label, scale=alt.Scale(zero=False)),
        color=colour,
        detail="run:N",
        tooltip=["run:N", "part:N", "epoch:Q", alt.Tooltip("loss:Q", format=".4f")],
    )
    dashes = alt.Scale(domain=PARTS, range=[[1, 0], [3, 3]])
    lines = base.mark_line(strokeWidth=1.2 if multiple else 1.8).encode(
        strokeDash=alt.StrokeDash("part:N", title=None, scale=dashes, sort=PARTS)
    )
    # Invisible discs under the lines: a reader need not hit a line of two pixels for its tooltip.
    handles = base.mark_point(filled=True, size=80, opacity=0)
    kept = base.mark_point(filled=True, size=40 if multiple else 90, opacity=1)
    layers = alt.layer(lines, handles, kept.transform_filter("datum.kept"))
    if multiple:
        return small_multiples(layers, data, "model", MULTIPLE_HEIGHT)
    return styled(layers, height)


def profile(frame: pd.DataFrame, *, label: str, height: int = 280) -> alt.LayerChart | alt.Chart:
    """Measured (diamonds) and predicted values of one record across conditions, as given.

    Columns: ``name`` (of the record: the reader chooses one, ``Choice``), ``condition``, ``truth``,
    ``predicted``, ``half_width`` of the interval of a prediction.
    """
    data = frame[["name", "condition", "truth", "predicted", "half_width"]]
    if data.empty:
        return nothing()
    base = (
        alt.Chart(data)
        .transform_calculate(
            low="datum.predicted - datum.half_width", high="datum.predicted + datum.half_width"
        )
        .encode(
            x=alt.X("condition:N", sort=None, title=None).axis(
                labelAngle=-50, labelLimit=110, grid=False, labelOverlap="greedy"
            ),
            tooltip=[
                "condition:N",
                alt.Tooltip("truth:Q", format=".3f", title="measured"),
                *(alt.Tooltip(f"{key}:Q", format=".3f") for key in ("predicted", "low", "high")),
            ],
        )
    )

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=label, scale=alt.Scale(zero=False))

    whiskers = base.mark_rule(color=style.ACCENT, opacity=0.25, strokeWidth=3)
    predicted = base.mark_point(filled=True, size=46, opacity=1, color=style.ACCENT)
    measured = base.mark_point(
        filled=True, size=60, opacity=1, color=style.OPPOSITE, shape="diamond"
    )
    layers = [
        whiskers.encode(y=y("low"), y2="high:Q"),
        predicted.encode(y=y("predicted")),
        measured.encode(y=y("truth")),
    ]
    return styled(alt.layer(*layers), height)


def reliability(bins: pd.DataFrame, *, height: int = 280) -> alt.LayerChart | alt.Chart:
    """Stated confidence against the share that was right, with the line of perfect calibration.

    Columns: ``confidence`` and ``accuracy`` (0 to 1) of each bin, ``residues`` in it.
    """
    data = bins[["confidence", "accuracy", "residues"]].dropna()
    if data.empty:
        return nothing()
    scale = alt.Scale(domain=[0, 1])
    ends = pd.DataFrame({"confidence": [0.0, 1.0], "accuracy": [0.0, 1.0]})
    x = alt.X("confidence:Q", title="stated confidence", scale=scale)
    y = alt.Y("accuracy:Q", title="share right", scale=scale)
    line = alt.Chart(ends).mark_line(color=style.MUTED, strokeDash=[4, 4], strokeWidth=1.2)
    base = alt.Chart(data).encode(
        x=x,
        y=y,
        tooltip=[
            alt.Tooltip("confidence:Q", format=".3f"),
            alt.Tooltip("accuracy:Q", format=".3f"),
            alt.Tooltip("residues:Q", format=",d"),
        ],
    )
    measured = base.mark_line(color=style.ACCENT) + base.mark_point(
        color=style.ACCENT, filled=True, opacity=1
    ).encode(size=alt.Size("residues:Q", legend=None, scale=alt.Scale(range=[20, 260])))
    return styled(alt.layer(line.encode(x=x, y=y), measured), height)
