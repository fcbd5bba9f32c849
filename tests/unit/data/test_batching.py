from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioseq_lstm.data.batching import pair_blocks, thinned, token_batches

LENGTHS = st.lists(st.integers(1, 60), min_size=0, max_size=80).map(lambda x: np.array(x, int))
RNG = st.none() | st.integers(0, 5).map(np.random.default_rng)
PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=80).map(
    lambda x: np.array(x, int).reshape(-1, 2)
)


def joined(batches: list[np.ndarray]) -> list[int]:
    return sorted(np.concatenate([*batches, np.zeros(0, int)]).tolist())


@given(LENGTHS, st.integers(1, 200), RNG, st.integers(1, 100))
def test_every_sample_stands_in_one_batch(
    lengths: np.ndarray, budget: int, rng: np.random.Generator | None, pool: int
) -> None:
    assert joined(token_batches(lengths, budget, rng, pool)) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 200), RNG, st.integers(1, 100))
def test_a_padded_batch_keeps_the_budget_unless_it_is_one_long_sequence(
    lengths: np.ndarray, budget: int, rng: np.random.Generator | None, pool: int
) -> None:
    for batch in token_batches(lengths, budget, rng, pool):
        assert len(batch) == 1 or len(batch) * lengths[batch].max() <= budget


@given(LENGTHS, st.integers(1, 200))
def test_no_batch_is_cut_before_it_must_be(lengths: np.ndarray, budget: int) -> None:
    batches = token_batches(lengths, budget)
    for batch, following in pairwise(batches):
        assert (len(batch) + 1) * lengths[following[0]] > budget


def test_padding_is_below_five_percent_on_lengths_like_those_of_proteins() -> None:
    # Log-normal with mean 250 and sigma 0.7, near the lengths of proteins of E. coli.
    rng = np.random.default_rng(0)
    lengths = np.maximum(rng.lognormal(np.log(250) - 0.7**2 / 2, 0.7, 5000), 20).astype(int)
    assert lengths.mean() == pytest.approx(250, rel=0.05)
    padded = sum(len(b) * lengths[b].max() for b in token_batches(lengths, 4096, rng))
    assert 0 <= 1 - lengths.sum() / padded < 0.05


def test_batches_come_in_another_order_and_company_each_epoch() -> None:
    lengths = np.random.default_rng(0).integers(5, 50, 300)
    first, second = (
        token_batches(lengths, 200, np.random.default_rng(seed), pool=100) for seed in (1, 2)
    )
    longest = [lengths[batch].max() for batch in first]
    assert longest != sorted(longest)
    assert {frozenset(b.tolist()) for b in first} != {frozenset(b.tolist()) for b in second}
    again = token_batches(lengths, 200, np.random.default_rng(1), pool=100)
    assert all(map(np.array_equal, first, again))


def test_without_chance_short_sequences_come_first() -> None:
    lengths = np.array([9, 2, 7, 2])
    assert [b.tolist() for b in token_batches(lengths, 8)] == [[1, 3], [2], [0]]


@given(PAIRS, st.integers(1, 5), st.integers(1, 5), RNG)
def test_every_pair_stands_in_one_block_and_limits_are_kept(
    pairs: np.ndarray, drugs: int, targets: int, rng: np.random.Generator | None
) -> None:
    blocks = pair_blocks(pairs, drugs, targets, rng)
    assert joined(blocks) == list(range(len(pairs)))
    for block in blocks:
        assert len(block) > 0
        assert len(np.unique(pairs[block, 0])) <= drugs
        assert len(np.unique(pairs[block, 1])) <= targets


def test_a_full_matrix_is_cut_into_full_blocks() -> None:
    # 12 drugs x 6 targets in blocks of 4 x 3 are 3 x 2 blocks of 12 pairs.
    pairs = np.stack(np.meshgrid(np.arange(12), np.arange(6)), axis=-1).reshape(-1, 2)
    blocks = pair_blocks(pairs, 4, 3, np.random.default_rng(0))
    assert [len(block) for block in blocks] == [12] * 6


def test_blocks_hold_other_drugs_each_epoch() -> None:
    pairs = np.stack(np.meshgrid(np.arange(12), np.arange(6)), axis=-1).reshape(-1, 2)
    drugs = [
        {frozenset(pairs[b, 0].tolist()) for b in pair_blocks(pairs, 4, 3, rng)}
        for rng in (np.random.default_rng(1), np.random.default_rng(2))
    ]
    assert drugs[0] != drugs[1]


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=60).map(np.array),
    st.integers(1, 4),
    st.integers(0, 5),
)
def test_of_each_group_no_more_than_asked_and_no_fewer_than_there_are(
    groups: np.ndarray, per_group: int, seed: int
) -> None:
    rows = np.arange(0, len(groups), 2)
    kept = thinned(rows, groups, per_group, np.random.default_rng(seed))
    assert set(kept) <= set(rows) and len(set(kept)) == len(kept)
    for group in set(groups[rows]):
        there = int((groups[rows] == group).sum())
        assert (groups[kept] == group).sum() == min(per_group, there)


def test_every_member_of_a_group_has_its_turn() -> None:
    groups = np.array([0, 1, 1, 1, 2])
    rng = np.random.default_rng(0)
    drawn = [thinned(np.arange(5), groups, 1, rng).tolist() for _ in range(600)]
    counts = np.bincount(np.concatenate(drawn), minlength=5)
    assert counts[0] == counts[4] == 600
    assert all(150 < count < 250 for count in counts[1:4])  # 200 expected, 4 standard deviations
