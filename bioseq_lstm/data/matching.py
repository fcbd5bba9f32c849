"""Which ids of two files belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bioseq_lstm.errors import UserError


@dataclass(frozen=True)
class MatchedIds:
    """Ids in both files (in the table's order), and those that stand in one only."""

    matched: list[str]
    only_table: list[str]
    only_sequences: list[str]


def match_ids(
    table_ids: Iterable[str],
    sequence_ids: Iterable[str],
    table_file: str | Path,
    sequence_file: str | Path,
) -> MatchedIds:
    """Compare ids letter by letter; raises UserError when the two files have none in common."""
    table, sequences = dict.fromkeys(table_ids), dict.fromkeys(sequence_ids)
    matched = [name for name in table if name in sequences]
    if not matched:
        folded = {name.casefold() for name in sequences}
        mend = (
            "they differ only in letter case"
            if any(name.casefold() in folded for name in table)
            else "the two files must name their records alike"
        )
        raise UserError(
            f"none of its ids ({_examples(table)}) is in {sequence_file} "
            f"({_examples(sequences)}): {mend}",
            file=table_file,
        )
    return MatchedIds(
        matched,
        [name for name in table if name not in sequences],
        [name for name in sequences if name not in table],
    )


def _examples(ids: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in islice(ids, 2)) or "there is none"
