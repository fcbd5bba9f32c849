"""Which samples go into a batch together: little padding, and no sequence encoded twice."""

from __future__ import annotations

import numpy as np


def token_batches(
    lengths: np.ndarray, budget: int, rng: np.random.Generator | None = None, pool: int = 8192
) -> list[np.ndarray]:
    """Fill batches of like length up to ``budget`` letters, padding included.

    Samples are drawn into pools at random, sorted by length within a pool, and cut where the
    padded batch would pass the budget; then the batches are shuffled. A sequence longer than
    the budget is a batch by itself. Without ``rng`` the order is fixed (prediction).

    Args:
        lengths: (samples,) letters of each sample.
        budget: largest number of samples times longest length.

    Returns:
        Positions into ``lengths``; each stands in exactly one batch.
    """
    order = np.arange(len(lengths)) if rng is None else rng.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), pool):
        members = order[start : start + pool]
        members = members[np.argsort(lengths[members], kind="stable")]
        batches += _cut(members, lengths[members], budget)
    if rng is not None:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return batches


def thinned(
    rows: np.ndarray, groups: np.ndarray, per_group: int, rng: np.random.Generator
) -> np.ndarray:
    """At most ``per_group`` of the ``rows`` of each group, drawn anew at each call, ascending.

    Args:
        groups: (samples,) name of the group of every sample, not of ``rows`` alone.
    """
    drawn = rng.permutation(rows)
    drawn = drawn[np.argsort(groups[drawn], kind="stable")]
    own = groups[drawn]
    first = np.flatnonzero(np.r_[True, own[1:] != own[:-1]])
    place = np.arange(len(own)) - np.repeat(first, np.diff(np.r_[first, len(own)]))
    return np.sort(drawn[place < per_group])


def _cut(members: np.ndarray, ascending: np.ndarray, budget: int) -> list[np.ndarray]:
    batches, start = [], 0
    for end in range(1, len(members) + 1):
        full = end == len(members) or (end + 1 - start) * ascending[end] > budget
        if full:
            batches.append(members[start:end])
            start = end
    return batches


def pair_blocks(
    pairs: np.ndarray,
    drugs_in_block: int,
    targets_in_block: int,
    rng: np.random.Generator | None = None,
) -> list[np.ndarray]:
    """Group drug-target pairs into blocks, so that each side is encoded once per step.

    Args:
        pairs: (samples, 2) integer numbers of the drug and the target of each sample.

    Returns:
        Positions into ``pairs``; each stands in exactly one block of at most
        ``drugs_in_block`` different drugs and ``targets_in_block`` different targets.
    """
    drug_block = _blocks(pairs[:, 0], drugs_in_block, rng)
    target_block = _blocks(pairs[:, 1], targets_in_block, rng)
    key = target_block * (drug_block.max(initial=0) + 1) + drug_block
    order = np.argsort(key, kind="stable")
    edges = np.flatnonzero(np.diff(key[order])) + 1
    blocks = [block for block in np.split(order, edges) if len(block)]
    if rng is not None:
        blocks = [blocks[i] for i in rng.permutation(len(blocks))]
    return blocks


def _blocks(members: np.ndarray, size: int, rng: np.random.Generator | None) -> np.ndarray:
    distinct, position = np.unique(members, return_inverse=True)
    order = np.arange(len(distinct)) if rng is None else rng.permutation(len(distinct))
    return order[position] // size
