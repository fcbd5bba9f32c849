"""Look-ups of the nearest training record: a detector of leaks rather than a model.

Where copying the label of the most similar training record does well, the test part is not new to
the training part, and every other figure is to be read with that in mind. Which record is nearest
is found elsewhere (a search with MMseqs2); here come only row numbers, -1 for "none found".
"""

from __future__ import annotations

from typing import Self

import numpy as np
from Bio.Align import PairwiseAligner, substitution_matrices

from bioseq_lstm.baselines.structure import LabelledChains, most_frequent_state
from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.ragged import Ragged


class NearestRecord:
    """The values of the nearest training record; the training mean where there is none."""

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

    Both chains are aligned globally with BLOSUM62 (gap opening 11, extension 1, end gaps free); a
    residue without partner, or with one of unknown state, gets the most frequent state of all
    training residues, as does a chain without a neighbour.
    """

    def fit(self, train: LabelledChains) -> Self:
        self._train = train
        self._most_frequent = most_frequent_state(train.labels)
        self._aligner = PairwiseAligner(
            mode="global",
            substitution_matrix=substitution_matrices.load("BLOSUM62"),
            open_gap_score=-11,
            extend_gap_score=-1,
            end_open_gap_score=0,
            end_extend_gap_score=0,
        )
        return self

    def predict(self, chains: Ragged, nearest: np.ndarray) -> list[str]:
        """States of each chain, given the training row nearest to it, or -1."""
        return [
            self._carry_over(chain, int(row)) for chain, row in zip(chains, nearest, strict=True)
        ]

    def _carry_over(self, chain: np.ndarray, row: int) -> str:
        states = np.full(len(chain), self._most_frequent)
        if row >= 0 and len(chain):
            labels = self._train.labels[row]
            reference = PROTEIN.decode(self._train.chains[row])
            alignment = self._aligner.align(PROTEIN.decode(chain), reference)[0]
            for (start, end), (other, _) in zip(*alignment.aligned, strict=True):
                carried = labels[other : other + end - start]
                known = carried <= len(DSSP8.letters)
                states[start:end][known] = carried[known]
        return DSSP8.decode(states)
