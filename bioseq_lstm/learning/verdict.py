"""What the figures say, in words, and never more than they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from bioseq_lstm.metrics.base import Metric

MOST_ALONE = 3  # models of which each gets a sentence of its own


def verdict(
    metric: Metric,
    figures: pd.DataFrame,
    differences: pd.DataFrame,
    chosen: str,
    n: str,
    sums: Mapping[str, str] = MappingProxyType({}),
) -> list[str]:
    """Sentences on the headline figure: the chosen model, the best baseline, the control.

    Args:
        figures: ``figures.tsv``.
        differences: ``differences.tsv``.
        n: what was tested, such as ``180 chains in 171 clusters``.
        sums: of each stacked model, what it is the sum of.
    """
    own = _row(figures, chosen, metric.key)
    sentences = [
        f"{chosen} reaches {metric.label} {_interval(own)} on {n}.",
    ]
    if len(sums) <= MOST_ALONE:
        sentences += sums.values()
    elif chosen in sums:
        sentences.append(sums[chosen])
    own = differences[differences["metric"] == metric.key]
    alone = own if len(own) <= MOST_ALONE else own[own["name"] == chosen]
    sentences += [_against_baseline(metric, row) for _, row in alone.iterrows()]
    if len(own) > MOST_ALONE:
        sentences.append(_others_against_baseline(metric, own[own["name"] != chosen]))
    control = figures[(figures["kind"] == "control") & (figures["metric"] == metric.key)]
    return sentences + _controls(control)


def farthest(metric: Metric, bands: pd.DataFrame, chosen: str) -> list[str]:
    """What the figure is on the test records least like anything in training.

    Args:
        bands: ``bands.tsv``, of the chosen model.
    """
    tested = bands[bands["records"] > 0]
    if tested.empty:
        return []
    lowest = tested.iloc[0]
    alike = f"at most {lowest['to']:.0%} like their nearest training record"
    if lowest["from"] > 0:
        alike = f"{lowest['from']:.0%} to {lowest['to']:.0%} like their nearest training record"
    if len(tested) == 1:
        return [f"All test records are {alike}."]
    if pd.isna(lowest["value"]):
        return []
    said = (
        f"On the {lowest['records']:,.0f} test records that are {alike}, {chosen} reaches "
        f"{_interval(lowest)}"
    )
    if lowest["from"] > 0:
        return [f"{said}; of records less like training nothing is known."]
    return [f"{said}: expect this of sequences that are new."]


def none_beats(metric: Metric, differences: pd.DataFrame) -> list[str]:
    """The advice where no model certainly beats the best baseline."""
    own = differences[differences["metric"] == metric.key]
    if own.empty or (own["better"].astype(bool) & own["certain"].astype(bool)).any():
        return []
    return [
        f"No model beats {own['baseline'].iloc[0]} here: use it, or see What next for whether more "
        "data would help."
    ]


def told_apart(metric: Metric, comparisons: pd.DataFrame, seeds: int) -> list[str]:
    """Which models are better or worse than the first one, and which nobody can say of.

    Args:
        comparisons: ``comparisons.tsv``, which says of each whether it is told apart.
    """
    own = comparisons[comparisons["metric"] == metric.key]
    first = comparisons["against"].iloc[0]
    if seeds == 1:
        return [
            "No two models are told apart: one seed says nothing of how much another training "
            "would differ."
        ]
    told = own["told_apart"].astype(bool)
    higher = (own["difference"] > 0) == metric.higher_is_better
    groups = (
        (told & higher, "better than"),
        (told & ~higher, "worse than"),
        (~told, "not told apart from"),
    )
    said = "; ".join(
        f"{meant} {first}: {', '.join(own['name'][chosen])}"
        for chosen, meant in groups
        if chosen.any()
    )
    count = f"{len(own)} comparisons" if len(own) > 1 else "One comparison"
    return [
        f"In {metric.label}, {said}. Told apart are those whose paired difference has a 95 % "
        f"interval without zero that holds both how trainings differ (t, over the {seeds} seeds) "
        "and how test records differ (bootstrap of their units).",
        f"{count} with {first}, not corrected for their number: where nothing differs, up to one "
        "in twenty is told apart by chance. Between the others nothing is claimed.",
    ]


def below_floor(metrics: Sequence[Metric], differences: pd.DataFrame) -> list[str]:
    """One warning for every model that is below its best baseline in one of ``metrics``."""
    labels = {metric.key: metric.label for metric in metrics}
    below = differences[differences["metric"].isin(labels) & (differences["difference"] != 0)]
    below = below[~below["better"].astype(bool)]
    by_model = {str(name): own for name, own in below.groupby("name", sort=False)}
    if len(by_model) > MOST_ALONE:
        return [_many_below(below, labels)]
    return [
        f"{name} is below its floor. {_listed(own, labels, True)}{_listed(own, labels, False)}"
        "Use the baseline, or give the model more data."
        for name, own in by_model.items()
    ]


def _many_below(below: pd.DataFrame, labels: Mapping[str, str]) -> str:
    """The models below their floors, figure by figure."""
    said = []
    for key, rows in below.groupby("metric", sort=False):
        certain = rows["certain"].astype(bool)
        parts = [
            f"{how} {', '.join(rows['name'][chosen])}"
            for how, chosen in (("certainly", certain), ("perhaps by chance", ~certain))
            if chosen.any()
        ]
        said.append(f"{labels[str(key)]} ({rows['baseline'].iloc[0]}): {'; '.join(parts)}. ")
    return (
        f"{below['name'].nunique()} models are below their floors. {''.join(said)}"
        "Use the baselines, or give the models more data."
    )


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


def _others_against_baseline(metric: Metric, rows: pd.DataFrame) -> str:
    """The same of many models, in one sentence."""
    certain, better = rows["certain"].astype(bool), rows["better"].astype(bool)
    groups = (
        (certain & better, "better"),
        (~certain, "not told apart"),
        (certain & ~better, "worse"),
    )
    said = ", ".join(
        f"{meant} ({', '.join(rows['name'][chosen])})" for chosen, meant in groups if chosen.any()
    )
    return (
        f"Beside the best baseline, {rows['baseline'].iloc[0]}, the other {len(rows)} models are "
        f"in {metric.label} {said}."
    )


def _controls(control: pd.DataFrame) -> list[str]:
    if control.empty:
        return [
            "No control was trained on shuffled labels (controls: none): that something other "
            "than the sequence gives the labels away is not ruled out here."
        ]
    if len(control) <= MOST_ALONE:
        return [
            f"Control: {row['name']}, reaches {_interval(row)}." for _, row in control.iterrows()
        ]
    low, high = control["value"].min(), control["value"].max()
    return [f"Controls: the {len(control)} models, labels shuffled, reach {low:.3f} to {high:.3f}."]


def _interval(row: pd.Series) -> str:
    if pd.isna(row["low"]):
        return f"{row['value']:.3f} (no interval: too few independent units)"
    return f"{row['value']:.3f} (95 % interval {row['low']:.3f} to {row['high']:.3f})"
