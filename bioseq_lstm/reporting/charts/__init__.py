"""Tidy tables in, Altair charts in the house style out.

Each function names the columns that it reads. Colours are the page's CSS variables (``style``), so
the specifications are meant for a page of ours. Widths follow the container; heights are pixels.
Names and titles may be any text: they stand in the data, never in an expression.
"""

from bioseq_lstm.reporting.charts.curves import learning_curves, profile, reliability
from bioseq_lstm.reporting.charts.distributions import histogram, scatter
from bioseq_lstm.reporting.charts.figures import bars_with_interval, intervals, tradeoff
from bioseq_lstm.reporting.charts.grids import confusion, heatmap
from bioseq_lstm.reporting.charts.mutations import mutations

__all__ = [
    "bars_with_interval",
    "confusion",
    "heatmap",
    "histogram",
    "intervals",
    "learning_curves",
    "mutations",
    "profile",
    "reliability",
    "scatter",
    "tradeoff",
]
