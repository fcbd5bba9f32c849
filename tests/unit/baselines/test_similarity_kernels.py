from __future__ import annotations

import numpy as np
import pytest
from Bio.Align import PairwiseAligner, substitution_matrices

from bioseq_lstm.baselines.similarity_kernels import alignment_similarity, positive_part
from bioseq_lstm.data.alphabets import PROTEIN

LETTERS = list("ACDEFGHIKLMNPQRSTVWY")


def family(members: int, length: int, mutated: int) -> list[str]:
    """Descendants of one random protein, each with some letters drawn anew."""
    generator = np.random.default_rng(1)
    ancestor = generator.choice(LETTERS, length)
    texts = []
    for _ in range(members):
        own = ancestor.copy()
        own[generator.choice(length, mutated, replace=False)] = generator.choice(LETTERS, mutated)
        texts.append("".join(own))
    return texts


@pytest.fixture(scope="module")
def texts() -> list[str]:
    stranger = "".join(np.random.default_rng(2).choice(LETTERS, 150))
    kin = family(4, 150, 45)
    return [*kin, kin[0], stranger, "MKV"]


@pytest.fixture(scope="module")
def similarity(texts: list[str]) -> np.ndarray:
    return alignment_similarity(PROTEIN.encode_all(texts))


def test_it_is_the_score_of_smith_and_waterman_over_both_own_scores(texts, similarity) -> None:
    aligner = PairwiseAligner(
        mode="local",
        substitution_matrix=substitution_matrices.load("BLOSUM62"),
        open_gap_score=-11,
        extend_gap_score=-1,
    )
    kin = texts[:4]
    scores = np.array([[aligner.score(a, b) for b in kin] for a in kin])
    own = np.sqrt(np.diag(scores))
    # Bits have an offset, and MMseqs2 corrects scores for the composition of the query.
    np.testing.assert_allclose(similarity[:4, :4], scores / np.outer(own, own), atol=0.06)


def test_copies_are_alike_and_strangers_are_not(similarity) -> None:
    np.testing.assert_allclose(np.diag(similarity), 1)
    np.testing.assert_allclose(similarity[0], similarity[4])
    np.testing.assert_allclose(similarity[0, 4], 1)
    np.testing.assert_allclose(similarity[5:, :5], 0, atol=1e-9)
    assert similarity[5, 6] == pytest.approx(0, abs=1e-9)


def test_it_is_positive_semi_definite(similarity) -> None:
    assert np.linalg.eigvalsh(similarity).min() > -1e-9


def test_the_positive_part_of_a_kernel_is_itself_and_of_another_matrix_the_nearest() -> None:
    kernel = np.array([[1, 0.5], [0.5, 1]])
    np.testing.assert_allclose(positive_part(kernel), kernel)
    # Three things cannot be 0.9 like a third one each and 0 like each other.
    broken = np.array([[1, 0.9, 0], [0.9, 1, 0.9], [0, 0.9, 1]])
    mended = positive_part(broken)
    assert np.linalg.eigvalsh(broken).min() < -0.2
    assert np.linalg.eigvalsh(mended).min() > -1e-9
    np.testing.assert_allclose(np.diag(mended), 1)
