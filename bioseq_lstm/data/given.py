"""Splits that a column says: its words are the parts, or the folds of a cross-validation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bioseq_lstm.data.assignment import PARTS, TEST, TRAIN, UNUSED, VALIDATION
from bioseq_lstm.data.records import set_name
from bioseq_lstm.errors import UserError, nearest

PartWords = Mapping[str, Sequence[str]]  # the words of a column that make up each part

SPELLINGS = {
    "train": TRAIN,
    "training": TRAIN,
    "validation": VALIDATION,
    "valid": VALIDATION,
    "val": VALIDATION,
    "dev": VALIDATION,
    "test": TEST,
    "testing": TEST,
    "unused": UNUSED,
}

_NUMBER = re.compile(r"([0-9]+)")


def part_of(parts: PartWords | None) -> dict[str, str]:
    """The part that each word stands for; without ``parts`` the words are their names."""
    if parts is None:
        return SPELLINGS
    return {str(set_name(word)): part for part, words in parts.items() for word in words}


def names_validation(parts: PartWords | None, words: Iterable[str]) -> bool:
    """Whether a column names a validation part, or leaves it to be drawn."""
    known = part_of(parts)
    return any(known.get(str(set_name(str(word)))) == VALIDATION for word in words)


def check_words(
    column: str | None,
    words: Iterable[str],
    parts: PartWords,
    wanted: Sequence[str] = PARTS,
    refused: bool = False,
) -> None:
    """Raise UserError for a word under ``parts`` that no row of the column has.

    Misspelt, a word that should be set aside would be a fold like any other, without a word.
    With records ``refused`` it may have been theirs: then only one that is like a word of the
    column which ``parts`` does not name is a fault. Of parts that are not ``wanted`` nothing is
    asked.
    """
    there = {str(set_name(str(word))) for word in words}
    others = sorted(there - set(part_of(parts)))
    for part in (*wanted, UNUSED):
        for word in parts.get(part, ()):
            if str(set_name(word)) in there:
                continue
            meant = nearest(word.strip().casefold(), others)
            if meant or not refused:
                raise UserError(
                    f"split.parts names {word!r}, which column {column!r} does not have{meant}"
                )


def named_parts(
    column: str | None,
    words: Sequence[str],
    ids: Sequence[str],
    parts: PartWords | None,
    wanted: Sequence[str] = PARTS,
) -> np.ndarray:
    """The part (samples,) that the column's word of each sample stands for.

    Raises UserError for a word that stands for none of those ``wanted``, nor for ``unused``.
    """
    found = {word: part for word, part in part_of(parts).items() if part in (*wanted, UNUSED)}
    for word, name in zip(words, ids, strict=True):
        if set_name(word) not in found:
            if parts:
                known = f"split.parts has {', '.join(sorted(found))}: put the word there too"
            else:
                known = f"known: {', '.join((*wanted, UNUSED))}"
            tested = "" if TEST in wanted else "; what is tested stands in files.test"
            raise UserError(
                f"record {name!r} has {word!r} in column {column!r}"
                f"{nearest(word.casefold(), found)}; {known}{tested}"
            )
    return np.array([found[str(set_name(word))] for word in words], dtype=object)


def rotated(
    column: str | None, words: Sequence[str], folds: int, parts: PartWords | None = None
) -> list[np.ndarray]:
    """The part (samples,) of each sample, fold after fold: each of the words is tested once.

    The next word validates (``10`` after ``9``, after the last the first); all others train. Rows
    with the word ``unused``, or one that ``parts`` gives to it, are. Raises UserError unless the
    column has ``folds`` other words, and when those are the names of parts.
    """
    named = np.array([str(set_name(word)) for word in words], dtype=object)
    unused = np.isin(named, [UNUSED, *part_of(parts or {})])
    tested = sorted(set(named[~unused].tolist()), key=lambda word: (_by_number(word), word))
    if tested and set(tested) <= set(SPELLINGS):
        raise UserError(
            f"column {column!r} names parts ({', '.join(tested)}), not folds: set split.folds to 1"
        )
    if len(tested) != folds:
        shown = ", ".join(map(repr, tested[:6])) + (", ..." if len(tested) > 6 else "")
        raise UserError(
            f"column {column!r} has {len(tested)} words ({shown}), and split.folds is {folds}: "
            "each word is a fold, but for those under split.parts.unused"
        )
    found = []
    for test, validation in zip(tested, [*tested[1:], tested[0]], strict=True):
        fold = np.full(len(named), TRAIN, dtype=object)
        fold[unused] = UNUSED
        fold[named == test] = TEST
        fold[named == validation] = VALIDATION
        found.append(fold)
    return found


def _by_number(word: str) -> list[str | int]:
    """What to sort by: text and numbers in turn."""
    return [int(part) if place % 2 else part for place, part in enumerate(_NUMBER.split(word))]
