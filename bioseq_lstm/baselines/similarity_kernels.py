"""Similarity of proteins from their local alignments, as a kernel."""

from __future__ import annotations

import numpy as np

from bioseq_lstm.data.alphabets import PROTEIN
from bioseq_lstm.data.ragged import Ragged
from bioseq_lstm.data.similarity import search

# Kinships too weak to be sure of still tell something, as a small score.
MAX_EVALUE = 10.0


def alignment_similarity(sequences: Ragged, threads: int = 1) -> np.ndarray:
    """Normalised scores of local alignments, ``(sequences, sequences)``, 0 to 1.

    The bit score of two sequences over the geometric mean of what each has with itself (Bleakley &
    Yamanishi 2009, Bioinformatics 25, 2397-2403, with the scores of Smith and Waterman), by
    MMseqs2; 0 where it finds nothing. Made positive semi-definite, which such scores need not be.
    Equal sequences have 1. A sequence that is not even found by itself is similar to itself alone.
    """
    letters = [PROTEIN.decode(sequence) for sequence in sequences]
    distinct = list(dict.fromkeys(letters))
    row = {text: number for number, text in enumerate(distinct)}
    hits = search(distinct, distinct, "protein", threads, most=len(distinct), max_evalue=MAX_EVALUE)
    bits = np.zeros((len(distinct), len(distinct)))
    bits[hits["query"], hits["reference"]] = hits["bits"]
    bits = np.maximum(bits, bits.T)
    own = np.sqrt(np.diag(bits))
    similarity = bits / np.maximum(np.outer(own, own), np.finfo(float).tiny)
    np.fill_diagonal(similarity, 1.0)
    everywhere = [row[text] for text in letters]
    kernel = positive_part(np.minimum(similarity, 1.0))
    return kernel[np.ix_(everywhere, everywhere)]


def positive_part(similarity: np.ndarray) -> np.ndarray:
    """The symmetric matrix without its negative eigenvalues, its diagonal brought back to 1."""
    values, vectors = np.linalg.eigh(similarity)
    kernel = (vectors * np.maximum(values, 0.0)) @ vectors.T
    size = np.sqrt(np.diag(kernel))
    scaled: np.ndarray = kernel / np.outer(size, size)
    return scaled
