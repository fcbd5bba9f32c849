"""Alphabets: from letters to small integers and back.

Every alphabet keeps code 0 for padding, gives its letters the codes 1 to n, and ends with the code
n + 1 for everything that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bioseq_lstm.data.ragged import Ragged

PADDING = 0


@dataclass(frozen=True)
class Alphabet:
    """An ordered set of letters; a letter may have several characters (``Cl`` in SMILES).

    ``spellings`` maps other spellings to a letter of the alphabet (``U`` to ``T`` in DNA);
    ``ambiguous`` are characters that are legal in a file but get the unknown code (IUPAC codes).
    """

    name: str
    letters: tuple[str, ...]
    unknown: str
    spellings: tuple[tuple[str, str], ...] = ()
    ambiguous: str = ""

    @property
    def size(self) -> int:
        """Number of codes, padding and unknown included."""
        return len(self.letters) + 2

    @property
    def unknown_code(self) -> int:
        return len(self.letters) + 1

    @cached_property
    def _codes(self) -> dict[str, int]:
        codes = {letter: code for code, letter in enumerate(self.letters, start=1)}
        return codes | {other: codes[letter] for other, letter in self.spellings}

    @cached_property
    def _table(self) -> np.ndarray:
        """Code of every byte (256,) uint8; used when all letters are single characters."""
        table = np.full(256, self.unknown_code, np.uint8)
        for letter, code in self._codes.items():
            table[ord(letter)] = code
        return table

    @cached_property
    def _tokens(self) -> re.Pattern[str] | None:
        """Splits text into letters, the longest first; None when all are single characters."""
        long = [re.escape(letter) for letter in self.letters if len(letter) > 1]
        return re.compile("|".join([*long, "."]), re.DOTALL) if long else None

    def tokens(self, text: str) -> list[str]:
        """The text cut into letters; what is no letter stands as single characters."""
        return self._tokens.findall(text) if self._tokens else list(text)

    def encode(self, text: str) -> np.ndarray:
        """Codes (number of letters,) uint8 of the text; letter case matters."""
        if self._tokens is None:
            # A character outside ASCII becomes one "?", which no table of ours knows as a letter.
            return self._table[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]
        known = (self._codes.get(token, self.unknown_code) for token in self.tokens(text))
        return np.fromiter(known, np.uint8)

    def encode_all(self, texts: Sequence[str]) -> Ragged:
        """Codes of many texts; with single-character letters it is one look-up over all bytes."""
        if self._tokens is None:
            lengths = np.fromiter(map(len, texts), np.int64, len(texts))
            return Ragged.from_lengths(self.encode("".join(texts)), lengths)
        return Ragged.from_list([self.encode(text) for text in texts])

    def decode(self, codes: np.ndarray) -> str:
        """The text of codes (length,); raises ValueError for padding or a code out of range."""
        codes = np.asarray(codes)
        if codes.size and (codes.min() <= PADDING or codes.max() > self.unknown_code):
            raise ValueError(f"codes of {self.name} lie between 1 and {self.unknown_code}")
        shown = (*self.letters, self.unknown)
        return "".join(shown[code - 1] for code in codes.tolist())

    @property
    def legal(self) -> str:
        """Every character that a file may hold: letters, their other spellings, ambiguous ones."""
        return "".join((*self.letters, *(other for other, _ in self.spellings), self.ambiguous))


PROTEIN = Alphabet("protein", tuple("ACDEFGHIKLMNPQRSTVWY"), unknown="X", ambiguous="BJOUXZ")

DNA = Alphabet("DNA", tuple("ACGT"), unknown="N", spellings=(("U", "T"),), ambiguous="RYSWKMBDHVN")

# The eight states of DSSP (Kabsch and Sander 1983, doi:10.1002/bip.360221211). C is DSSP's blank.
# Files spell the blank in many ways; P is the polyproline helix of DSSP 4, a blank before it.
DSSP8 = Alphabet(
    "DSSP",
    tuple("HBEGITSC"),
    unknown=".",
    spellings=(("-", "C"), (" ", "C"), ("L", "C"), ("~", "C"), ("P", "C")),
    ambiguous=".?X",
)

# Organic atoms of two characters and @@ are one letter each; what stands in brackets is read
# character by character, for which every Latin letter is needed.
SMILES = Alphabet(
    "SMILES",
    (
        *("Cl", "Br", "@@"),
        *"ABCDEFGHIKLMNOPRSTUVWXYZ",
        *"abcdefghiklmnoprstuvy",
        *"0123456789",
        *"[]()=#$:/\\.-+@%*",
    ),
    unknown="?",
)

_COMPLEMENT = str.maketrans("ACGTURYSWKMBDHVNacgturyswkmbdhvn", "TGCAAYRSWMKVHDBNtgcaayrswmkvhdbn")


def complement(sequence: str) -> str:
    """The bases that pair with those of DNA, in the same order; IUPAC ambiguity codes too."""
    return sequence.translate(_COMPLEMENT)


def reverse_complement(sequence: str) -> str:
    """The opposite strand of DNA, read 5' to 3'."""
    return complement(sequence)[::-1]
