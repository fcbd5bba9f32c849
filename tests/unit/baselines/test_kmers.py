from __future__ import annotations

from collections import Counter
from itertools import product

from Bio.SeqUtils import gc_fraction
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.baselines.kmers import codon_features, kmer_counts, kmer_features
from bioseq_lstm.data.alphabets import DNA


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
