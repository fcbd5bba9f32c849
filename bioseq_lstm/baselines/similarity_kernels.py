"""Similarity of proteins from their k-mers, as a kernel (symmetric, positive semi-definite)."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from bioseq_lstm.baselines.kmers import kmer_counts
from bioseq_lstm.data.ragged import Ragged


def kmer_similarity(sequences: Ragged, letters: int = 20, k: int = 3) -> np.ndarray:
    """The normalised spectrum kernel, ``(sequences, sequences)``, 0 to 1.

    Leslie, Eskin & Noble (2002), Pacific Symposium on Biocomputing: the cosine between the k-mer
    counts of two sequences. A sequence without any known k-mer is similar to itself alone.
    """
    counts = kmer_counts(sequences, letters, k)
    norms = np.sqrt(counts.multiply(counts).sum(axis=1)).A1
    scaled = sparse.diags(1 / np.where(norms > 0, norms, 1)) @ counts
    similarity = (scaled @ scaled.T).toarray()
    np.fill_diagonal(similarity, 1.0)
    return similarity
