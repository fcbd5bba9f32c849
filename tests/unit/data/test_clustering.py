"""Groups: what is similar is together, and what is not is apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.data.clustering import (
    chromosome_blocks,
    homology_clusters,
    identical_groups,
    merged,
    molecule_clusters,
    numbered,
)
from bioseq_lstm.data.similarity import Entries

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"


def protein(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list(AMINO_ACIDS), length))


def changed(sequence: str, every: int, offset: int = 0) -> str:
    """Every so manyth letter replaced by W (a W by A)."""
    return "".join(
        ("A" if c == "W" else "W") if i % every == offset else c for i, c in enumerate(sequence)
    )


def test_kin_of_kin_are_one_cluster_and_strangers_are_their_own() -> None:
    first = protein(150, 1)
    second = changed(first, 4)
    third = changed(second, 4, offset=2)
    entries = Entries("protein", list("abcde"), [first, protein(150, 2), second, first, third])
    # first to second and second to third 75 % alike, first to third 50 %: joined through second
    assert homology_clusters(entries, identity=0.7, coverage=0.8).tolist() == [0, 1, 0, 0, 0]
    assert homology_clusters(entries, identity=0.9, coverage=0.8).tolist() == [0, 1, 2, 0, 3]


def test_a_fragment_joins_its_whole_by_the_coverage_of_the_shorter_one() -> None:
    whole = protein(300, 3)
    entries = Entries("protein", ["whole", "fragment"], [whole, whole[100:180]])
    assert len(set(homology_clusters(entries, identity=0.5, coverage=0.8))) == 1
    half_alike = protein(80, 4) + whole[:80]
    entries = Entries("protein", ["whole", "chimera"], [whole, half_alike])
    assert len(set(homology_clusters(entries, identity=0.5, coverage=0.8))) == 2
    assert len(set(homology_clusters(entries, identity=0.5, coverage=0.4))) == 1


def test_identical_groups_join_both_strands_of_dna_only() -> None:
    strand = "AACCGGTTAC"
    sequences = [strand, "ACACACACAC", reverse_complement(strand), strand]
    dna = Entries("dna", list("abcd"), sequences)
    assert identical_groups(dna).tolist() == [0, 1, 0, 0]
    assert identical_groups(Entries("protein", list("abcd"), sequences)).tolist() == [0, 1, 2, 0]


def test_molecules_are_linked_at_the_tanimoto_coefficient() -> None:
    smiles = ["CCO", "CCCO", "c1ccccc1C(=O)O", "c1ccccc1C(=O)O"]
    entries = Entries("molecule", list("abcd"), smiles)
    assert molecule_clusters(entries, 0.3).tolist() == [0, 0, 1, 1]
    assert molecule_clusters(entries, 1.0).tolist() == [0, 1, 2, 2]


def test_blocks_are_counted_along_each_chromosome() -> None:
    chromosome = ["I", "I", "II", "I", "I"]
    start = np.array([0, 59_999, 0, 60_000, 130_000])
    assert chromosome_blocks(chromosome, start, 60_000).tolist() == [0, 0, 1, 2, 3]


def test_a_border_does_not_cut_a_run_of_close_genes_on_one_strand() -> None:
    start = np.array([900, 1010, 1500, 1650, 2050])
    end = np.array([1000, 1400, 1600, 1900, 2900])
    strand = ["+", "+", "+", "-", "-"]
    # the second gene follows 10 bases on: with the first, though it starts past the border;
    # the third 100 bases on: just so; the fourth has the other strand; the fifth is 150 away
    blocks = chromosome_blocks(["c"] * 5, start, 1000, end, strand)
    assert blocks.tolist() == [0, 0, 0, 1, 2]


def test_blocks_do_not_depend_on_the_order_of_the_genes() -> None:
    generator = np.random.default_rng(0)
    start = np.sort(generator.integers(0, 100_000, 200))
    end, strand = start + 90, generator.choice(["+", "-"], 200).tolist()
    order = generator.permutation(200)
    straight = chromosome_blocks(["c"] * 200, start, 5_000, end, strand)
    turned = [strand[row] for row in order]
    shuffled = chromosome_blocks(["c"] * 200, start[order], 5_000, end[order], turned)
    assert numbered(straight[order].tolist()).tolist() == shuffled.tolist()


groupings = st.integers(1, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 5), min_size=n, max_size=n)] * 2)
)


@given(groupings)
def test_merging_joins_what_either_grouping_joins_and_nothing_else(
    pair: tuple[list[int], list[int]],
) -> None:
    one, other = map(np.array, pair)
    both = merged(one, other)
    count = len(one)
    linked = (one[:, None] == one) | (other[:, None] == other)
    reach = np.linalg.matrix_power(linked.astype(np.int64) + np.eye(count, dtype=np.int64), 12) > 0
    assert ((both[:, None] == both) == reach).all()


def test_numbers_follow_the_first_appearance() -> None:
    assert numbered(["b", "a", "b", "NA"]).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("kind", ["protein", "dna", "molecule"])
def test_no_entries_make_no_clusters(kind: str) -> None:
    entries = Entries(kind, [], [])  # type: ignore[arg-type]
    groups = (
        molecule_clusters(entries, 0.5)
        if kind == "molecule"
        else homology_clusters(entries, 0.5, 0.5)
    )
    assert groups.tolist() == []
