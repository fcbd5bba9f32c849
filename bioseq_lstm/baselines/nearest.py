"""Look-ups of the nearest training record: a detector of leaks rather than a model.

Where copying the label of the most similar training record does well, the test part is not new to
the training part, and every other figure is to be read with that in mind. Which record is nearest
is found elsewhere (a search with MMseqs2); here come only row numbers, -1 for "none found".
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from Bio.Align import PairwiseAligner, substitution_matrices

from bioseq_lstm.baselines.structure import LabelledChains, PredictedStates, most_frequent_states
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.metrics.structure import three_states


class NearestRecord:
    """The values of the nearest training record; the training mean where there is none."""

    about: ClassVar[str] = (
        "Copies the values of the most similar training gene (MMseqs2), or gives the training "
        "mean where none is found: a look-up, good where the split leaks."
    )

    def fit(self, values: np.ndarray) -> Self:
        """``values`` is ``(training records, conditions)``; NaN is missing."""
        self._mean = np.nan_to_num(np.nanmean(values, axis=0))
        self._values = np.where(np.isfinite(values), values, self._mean)
        return self

    def predict(self, nearest: np.ndarray) -> np.ndarray:
        """``(records, conditions)`` for the training row nearest to each record, or -1."""
        return np.where((nearest >= 0)[:, None], self._values[nearest], self._mean)


class NearestChain:
    """The states of the nearest training chain, carried over residue by residue.

    Both chains are aligned locally with BLOSUM62 (a gap costs 11, then 1 for each more); a
    residue without partner, or with one of unknown state, gets the most frequent state of all
    training residues (of eight, and of three), as does a chain without a neighbour.
    """

    about: ClassVar[str] = (
        "Copies the states of the most similar training chain (MMseqs2) along a local "
        "alignment, and gives the most frequent state elsewhere: a look-up, good where the "
        "split leaks."
    )

    def fit(self, train: LabelledChains) -> Self:
        self._train = train
        self._most_frequent = most_frequent_states(train.labels)
        self._aligner = PairwiseAligner(
            mode="local",
            substitution_matrix=substitution_matrices.load("BLOSUM62"),
            open_gap_score=-11,
            extend_gap_score=-1,
        )
        return self

    def predict(self, chains: Ragged, nearest: np.ndarray) -> PredictedStates:
        """States of each chain, given the training row nearest to it, or -1."""
        carried = [
            self._carry_over(chain, int(row)) for chain, row in zip(chains, nearest, strict=True)
        ]
        return PredictedStates([eight for eight, _ in carried], [three for _, three in carried])

    def _carry_over(self, chain: np.ndarray, row: int) -> tuple[str, str]:
        states = np.full(len(chain), DSSP8.unknown_code, np.uint8)
        for (start, end), (other, _) in self._matched(chain, row):
            states[start:end] = self._train.labels[row][other : other + end - start]
        found = DSSP8.decode(states)
        eight, three = (
            own.replace(DSSP8.unknown, frequent)
            for own, frequent in zip((found, three_states(found)), self._most_frequent, strict=True)
        )
        return eight, three

    def _matched(
        self, chain: np.ndarray, row: int
    ) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Stretches of a chain and of training chain ``row`` that lie on each other."""
        if row < 0 or not len(chain):
            return []
        reference = self._train.chains[row]
        alignments = self._aligner.align(PROTEIN.decode(chain), PROTEIN.decode(reference))
        # There may be more equally good ones than len() can tell, or none at all.
        best = next(iter(alignments), None)
        return [] if best is None else list(zip(*best.aligned, strict=True))
