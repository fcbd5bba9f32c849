"""Counting k-mers in many encoded sequences at once."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bioseq_lstm.data.ragged import Ragged


def kmer_counts(sequences: Ragged, letters: int, k: int, step: int = 1) -> sparse.csr_matrix:
    """How often each k-mer occurs in each sequence: ``(sequences, letters ** k)``.

    Windows of ``k`` letters begin at 0, ``step``, 2 ``step``, ... of their own sequence; ``k`` =
    ``step`` = 3 counts codons in frame. A window that holds padding or an unknown letter (a code
    outside 1 to ``letters``) is left out. Column ``j`` is the k-mer whose letters are the digits
    of ``j`` in base ``letters``, the first letter being the highest digit.
    """
    places = max(len(sequences.codes) - k + 1, 0)
    index = np.zeros(places, dtype=np.int64)
    known = np.ones(places, dtype=bool)
    for shift in range(k):
        codes = sequences.codes[shift : shift + places].astype(np.int64)
        known &= (codes >= 1) & (codes <= letters)
        index = index * letters + codes - 1
    owner = np.repeat(np.arange(len(sequences)), sequences.lengths)[:places]
    within = np.arange(places) - sequences.offsets[owner]
    used = known & (within + k <= sequences.lengths[owner]) & (within % step == 0)
    ones = np.ones(int(used.sum()))
    shape = (len(sequences), letters**k)
    return sparse.coo_matrix((ones, (owner[used], index[used])), shape=shape).tocsr()


def kmer_features(sequences: Ragged, k: int, letters: int = 4) -> np.ndarray:
    """Frequencies of all k-mers of length 1 to ``k``, side by side: ``(sequences, features)``.

    The frequencies of each length add up to 1, or are all 0 where a sequence has none.
    """
    return np.hstack([_frequencies(kmer_counts(sequences, letters, n)) for n in range(1, k + 1)])


def codon_features(coding: Ragged) -> np.ndarray:
    """Frequencies of the 64 codons, read in frame from the first letter: ``(sequences, 64)``."""
    return _frequencies(kmer_counts(coding, 4, 3, step=3))


def _frequencies(counts: sparse.csr_matrix) -> np.ndarray:
    dense = counts.toarray()
    return dense / np.maximum(dense.sum(axis=1, keepdims=True), 1)
