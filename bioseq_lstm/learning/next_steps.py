"""The section of a report on what to do next: more data or a better model, and what to measure."""

from __future__ import annotations

import math

import pandas as pd

from bioseq_lstm.files import read_json, read_tsv
from bioseq_lstm.learning.growth import Slope, twice
from bioseq_lstm.learning.layout import Layout
from bioseq_lstm.learning.plate import WELLS
from bioseq_lstm.learning.predicted import text_tsv
from bioseq_lstm.learning.prediction import PLATE
from bioseq_lstm.metrics.base import Metric
from bioseq_lstm.reporting.charts import intervals
from bioseq_lstm.reporting.panels import Chart, Panel, Section, Table, Text
from bioseq_lstm.settings import DatasetSettings

SPANS = (
    "95 % bootstrap intervals over the independent units of the test part; one training each, so "
    "how much another training would differ is not in them."
)


def next_section(metric: Metric, settings: DatasetSettings, layout: Layout) -> Section:
    """The learning curve, where one was asked for, and the new records most worth measuring."""
    items: list[Panel] = []
    if settings.learning_curve:
        curve = read_tsv(layout.learning_curve)
        found = read_json(layout.learning_curve.with_suffix(".json"))
        slope, model = Slope.read(found["per_doubling"]), found["model"]
        items.append(_read_curve(metric, curve, model, slope))
        items.append(_chart(metric, curve, model, slope))
    else:
        items.append(
            Text(
                "More data, or a better model?",
                [
                    "Not measured. Set `learning_curve: [0.25, 0.5]` for this dataset: the chosen "
                    "model is then trained on a quarter and on half of the training part too, and "
                    "what a doubling brought tells what another would."
                ],
            )
        )
    items.append(_plate(layout))
    return Section("next", "What next", "Where more work pays, as far as the figures tell.", items)


def _read_curve(metric: Metric, curve: pd.DataFrame, model: str, slope: Slope) -> Text:
    title = "More data, or a better model?"
    if math.isnan(slope.value):
        return Text(title, ["Cannot be told: all shares are of the same size, or of one figure."])
    said = (
        f"Each doubling of the training part changed {metric.label} of {model} by "
        f"{slope.value:+.3f}"
    )
    if math.isnan(slope.low):
        return Text(title, [f"{said}; there are too few independent units for an interval."])
    sign = 1 if metric.higher_is_better else -1
    worst, best = sorted((sign * slope.low, sign * slope.high))
    value, low, high = twice(curve, slope)
    said = f"{said} (95 % interval {slope.low:+.3f} to {slope.high:+.3f})."
    if worst > 0:
        meant = (
            f"More data of this kind may well help: at that pace twice as many samples give "
            f"{value:.3f} ({low:.3f} to {high:.3f}). The pace slows sooner or later, so take it "
            "as the most to hope for; and it rests on one training of each size."
        )
    elif best < 0:
        meant = "More data made it worse, which says that something is wrong: look at the new ones."
    else:
        meant = (
            "Whether more data of this kind would help cannot be said from these: a better model, "
            "other features or cleaner measurements are as likely to pay."
        )
    return Text(title, [said, meant])


def _chart(metric: Metric, curve: pd.DataFrame, model: str, slope: Slope) -> Chart:
    measured = curve.assign(
        name=[f"{row.samples:,} samples ({row.share:.0%})" for row in curve.itertuples()],
        kind="model",
    )
    value, low, high = twice(curve, slope)
    foretold = pd.DataFrame(
        [
            {
                "name": f"{2 * curve['samples'].iloc[-1]:,} samples (foretold)",
                "kind": "foretold",
                "value": value,
                "low": low,
                "high": high,
            }
        ]
    )
    stated = "; ".join(f"{row.samples} samples {row.value:.3f}" for row in curve.itertuples())
    return Chart(
        f"{metric.label} by size of the training part",
        intervals(
            pd.concat([measured[list(foretold)], foretold], ignore_index=True), label=metric.label
        ),
        f"{model}, fold 0, the first seed; smaller parts lie within larger ones. {SPANS} "
        "The last is the line through the others in the logarithm of the size, one doubling on; "
        "its interval is that of the slope.",
        f"{metric.label}: {stated}"
        + ("." if math.isnan(value) else f"; foretold for twice as many {value:.3f}."),
        half=True,
    )


def _plate(layout: Layout) -> Panel:
    plate = text_tsv(layout.predictions / PLATE)
    title = "New records most worth measuring"
    if plate.empty:
        return Text(title, ["Put new sequences into the dataset's `new` folder and run again."])
    by = (
        "how much the trained runs disagree on a record (standard deviation of what they predict)"
        if "disagreement" in plate
        else "how surprising a record is, for want of several runs (folds or seeds) to disagree"
    )
    return Table(
        title,
        plate.astype({"well": str}),
        f"The first {len(plate)} of at most {len(WELLS)}, laid out as a plate: chosen by {by}, and "
        "by how far it lies from those chosen before it.",
        formats={"surprise_fraction": ".3f"},
        file=f"predictions/{PLATE}",
    )
