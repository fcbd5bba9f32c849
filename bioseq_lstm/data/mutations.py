"""Mutations that the names of proteins tell of, such as ``ABL1(E255K)``, put into the sequences.

Panels of kinases list mutants under names of this kind, and tables made of them often give every
mutant the sequence of the wild type. What is read between the brackets:

- substitutions (``T315I``), alone or several in a row (``L858RT790M``, ``V559D-T670I``);
- deletions from one residue to another, both included (``E746A750del``).

Positions count from 1. A name is applied as a whole or not at all: only where every letter that it
calls wild type stands in the sequence. Names may count along another isoform than the file has: if
the wild-type letters of all mutants of one sequence do not fit as they are counted, but do at one
shift and no other, and are enough to rule out chance, that shift is taken, and said.

Domains and phosphorylation, which panels write in the same places, are recognised and change
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bioseq_lstm.data.records import Record

APPLIED = "mutations in the names of proteins, put into their sequences"
PHOSPHORYLATION = "phosphorylation in the name, not applied"
DOMAIN = "a domain in the name, not applied: the sequence stays whole"
UNKNOWN = "brackets in the name that tell of no substitution or deletion, not applied"
MISFIT = "mutations in the name that do not fit the sequence, not applied"
SHIFTED = "mutations counted along another isoform, applied where all of their protein fit"
# Of 20 letters, 4 fit by chance at one place in 160,000: in a protein, at one in a hundred or so.
ENOUGH_TO_SHIFT = 4

_RESIDUE = "[ACDEFGHIKLMNPQRSTVWY]"
_CHANGE = re.compile(
    rf"(?P<first>{_RESIDUE})(?P<start>\d+)"
    rf"(?:(?P<new>{_RESIDUE})(?!\d)|[-_]?(?P<last>{_RESIDUE})(?P<end>\d+)del)[-_/,+ ]*"
)
_NAME = re.compile(
    r"^(?P<base>.*?)(?:\((?P<inside>[^()]*)\))?(?P<state>-?(?:non)?phosphorylated|p)?$"
)
_DOMAIN = re.compile(r"kin\.?dom.*|.*domain.*", re.IGNORECASE)


@dataclass(frozen=True)
class Change:
    """Residues ``start`` to ``end`` (from 1, both included), of which ``wild`` names the outer two
    as ``(position, letter)``, give way to ``new``."""

    start: int
    end: int
    wild: tuple[tuple[int, str], ...]
    new: str


@dataclass(frozen=True)
class Named:
    """What a name tells: changes of the sequence, and marks of ``PHOSPHORYLATION``, ``DOMAIN`` or
    ``UNKNOWN``, which change nothing."""

    changes: tuple[Change, ...] = ()
    marks: tuple[str, ...] = ()


def read_name(name: str, names: Collection[str] = ()) -> Named:
    """What the name of a protein tells of its sequence.

    A closing ``p`` is phosphorylation after a bracket, or where ``names`` has the name without it.
    """
    parts = _NAME.match(name)
    assert parts is not None
    inside, state = parts["inside"], parts["state"]
    marks = []
    if state == "p" and inside is None and name[:-1] not in names:
        state = None
    if state is not None:
        marks.append(PHOSPHORYLATION)
    if not inside:
        return Named(marks=tuple(marks))
    changes, rest = _changes(inside)
    if rest:
        marks.append(DOMAIN if _DOMAIN.fullmatch(rest) else UNKNOWN)
    return Named(changes, tuple(marks))


def mutate(sequence: str, changes: Sequence[Change], shift: int = 0) -> str:
    """The sequence with all changes, positions being those of the sequence as it came.

    ``shift`` is added to every position. Raises ValueError, with the reason, where one does not
    fit.
    """
    for change in changes:
        for position, letter in change.wild:
            found = _letter(sequence, position + shift)
            if found != letter:
                there = f"{found} stands" if found else "nothing stands"
                raise ValueError(f"{there} at {position}, not {letter}")
    for change in sorted(changes, key=lambda one: one.start, reverse=True):
        start, end = change.start + shift, change.end + shift
        sequence = sequence[: start - 1] + change.new + sequence[end:]
    return sequence


def shift_of(sequence: str, wild: Collection[tuple[int, str]]) -> int:
    """What to add to all positions so that the wild-type letters fit; 0 if there is no telling."""
    if all(_letter(sequence, position) == letter for position, letter in wild):
        return 0
    if len(wild) < ENOUGH_TO_SHIFT:
        return 0
    first, last = min(position for position, _ in wild), max(position for position, _ in wild)
    fitting = [
        shift
        for shift in range(1 - first, len(sequence) - last + 1)
        if all(_letter(sequence, position + shift) == letter for position, letter in wild)
    ]
    return fitting[0] if len(fitting) == 1 else 0


def apply_mutations(records: Sequence[Record]) -> tuple[list[Record], dict[str, int]]:
    """The records with the mutations of their names, and notes of what was done and what not.

    What was not applied is named in its note, with the reason where it does not fit.
    """
    names = {record.id for record in records}
    known = [read_name(record.id, names) for record in records]
    wild: dict[str, set[tuple[int, str]]] = {}
    for record, named in zip(records, known, strict=True):
        letters = {letter for change in named.changes for letter in change.wild}
        wild.setdefault(record.sequence, set()).update(letters)
    shifts = {sequence: shift_of(sequence, letters) for sequence, letters in wild.items()}
    told: dict[str, list[str]] = {}
    changed, applied = [], 0
    for record, named in zip(records, known, strict=True):
        for mark in named.marks:
            told.setdefault(mark, []).append(record.id)
        if named.changes:
            shift = shifts[record.sequence]
            try:
                sequence = mutate(record.sequence, named.changes, shift)
                record = replace(record, sequence=sequence)
                applied += 1
                if shift:
                    told.setdefault(SHIFTED, []).append(f"{record.id} ({shift:+d})")
            except ValueError as reason:
                told.setdefault(MISFIT, []).append(f"{record.id} ({reason})")
        changed.append(record)
    notes = {f"{mark}: {', '.join(who)}": len(who) for mark, who in told.items()}
    return changed, {**({APPLIED: applied} if applied else {}), **notes}


def _letter(sequence: str, position: int) -> str:
    return sequence[position - 1 : position] if position > 0 else ""


def _changes(inside: str) -> tuple[tuple[Change, ...], str]:
    """The changes that the text in brackets ends with, and what stands before them."""
    for begin in range(len(inside)):
        place, found = begin, []
        while match := _CHANGE.match(inside, place):
            found.append(_change(match))
            place = match.end()
        if found and place == len(inside):
            return tuple(found), inside[:begin].strip("-_/,+. ")
    return (), inside


def _change(match: re.Match[str]) -> Change:
    start = int(match["start"])
    first = (start, match["first"])
    if match["new"]:
        return Change(start, start, (first,), match["new"])
    end = int(match["end"])
    return Change(start, end, (first, (end, match["last"])), "")
