"""Binding affinity: squared error, concordance (all pairs, and within each target), r²m.

The concordance index is exact and takes O(n log n), not O(n²): two rows of different truth differ
in a highest bit of the ranks of their truth; for each bit, rows are sorted once by prediction, and
a running sum of weights counts how many rows with that bit off lie below each row with it on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bioseq_lstm.metrics.base import Metric, ratio, unit_codes
from bioseq_lstm.metrics.correlation import Ranks, weighted_pearson

MIN_PAIRS = 5

METRICS: tuple[Metric, ...] = (
    Metric("mse", "MSE", "squared unit of the affinity", False, "mean squared error"),
    Metric("concordance", "Concordance index", "", True,
           "of two pairs with different affinity, how often the higher is predicted higher"),
    Metric("per_target_concordance", "Concordance per target", "", True,
           f"concordance within one target, mean over targets with {MIN_PAIRS} pairs or more"),
    Metric("rm2", "r²m", "", True, "r² (1 - √|r² - r₀²|) of Roy & Roy (2008)"),
    Metric("pearson", "Pearson r", "", True, "over all pairs"),
    Metric("spearman", "Spearman ρ", "", True, "over all pairs"),
)  # fmt: skip


class Concordance:
    """Concordance within groups of rows under any row weights; the sorting is done once.

    Pairs of rows with equal truth are not compared. Equal predictions count one half: Harrell's
    C-index without censoring.
    """

    def __init__(self, truth: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> None:
        """All ``(rows,)``; ``groups`` are integer codes from 0, and rows of one are compared."""
        rank = _dense_rank_within(truth, groups)
        guess = unit_codes(predicted)
        bits = range(int(rank.max(initial=0)).bit_length())
        self._groups, self._size = groups, int(groups.max(initial=-1)) + 1
        self._tie = unit_codes(groups * (int(rank.max(initial=0)) + 1) + rank)
        self._tie_group = np.zeros(int(self._tie.max(initial=-1)) + 1, dtype=np.int64)
        self._tie_group[self._tie] = groups
        layers = [_layer(groups, rank >> (bit + 1), (rank >> bit) & 1, guess) for bit in bits]
        shape = (len(layers), len(truth))
        order, high, below, through, start = (
            np.array([layer[k] for layer in layers], dtype=np.int64).reshape(shape)
            for k in range(5)
        )
        self._order, self._high = order, high.astype(bool)
        self._below, self._through, self._start = below, through, start

    def counts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight of concordant and of comparable pairs of rows, each ``(groups,)``."""
        concordant: np.ndarray = np.zeros(self._size)
        if len(self._order):
            ordered = weights[self._order]
            sums = np.zeros((len(ordered), ordered.shape[1] + 1))
            np.cumsum(np.where(self._high, 0.0, ordered), axis=1, out=sums[:, 1:])
            less, most, start = (
                np.take_along_axis(sums, at, axis=1)
                for at in (self._below, self._through, self._start)
            )
            pairs = np.where(self._high, ordered * ((less + most) / 2 - start), 0.0)
            owner = self._groups[self._order]
            concordant = np.bincount(owner.ravel(), pairs.ravel(), minlength=self._size)
        total = np.bincount(self._groups, weights, minlength=self._size)
        tied = np.bincount(self._tie, weights, minlength=len(self._tie_group))
        within = np.bincount(self._tie_group, tied**2, minlength=self._size)
        return concordant, (total**2 - within) / 2


class AffinityScorer:
    """Affinities of drug-target pairs; drugs and targets are both resampled.

    ``per_target_concordance`` is the mean over targets with at least five pairs (and two different
    values), each target counting by the average weight of its rows.

    ``rm2`` is r² (1 - √|r² - r₀²|) of Roy & Roy (2008), QSAR & Combinatorial Science 27, 302-313,
    with r₀² for the regression of truth on prediction through the origin. Code handed down in the
    drug-target field squares r² and r₀² once more under the root: its published r²m is not this.
    """

    def __init__(
        self,
        truth: np.ndarray | Sequence[float],
        predicted: np.ndarray | Sequence[float],
        drugs: np.ndarray | Sequence,
        targets: np.ndarray | Sequence,
        drug_groups: np.ndarray | None = None,
        target_groups: np.ndarray | None = None,
    ) -> None:
        """All ``(pairs,)``. ``drugs`` and ``targets`` are ids or codes; the groups, where given
        (clusters of drugs, families of targets), are what is resampled in their place."""
        self._truth = np.asarray(truth, dtype=float)
        self._guess = np.asarray(predicted, dtype=float)
        if not len(self._truth) == len(self._guess) == len(drugs) == len(targets):
            raise ValueError("truth, predicted, drugs and targets differ in length")
        if not (np.isfinite(self._truth).all() and np.isfinite(self._guess).all()):
            raise ValueError("an affinity is missing or infinite")
        self.units = (
            unit_codes(drugs if drug_groups is None else drug_groups),
            unit_codes(targets if target_groups is None else target_groups),
        )
        self._names, self._target = np.unique(np.asarray(targets), return_inverse=True)
        self._pairs = np.bincount(self._target)
        everything = np.zeros(len(self._truth), dtype=np.int64)
        self._overall = Concordance(self._truth, self._guess, everything)
        self._within = Concordance(self._truth, self._guess, self._target)
        self._columns = (self._truth[:, None], self._guess[:, None])
        self._ranks = tuple(Ranks(column) for column in self._columns)

    def figures(self, weights: np.ndarray) -> dict[str, float]:
        w = weights[:, None]
        total = float(weights.sum())
        concordant, comparable = self._overall.counts(weights)
        truth_ranks, guess_ranks = (ranks(w) for ranks in self._ranks)
        pearson = float(weighted_pearson(*self._columns, w)[0])
        return {
            "mse": ratio(weights @ (self._truth - self._guess) ** 2, total),
            "concordance": ratio(concordant.sum(), comparable.sum()),
            "per_target_concordance": self._per_target(weights),
            "rm2": self._rm2(pearson, weights),
            "pearson": pearson,
            "spearman": float(weighted_pearson(truth_ranks, guess_ranks, w)[0]),
        }

    def per_target(self) -> pd.DataFrame:
        """One row per target with enough test pairs: target, pairs, concordance."""
        concordant, comparable = self._within.counts(np.ones(len(self._truth)))
        values = [ratio(c, n) for c, n in zip(concordant, comparable, strict=True)]
        table = {"target": self._names, "pairs": self._pairs, "concordance": values}
        return pd.DataFrame(table)[self._pairs >= MIN_PAIRS].reset_index(drop=True)

    def _per_target(self, weights: np.ndarray) -> float:
        concordant, comparable = self._within.counts(weights)
        counted = (self._pairs >= MIN_PAIRS) & (comparable > 0)
        share = np.bincount(self._target, weights) / self._pairs
        values = concordant[counted] / comparable[counted]
        return ratio(share[counted] @ values, share[counted].sum())

    def _rm2(self, pearson: float, weights: np.ndarray) -> float:
        r2 = pearson**2
        through_origin = weights @ (self._truth * self._guess)
        squares = weights @ self._guess**2
        if not (np.isfinite(r2) and squares > 0):
            return float("nan")
        line = through_origin / squares * self._guess
        mean = weights @ self._truth / weights.sum()
        spread = weights @ (self._truth - mean) ** 2
        r02 = 1 - weights @ (self._truth - line) ** 2 / spread
        return float(r2 * (1 - np.sqrt(abs(r2 - r02))))


def _dense_rank_within(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Rank 0, 1, 2, ... of each value among the distinct values of its group."""
    order = np.lexsort((values, groups))
    new_group = np.ones(len(order), dtype=bool)
    new_group[1:] = groups[order][1:] != groups[order][:-1]
    new_value = new_group.copy()
    new_value[1:] |= values[order][1:] != values[order][:-1]
    running = np.cumsum(new_value)
    starts = np.maximum.accumulate(np.where(new_group, running, 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = running - starts
    return rank


def _layer(
    groups: np.ndarray, block: np.ndarray, high: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, ...]:
    """One bit of the comparison: rows sorted by (group, block, prediction).

    Returns, in that order of rows: the row, whether its bit is on, and three positions in the
    running sum: before and after the rows with its own prediction, and before its block.
    """
    order = np.lexsort((guess, block, groups))
    place = np.arange(len(order))
    new_block = np.ones(len(order), dtype=bool)
    new_block[1:] = (np.diff(groups[order]) != 0) | (np.diff(block[order]) != 0)
    new_guess = new_block.copy()
    new_guess[1:] |= np.diff(guess[order]) != 0
    start = np.maximum.accumulate(np.where(new_block, place, 0))
    below = np.maximum.accumulate(np.where(new_guess, place, 0))
    ends = np.append(place[new_guess][1:], len(order))
    through = ends[np.cumsum(new_guess) - 1]
    return order, high[order], below, through, start
