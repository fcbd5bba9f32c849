"""Test chains as the report draws them: which, and what is said of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bioseq_lstm.data.alphabets import DSSP8
from bioseq_lstm.metrics.structure import three_states
from bioseq_lstm.reporting.panels import Section, SequenceTrack, Tracks
from bioseq_lstm.tasks.outcomes import Results

SHOWN_TEST = 300
STRETCH = 15  # residues: about a helix of four turns, or two strands with their turn
CONFIDENCE = "Confidence is the probability of the most probable of the eight states."


def tested_chains(results: Results, table: pd.DataFrame) -> Section:
    """The chosen model's test chains, observed above predicted."""
    known = [np.array(list(states)) != DSSP8.unknown for states in table["truth"]]
    q3 = [share_right(*pair) for pair in zip(table["truth"], table["predicted_3"], strict=True)]
    own = table.assign(
        q3=q3, confidence_mean=[float(np.mean(values)) for values in table["confidence"]]
    )[[bool(some.any()) for some in known]]
    shown = telling_most(own)
    sequences = results.records.drop_duplicates("id").set_index("id")["sequence"]
    nearest = results.leakage.drop_duplicates("id").set_index("id")["nearest"]
    likeness = pd.Series(results.similarity, results.splits["id"])
    tracks = [
        SequenceTrack(
            chain.id,
            sequences[chain.id],
            chain.predicted,
            chain.confidence.tolist(),
            chain.truth,
            f"{nearest_told(nearest.get(chain.id), likeness.get(chain.id))} "
            f"{least_certain(chain.confidence)}",
            chain.predicted_3,
        )
        for chain in shown.itertuples()
    ]
    said = [
        f"{results.chosen}, first seed: observed above predicted, n = {len(shown):,} of "
        f"{len(table):,} test chains."
    ]
    if len(shown) < len(own):
        said.append(
            "Shown are, a third each, the least accurate, of the others the least confident, and "
            "of the rest the most accurate."
        )
    if len(own) < len(table):
        said.append(f"{len(table) - len(own):,} without any observed state are left out.")
    said.append(f"What is said to be right is the share of residues in three states. {CONFIDENCE}")
    panel = Tracks(
        "Test chains, residue by residue",
        tracks,
        " ".join(said),
        results.predicted_in,
        total=len(table),
    )
    return Section(
        "chains", "Test chains", "Where the chosen model is right, and where not.", [panel]
    )


def share_right(truth: str, predicted_3: str) -> float:
    """Q3 of one chain; NaN where no state is known."""
    pairs = [(t, p) for t, p in zip(three_states(truth), predicted_3, strict=True) if t != "."]
    return float(np.mean([t == p for t, p in pairs])) if pairs else float("nan")


def telling_most(chains: pd.DataFrame, most: int = SHOWN_TEST) -> pd.DataFrame:
    """All chains, or ``most``: the least accurate, the least confident, the most accurate.

    Columns: ``q3``, ``confidence_mean``.
    """
    if len(chains) <= most:
        return chains
    third = most // 3
    worst = chains.nsmallest(third, "q3")
    rest = chains.drop(worst.index)
    unsure = rest.nsmallest(third, "confidence_mean")
    best = rest.drop(unsure.index).nlargest(third, "q3")
    return pd.concat([worst, unsure, best]).sort_index()


def least_certain(confidence: Sequence[float]) -> str:
    """Where a chain is least sure, in words."""
    values = np.asarray(confidence, dtype=float)
    if len(values) <= STRETCH:
        return ""
    means = np.convolve(values, np.full(STRETCH, 1 / STRETCH), "valid")
    start = int(means.argmin())
    return (
        f"Least certain: residues {start + 1} to {start + STRETCH}, "
        f"mean confidence {means[start]:.2f}."
    )


def nearest_told(nearest: object, likeness: object) -> str:
    """The nearest training chain and how near it is, in words."""
    if not isinstance(nearest, str) or not nearest:
        return "No similar training chain was found."
    return f"Nearest training chain {nearest}, identity times coverage {likeness:.0%}."
