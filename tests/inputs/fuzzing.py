"""Broken files for every reader, drawn from whole ones; what a reader may do with them.

``python tests/inputs/fuzzing.py --seconds 3600`` goes on for an hour and prints each file that a
reader fell over, with the seed that draws it again. The tests run a few hundred.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lies import FILES, READERS
from lying_configurations import CONFIGURATIONS
from lying_sequences import SEQUENCES
from lying_tables import TABLES

from bioseq_lstm.data.alphabets import DNA, DSSP8, PROTEIN
from bioseq_lstm.data.fasta import read_fasta
from bioseq_lstm.data.labels import read_labelled_chains
from bioseq_lstm.data.molecules import read_molecules
from bioseq_lstm.data.tables import read_affinities, read_annotations, read_expression_table
from bioseq_lstm.errors import UserError
from bioseq_lstm.learning.card import read_card
from bioseq_lstm.learning.stored import opened
from bioseq_lstm.strict_yaml import load_yaml

TOKENS = (
    *(b">", b"\n", b"\r", b"\r\n", b"\t", b",", b";", b'"', b"'", b"=", b"\0", b" ", b"#", b"@"),
    *(b"NA", b"inf", b"-1e999", b"1,5", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x1b[2J"),
    *("é".encode(), "\U0001f9ec".encode(), b"<script>", b"../", b"*", b"-", b"X" * 300),
    *(b"{", b"[", b"]", b": ", b"&a ", b"*a", b"!!python/object:x ", b"TARGET=", b"9" * 30),
)
CARD = b'{"format": 1, "name": "a", "task": "structure", "members": [{"run": "x"}], "words": {}}'
WEIGHTS = (
    b"\x40\x00\x00\x00\x00\x00\x00\x00"
    + b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'.ljust(64)
    + b"\0" * 8
)


def _records(read: Callable[..., Any], letters: str, **options: Any) -> Callable[[Path], None]:
    """A reader whose records must be whole: an id, a place, letters of the alphabet alone."""

    def check(path: Path) -> None:
        parsed = read(path, **options)
        lines = path.read_bytes().count(b"\n") + path.read_bytes().count(b"\r") + 1
        packed = path.read_bytes().startswith(b"\x1f\x8b")
        seen = set()
        for record in parsed.records:
            assert record.id and record.id.isprintable(), record
            assert record.sequence and not set(record.sequence) - set(letters), record
            assert record.id not in seen, record
            assert packed or 1 <= record.line <= lines, record
            seen.add(record.id)
            states = getattr(record, "labels", record.sequence)
            assert len(states) == len(record.sequence), record
        for refusal in parsed.refusals:
            assert refusal.reason and (packed or 1 <= refusal.line <= lines), refusal

    return check


def _frame(read: Callable[[Path], Any], column: str | None) -> Callable[[Path], None]:
    """A table whose rows have places and whose numbers are finite or missing."""

    def check(path: Path) -> None:
        table = read(path)
        assert len(table.lines) == len(table.frame)
        if column is not None:
            assert table.frame[column].abs().max() < float("inf") or not len(table.frame)

    return check


def _molecules(path: Path) -> None:
    for record in read_molecules(path).records:
        assert record.id and record.sequence and record.sequence.isascii(), record


def _weights(path: Path) -> None:
    with opened(path) as stored:
        for name in stored.shapes:
            stored.read(name)


CHECKS: dict[str, Callable[[Path], None]] = {
    "protein": _records(read_fasta, PROTEIN.legal, alphabet=PROTEIN),
    "DNA": _records(read_fasta, DNA.legal, alphabet=DNA),
    "chains": _records(read_labelled_chains, PROTEIN.legal + DSSP8.legal),
    "molecules": _molecules,
    "expression": _frame(read_expression_table, None),
    "annotations": _frame(read_annotations, None),
    "affinities": _frame(read_affinities, "value"),
    "config.yaml": READERS["config.yaml"],  # type: ignore[dict-item]
    "YAML": load_yaml,
    "card": read_card,  # type: ignore[dict-item]
    "weights": _weights,
}
NAMES = {**FILES, "YAML": "x.yaml", "card": "model.json", "weights": "model.safetensors"}


def seeds(reader: str) -> list[bytes]:
    """Whole files and those that are known to lie, to be broken further."""
    more = {"card": [CARD], "weights": [WEIGHTS]}.get(reader, [])
    asked = "config.yaml" if reader == "YAML" else reader
    lies = (lie for lie in (*SEQUENCES, *TABLES, *CONFIGURATIONS) if lie.reader == asked)
    return [*more, *(lie.content for lie in lies if isinstance(lie.content, bytes))]


def broken(reader: str, seed: int) -> bytes:
    """One file: some parts of whole ones exchanged, repeated, cut, or replaced by odd bytes."""
    draw = random.Random(f"{reader} {seed}")
    whole = seeds(reader)
    content = bytearray(draw.choice(whole))
    for _ in range(draw.randint(1, 6)):
        place = draw.randint(0, len(content))
        end = min(len(content), place + draw.randint(0, 20))
        kind = draw.randrange(7)
        if kind == 0:
            content[place:end] = draw.choice(TOKENS)
        elif kind == 1:
            content[place:place] = draw.choice(TOKENS)
        elif kind == 2:
            del content[place:end]
        elif kind == 3 and place < len(content):
            content[place] = draw.randrange(256)
        elif kind == 4:
            content[place:place] = draw.choice(whole)
        elif kind == 5:
            content[place:place] = content[place:end] * draw.randint(1, 50)
        else:
            content = content[:place] if draw.random() < 0.3 else content
    result = bytes(content)
    if draw.random() < 0.1:
        result = gzip.compress(result)
        result = result[: draw.randint(2, len(result))] if draw.random() < 0.5 else result
    return result


def fall(reader: str, seed: int, folder: Path) -> str | None:
    """What the reader does that it may not: anything but to read, or to say one line."""
    path = folder / NAMES[reader]
    path.write_bytes(broken(reader, seed))
    try:
        CHECKS[reader](path)
    except UserError as error:
        said = str(error)
        if "\n" in said or len(said) > 2000 or not said.isprintable():
            return f"a message that is not one printable line: {said[:300]!r}"
    except Exception:
        return traceback.format_exc()
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("readers", nargs="*", default=list(CHECKS))
    options = parser.parse_args()
    until, seed, falls = time.monotonic() + options.seconds, options.first, 0
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < until:
            for reader in options.readers:
                if told := fall(reader, seed, Path(folder)):
                    falls += 1
                    print(f"{reader}, seed {seed}: {broken(reader, seed)!r}\n{told}")
            seed += 1
    print(f"{(seed - options.first) * len(options.readers):,} files, {falls} falls")
    sys.exit(falls > 0)


if __name__ == "__main__":
    main()
