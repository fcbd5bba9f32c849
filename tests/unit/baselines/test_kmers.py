from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
from Bio.SeqUtils import gc_fraction
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.baselines.kmers import codon_features, kmer_counts, kmer_features
from bioseq_lstm.baselines.similarity_kernels import kmer_similarity
from bioseq_lstm.data.alphabets import DNA, PROTEIN


@given(
    st.lists(st.text("ACGTN", max_size=20), min_size=1, max_size=5),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_counts_are_those_of_cutting_each_text_by_hand(texts, k, step) -> None:
    counts = kmer_counts(DNA.encode_all(texts), 4, k, step).toarray()
    kmers = ["".join(letters) for letters in product("ACGT", repeat=k)]
    for text, row in zip(texts, counts, strict=True):
        expected = Counter(text[i : i + k] for i in range(0, len(text) - k + 1, step))
        assert dict(zip(kmers, row, strict=True)) == {kmer: expected[kmer] for kmer in kmers}


def test_frequencies_of_single_bases_give_the_gc_content() -> None:
    text = "GGCATTTACG"
    features = kmer_features(DNA.encode_all([text]), 2)
    assert features.shape == (1, 4 + 16)
    assert features[0, 1] + features[0, 2] == gc_fraction(text)
    assert features[0, 4:].sum() == 1


def test_codons_are_read_in_frame_and_an_incomplete_one_is_left_out() -> None:
    features = codon_features(DNA.encode_all(["ATGAAAAAATA"]))
    assert features[0, 0] == 2 / 3  # AAA
    assert features[0, 0b00_11_10] == 1 / 3  # ATG


def test_a_sequence_without_a_kmer_has_only_zeros() -> None:
    assert not kmer_features(DNA.encode_all(["", "NN"]), 2).any()


def test_the_spectrum_kernel_is_the_cosine_of_kmer_counts() -> None:
    # ACDE and ACDF share ACD of two 3-mers each; ACDACD has ACD twice, CDA and DAC once.
    similarity = kmer_similarity(PROTEIN.encode_all(["ACDE", "ACDF", "ACDACD", "XX"]))
    np.testing.assert_allclose(np.diag(similarity), 1)
    np.testing.assert_allclose(similarity[0, 1], 1 / 2)
    np.testing.assert_allclose(similarity[0, 2], 2 / (2 * 6) ** 0.5)
    np.testing.assert_array_equal(similarity[3], [0, 0, 0, 1])


def test_the_spectrum_kernel_is_positive_semi_definite() -> None:
    generator = np.random.default_rng(0)
    texts = ["".join(generator.choice(list("ACDEF"), size=30)) for _ in range(40)]
    similarity = kmer_similarity(PROTEIN.encode_all(texts))
    assert np.linalg.eigvalsh(similarity).min() > -1e-9
