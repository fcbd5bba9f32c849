"""The house style of the charts: colours, fonts, and the Vega-Lite configuration.

Colours are CSS variables that the page defines once for light and once for dark, so a chart (drawn
as SVG) follows the theme, and the printer, without being drawn again. The hues are those of Okabe
and Ito (2008), which people with colour-vision deficiency can tell apart; blue and sky blue change
places in the dark, where blue is too dim.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

INK = "var(--ink)"
MUTED = "var(--muted)"
RULE = "var(--rule)"
PAPER = "var(--paper)"
ACCENT = "var(--c1)"
OPPOSITE = "var(--c2)"
ON_ACCENT = "var(--on-accent)"
ON_HALF_ACCENT = "var(--on-half-accent)"
CATEGORIES = [f"var(--c{number})" for number in range(1, 9)]

NARROWEST = 120  # pixels of a small chart
MOST_ABREAST = 5

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "aria": False,
    "font": FONT,
    "padding": {"left": 2, "right": 8, "top": 4, "bottom": 2},
    "view": {"stroke": None},
    "range": {"category": CATEGORIES},
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 11.5,
        "titleColor": INK,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": RULE,
        "domainColor": RULE,
        "tickColor": RULE,
        "tickSize": 4,
        "labelOverlap": True,
        "labelSeparation": 8,
        "labelFlush": False,
        "tickCount": 8,
    },
    "axisY": {"tickCount": 6},
    "legend": {
        "orient": "top",
        "offset": 8,
        "labelColor": INK,
        "labelFontSize": 11.5,
        "labelLimit": 220,
        "titleColor": MUTED,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "symbolSize": 70,
        "columns": 4,
    },
    "header": {
        "labelColor": INK,
        "labelFontSize": 11.5,
        "labelAnchor": "start",
        "labelPadding": 4,
        "title": None,
    },
    "line": {"strokeWidth": 1.8},
    "point": {"strokeWidth": 1.6},
    "text": {"fontSize": 11, "fill": INK},
    "rule": {"stroke": INK},
}


def styled(chart: alt.LayerChart, height: int) -> alt.LayerChart:
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return chart.properties(width="container", height=height, autosize=fit)


def small_multiples(
    layers: alt.LayerChart, data: pd.DataFrame, by: str, height: int
) -> alt.FacetChart:
    """A small chart for each value of a column, all on the same scales, in order of appearance.

    How many of them have room abreast, and how wide they are, the page's script says
    (templates/charts.js): such a chart has no width of its own that follows its container.
    """
    order = list(dict.fromkeys(data[by].astype(str)))
    drawn = layers.properties(width=NARROWEST, height=height)
    facet = alt.Facet(f"{by}:N", sort=order, title=None)
    return drawn.facet(facet, data=data, columns=min(len(order), MOST_ABREAST))


def reference_line(axis: str, value: float) -> alt.Chart:
    rule = alt.Chart(pd.DataFrame({"reference": [float(value)]}))
    rule = rule.mark_rule(color=INK, strokeDash=[4, 4], strokeWidth=1.2)
    return rule.encode(**{axis: alt.X("reference:Q") if axis == "x" else alt.Y("reference:Q")})


def nothing() -> alt.Chart:
    """Stands where there are no values, so that a report is finished all the same."""
    chart = alt.Chart(pd.DataFrame({"note": ["no values to draw"]}))
    chart = chart.mark_text(fill=MUTED).encode(text="note:N")
    return chart.properties(width="container", height=40)
