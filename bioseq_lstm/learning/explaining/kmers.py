"""Which words stand where attributions are high more often, or less, than chance would have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

HIGH = 0.1  # share of a record's words that counts as high
FEWEST = 5  # occurrences, for a word to be tested
PERMUTATIONS = 1000
COLUMNS = ("kmer", "occurrences", "among_high", "expected", "ratio", "z", "p_adjusted")


def kmers_among_high(
    sequences: Sequence[str],
    attributions: Sequence[np.ndarray],
    k: int,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> pd.DataFrame:
    """Words of ``k`` letters among the tenth of each record with the highest mean attribution.

    The control turns the attributions of every record round by a random number of letters: words
    and the likeness of neighbours stay, what lies on what does not. ``p_adjusted`` is two-sided and
    holds for all words together (the largest |z| of each permutation; Westfall & Young 1993).

    Args:
        attributions: (length,) of each sequence.

    Returns:
        Columns ``COLUMNS``, the greatest |z| first; words that occur at least five times.
    """
    words: list[str] = []
    high: list[np.ndarray] = []
    for sequence, attribution in zip(sequences, attributions, strict=True):
        if len(sequence) < k:
            continue
        sums = np.convolve(attribution, np.ones(k), "valid")
        words += [sequence[start : start + k] for start in range(len(sums))]
        chosen = np.zeros(len(sums), bool)
        chosen[np.argsort(-sums, kind="stable")[: max(1, round(HIGH * len(sums)))]] = True
        high.append(chosen)
    if not words:
        return pd.DataFrame(columns=list(COLUMNS))
    names, codes = np.unique(words, return_inverse=True)
    occurrences = np.bincount(codes)
    observed = np.bincount(codes[np.concatenate(high)], minlength=len(names))
    rng = np.random.default_rng(seed)
    drawn = np.stack(
        [
            np.bincount(
                codes[np.concatenate([np.roll(one, rng.integers(len(one))) for one in high])],
                minlength=len(names),
            )
            for _ in range(permutations)
        ]
    )
    # What was observed is one of the draws, or the scale that they set would fit them better.
    drawn = np.concatenate([observed[None], drawn])
    expected, spread = drawn.mean(axis=0), drawn.std(axis=0)
    tested = (occurrences >= FEWEST) & (spread > 0)
    if not tested.any():
        return pd.DataFrame(columns=list(COLUMNS))
    scores = np.abs((drawn - expected)[:, tested] / spread[tested])
    z = (observed - expected)[tested] / spread[tested]
    reached = scores.max(axis=1)[:, None] >= np.abs(z) - 1e-12
    table = pd.DataFrame(
        {
            "kmer": names[tested],
            "occurrences": occurrences[tested],
            "among_high": observed[tested],
            "expected": expected[tested].round(2),
            "ratio": (observed[tested] / expected[tested]).round(3),
            "z": z.round(2),
            "p_adjusted": reached.mean(axis=0).round(4),
        }
    )
    order = np.argsort(-np.abs(z), kind="stable")
    return table.iloc[order].reset_index(drop=True)
