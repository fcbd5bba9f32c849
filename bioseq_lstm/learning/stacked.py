"""What stacked models are the sum of, as a report tells it: baselines, weights, the share added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bioseq_lstm.learning.costs import TrainedRun
from bioseq_lstm.learning.stacking import adds_nothing
from bioseq_lstm.learning.study import listed
from bioseq_lstm.reporting.panels import Table

Card = Mapping[str, Any]  # ``model.json`` of a run


def sums(runs: Sequence[TrainedRun]) -> dict[str, str]:
    """Of each stacked model, in a sentence, what it is the sum of over all its runs."""
    cards: dict[str, list[Card]] = {}
    for run in runs:
        if "stack" in run.card:
            cards.setdefault(run.model, []).append(run.card)
    return {model: _sum(model, own) for model, own in cards.items()}


def _sum(model: str, cards: Sequence[Card]) -> str:
    names = list(cards[0]["stack"]["baselines"])
    weights = f" (weights {listed(_weights(cards))})" if len(names) > 1 else ""
    shares = span([card["stack"]["share"] for card in cards], ".0%")
    said = f"{model} is the sum of {listed(names)}{weights} and a network, added at {shares}"
    if adds_nothing(cards):
        return f"{said}: the network adds nothing, and the figures are those of what is under it."
    return f"{said}."


def stack_table(runs: Sequence[TrainedRun]) -> list[Table]:
    """Weights and share of each run of a stacked model, if there is one."""
    stacks = [(run, run.card["stack"]) for run in runs if "stack" in run.card]
    if not stacks:
        return []
    names = dict.fromkeys(name for _, stack in stacks for name in stack["baselines"])
    rows = [
        {"model": run.model, "fold": run.fold, "seed": run.seed}
        | {f"weight of {name}": _weight(stack, name) for name in names}
        | {"network added at": stack["share"], "inner folds": stack["folds"]}
        for run, stack in stacks
    ]
    return [
        Table(
            "What stacked models are the sum of",
            pd.DataFrame(rows),
            "A prediction is the weighted mean of the baselines, and what the network adds to it. "
            "Weights are those that best fit predictions of the training part out of inner folds; "
            "the network is added at the share of its part that the validation part bears out: at "
            "0 % the model is its baselines.",
            formats={f"weight of {name}": ".2f" for name in names} | {"network added at": ".0%"},
        )
    ]


def span(values: Sequence[float], form: str) -> str:
    """The lowest and the highest of the networks of a model."""
    low, high = (format(value, form) for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def weighed(cards: Sequence[Card]) -> list[str]:
    """``name (0.72 to 0.87)`` of each baseline under the networks of a model."""
    names = cards[0]["stack"]["baselines"]
    return [f"{name} ({own})" for name, own in zip(names, _weights(cards), strict=True)]


def _weights(cards: Sequence[Card]) -> list[str]:
    """Of each baseline, over the networks of a model."""
    stacks = [card["stack"]["baselines"] for card in cards]
    return [span([stack[name]["weight"] for stack in stacks], ".2f") for name in stacks[0]]


def _weight(stack: Mapping[str, Any], name: str) -> float | None:
    """The weight of a baseline, None where the model does not stand on it."""
    return stack["baselines"][name]["weight"] if name in stack["baselines"] else None
