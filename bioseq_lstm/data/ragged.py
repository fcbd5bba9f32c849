"""Sequences of unequal length as one flat array of codes and the places where they begin."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Ragged:
    """``codes`` (total,) uint8 end to end; sequence i is ``codes[offsets[i]:offsets[i + 1]]``.

    ``offsets`` (n + 1,) int64 begins with 0 and ends with the number of codes.
    """

    codes: np.ndarray
    offsets: np.ndarray

    def __post_init__(self) -> None:
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.codes):
            raise ValueError("offsets must begin with 0 and end with the number of codes")

    @classmethod
    def from_list(cls, sequences: Sequence[np.ndarray]) -> Ragged:
        """Join arrays of codes (length,) in their order."""
        lengths = np.fromiter((len(codes) for codes in sequences), np.int64, len(sequences))
        flat = np.concatenate(sequences) if len(sequences) else np.zeros(0)
        return cls.from_lengths(flat.astype(np.uint8, copy=False), lengths)

    @classmethod
    def from_lengths(cls, codes: np.ndarray, lengths: np.ndarray) -> Ragged:
        """Codes (total,) that already lie end to end, with the length of each sequence (n,)."""
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        return cls(codes, offsets)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        """The codes (length,) of one sequence, as a view."""
        if index < 0:
            index += len(self)
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.codes[self.offsets[index] : self.offsets[index + 1]]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[index] for index in range(len(self)))

    @property
    def lengths(self) -> np.ndarray:
        """Length of each sequence (n,) int64."""
        return np.diff(self.offsets)

    def take(self, rows: Sequence[int] | np.ndarray) -> Ragged:
        """The sequences ``rows`` in that order; a row may come more than once."""
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows]
        within, _ = _places(lengths)
        places = within + np.repeat(self.offsets[:-1][rows], lengths)
        return Ragged.from_lengths(self.codes[places], lengths)

    def padded(
        self, rows: Sequence[int] | np.ndarray, width: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rows as a rectangle of codes (rows, width) int64, 0 past the end, and lengths (rows,).

        ``width`` defaults to the longest of the rows; longer sequences than a given width are cut,
        and their length is then the width.
        """
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows]
        if width is None:
            width = int(lengths.max(initial=0))
        lengths = np.minimum(lengths, width)
        within, owner = _places(lengths)
        rectangle = np.zeros((len(rows), width), np.int64)
        rectangle[owner, within] = self.codes[within + np.repeat(self.offsets[:-1][rows], lengths)]
        return rectangle, lengths


def _places(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For codes laid end to end: position within the own sequence, number of the sequence."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    return np.arange(len(owner)) - np.repeat(starts, lengths), owner
