"""What stands out in a record beside those of training: its length, its letters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pandas as pd

from bioseq_lstm.data.alphabets import SMILES

FEWEST_LETTERS = 20  # shares of letters of shorter sequences say nothing


@dataclass(frozen=True)
class Ordinary:
    """The shortest and longest training sequence of one kind, and the largest share by letter."""

    kind: str
    shortest: int
    longest: int
    largest: dict[str, float]

    @classmethod
    def of(cls, kind: str, training: pd.DataFrame) -> Ordinary:
        """Of the training records of one kind: columns ``entity``, ``sequence``."""
        texts = [_letters(kind, text) for text in training["sequence"][training["entity"] == kind]]
        lengths = [len(letters) for letters in texts] or [0]
        largest: dict[str, float] = {}
        for letters in texts:
            if len(letters) >= FEWEST_LETTERS:
                for letter, count in Counter(letters).items():
                    share = count / len(letters)
                    largest[letter] = max(largest.get(letter, 0.0), share)
        return cls(kind, min(lengths), max(lengths), largest)

    def unlike(self, sequence: str) -> str:
        """What no training record has, in words."""
        letters = _letters(self.kind, sequence)
        found = []
        if len(letters) > self.longest:
            found.append(
                f"{len(letters):,} letters long, the longest in training has {self.longest:,}"
            )
        if len(letters) < self.shortest:
            found.append(
                f"{len(letters):,} letters long, the shortest in training has {self.shortest:,}"
            )
        if len(letters) >= FEWEST_LETTERS:
            letter, share, most = self._most_unusual(letters)
            if share > most:
                found.append(f"{share:.0%} {letter}, in training at most {most:.0%}")
        if not found:
            return "neither its length nor any one letter stands out: the order of letters does"
        return "; ".join(found)

    def _most_unusual(self, letters: list[str]) -> tuple[str, float, float]:
        shares = {letter: count / len(letters) for letter, count in Counter(letters).items()}
        letter = max(shares, key=lambda own: (shares[own] - self.largest.get(own, 0.0), own))
        return letter, shares[letter], self.largest.get(letter, 0.0)


def _letters(kind: str, text: str) -> list[str]:
    return SMILES.tokens(text) if kind == "drug" else list(text)
