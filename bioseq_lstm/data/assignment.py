"""Whole groups to the parts of a split, and to the folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from bioseq_lstm.errors import UserError

TRAIN, VALIDATION, TEST, UNUSED = "train", "validation", "test", "unused"
PARTS = (TRAIN, VALIDATION, TEST)
# A group larger than this share of the smallest part is placed before the small ones, the largest
# first; all others come in random order, so that the seed decides about as much as it can.
LARGE = 0.1
MEND = (
    "ask for fewer folds, or make groups smaller (a higher identity, a shorter block_length, "
    "another column)"
)


def folds_of(
    groups: np.ndarray, fractions: tuple[float, float, float], folds: int, seed: int
) -> Iterator[np.ndarray]:
    """The part of each sample, (samples,) of text, fold after fold.

    One fold follows ``fractions`` (training, validation, test). With more, every group is tested
    in exactly one fold, and the rest is shared between training and validation by their fractions.
    Raises UserError when there are too few groups.
    """
    generator = np.random.default_rng(seed)
    if folds == 1:
        part = assign(groups, fractions, generator)
        yield checked(np.array(PARTS, dtype=object)[part], groups)
        return
    count = len(np.unique(groups))
    if count < folds:
        raise UserError(f"{folds} folds need as many groups, and there are {count}: {MEND}")
    tested = assign(groups, [1 / folds] * folds, generator)
    for fold in range(folds):
        parts = np.full(len(groups), TEST, dtype=object)
        rest = tested != fold
        parts[rest] = without_test(groups[rest], fractions, np.random.default_rng([seed, fold]))
        yield checked(parts, groups)


def without_test(
    groups: np.ndarray, fractions: tuple[float, float, float], generator: np.random.Generator
) -> np.ndarray:
    """Training or validation (samples,) for each sample, by the first two ``fractions``."""
    part = assign(groups, fractions[:2], generator)
    return np.array([TRAIN, VALIDATION], dtype=object)[part]


def checked(parts: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """The parts (samples,) as they came; raises UserError when one of the three is empty."""
    empty = [name for name in PARTS if not (parts == name).any()]
    if empty:
        sizes = np.unique(groups, return_counts=True)[1]
        raise UserError(
            f"the {empty[0]} part is empty: {len(groups)} samples lie in {len(sizes)} groups, the "
            f"largest of {sizes.max()}: {MEND}"
        )
    return parts


def assign(
    groups: np.ndarray, fractions: Sequence[float], generator: np.random.Generator
) -> np.ndarray:
    """Number of the part (samples,) of each sample, whole groups, sizes near ``fractions``.

    Each group goes to the part that lacks most of its share, large groups first. A part that is
    still without a group goes first once there are only as many groups left as such parts.
    """
    names, member, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = np.asarray(fractions, float) / np.sum(fractions) * len(groups)
    order = generator.permutation(len(names))
    large = sizes[order] > LARGE * wanted.min()
    large_first = order[large][np.argsort(-sizes[order[large]], kind="stable")]
    part_of = np.zeros(len(names), np.int64)
    filled = np.zeros(len(wanted))
    placed = [*large_first.tolist(), *order[~large].tolist()]
    for left, group in zip(range(len(placed), 0, -1), placed, strict=True):
        lack = wanted - filled
        empty = filled == 0
        if left <= empty.sum():
            lack = np.where(empty, lack, -np.inf)
        part = int(lack.argmax())
        part_of[group] = part
        filled[part] += sizes[group]
    return part_of[member]
