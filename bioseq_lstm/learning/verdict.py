"""What the figures say, in words, and never more than they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bioseq_lstm.metrics.base import Metric


def verdict(
    metric: Metric, figures: pd.DataFrame, differences: pd.DataFrame, chosen: str, n: str
) -> list[str]:
    """Sentences on the headline figure: the chosen model, the best baseline, the control.

    Args:
        figures: ``figures.tsv``.
        differences: ``differences.tsv``.
        n: what was tested, such as ``180 chains in 171 clusters``.
    """
    own = _row(figures, chosen, metric.key)
    sentences = [
        f"{chosen} reaches {metric.label} {_interval(own)} on {n}.",
    ]
    sentences += [_against_baseline(metric, row) for _, row in _of_metric(differences, metric.key)]
    control = figures[(figures["kind"] == "control") & (figures["metric"] == metric.key)]
    for _, row in control.iterrows():
        sentences.append(f"Control: {row['name']}, reaches {_interval(row)}.")
    return sentences


def below_floor(metrics: Sequence[Metric], differences: pd.DataFrame) -> list[str]:
    """One warning for every model that is below its best baseline in one of ``metrics``."""
    labels = {metric.key: metric.label for metric in metrics}
    below = differences[differences["metric"].isin(labels) & (differences["difference"] != 0)]
    below = below[~below["better"].astype(bool)]
    return [
        f"{name} is below its floor. {_listed(own, labels, True)}{_listed(own, labels, False)}"
        "Use the baseline, or give the model more data."
        for name, own in below.groupby("name", sort=False)
    ]


def _listed(below: pd.DataFrame, labels: Mapping[str, str], certain: bool) -> str:
    """The figures below the floor that are certain, or those that may be chance."""
    rows = below[below["certain"].astype(bool) == certain]
    if rows.empty:
        return ""
    items = "; ".join(
        f"{labels[row.metric]} by {abs(row.difference):.3f} ({row.baseline})"
        for row in rows.itertuples()
    )
    return f"{'Certainly' if certain else 'Perhaps by chance'}: {items}. "


def control_finds_something(
    metric: Metric, figures: pd.DataFrame, chance: float | None
) -> list[str]:
    """A warning where a model trained on shuffled labels is better than chance.

    ``chance`` is the figure of a baseline that looks at nothing, None where there is none.
    """
    controls = figures[(figures["kind"] == "control") & (figures["metric"] == metric.key)]
    found = []
    for _, row in controls.iterrows():
        if chance is None or pd.isna(row["low"]):
            continue
        beyond = row["low"] > chance if metric.higher_is_better else row["high"] < chance
        if beyond:
            found.append(
                f"{row['name']}, is better than chance ({_interval(row)} against {chance:.3f}): "
                "something other than the sequence gives the labels away."
            )
    return found


def lookup_is_good(
    metric: Metric,
    figures: pd.DataFrame,
    lookup: str,
    chosen: str,
    chance: float | None = None,
) -> list[str]:
    """A warning where the label of the nearest training record does as well as the model.

    A look-up that is no better than ``chance`` gives nothing away: then the model is just poor.
    """
    rows = figures[(figures["name"] == lookup) & (figures["metric"] == metric.key)]
    if rows.empty or pd.isna(rows.iloc[0]["value"]):
        return []
    copied, own = rows.iloc[0]["value"], _row(figures, chosen, metric.key)["value"]
    as_good = copied >= own if metric.higher_is_better else copied <= own
    low, high = rows.iloc[0][["low", "high"]]
    better = chance is None or (low > chance if metric.higher_is_better else high < chance)
    if not (as_good and better):
        return []
    return [
        f"Copying the label of the nearest training record ({lookup}) does as well as {chosen}: "
        f"{metric.label} {copied:.3f} against {own:.3f}. Either the split leaks, or nothing else "
        "can be learnt here."
    ]


def _of_metric(differences: pd.DataFrame, key: str) -> Any:
    return differences[differences["metric"] == key].iterrows()


def _row(figures: pd.DataFrame, name: str, key: str) -> pd.Series:
    return figures[(figures["name"] == name) & (figures["metric"] == key)].iloc[0]


def _against_baseline(metric: Metric, row: pd.Series) -> str:
    size = abs(row["difference"])
    span = f"95 % interval of the difference {row['low']:+.3f} to {row['high']:+.3f}"
    if pd.isna(row["low"]):
        span = "no interval: too few independent units"
    if not row["certain"]:
        return (
            f"{row['name']} and the best baseline, {row['baseline']}, cannot be told apart in "
            f"{metric.label}: difference {row['difference']:+.3f} ({span})."
        )
    verb = "beats" if row["better"] else "is worse than"
    return (
        f"{row['name']} {verb} the best baseline, {row['baseline']}, "
        f"by {size:.3f} {metric.label} ({span})."
    )


def _interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"{row['value']:.3f} (no interval: too few independent units)"
    return f"{row['value']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})"
