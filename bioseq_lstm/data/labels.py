"""Protein chains with one secondary-structure label per residue, in the three forms in use.

3-line (header, sequence, labels); two FASTA files, one of them with labels; and FASTA whose headers
carry the labels, as in ``>1abc_A TARGET=CHHHHC SET=train VALIDATION=False``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bioseq_lstm.data.alphabets import DSSP8, PROTEIN
from bioseq_lstm.data.fasta import (
    MAX_LENGTH,
    check_first_line,
    check_id,
    clean_sequence,
    fasta_entries,
    read_fasta,
    split_title,
)
from bioseq_lstm.data.matching import match_ids
from bioseq_lstm.data.records import (
    DUPLICATES,
    Parsed,
    Record,
    RecordError,
    Refusal,
    resolve_duplicates,
    set_name,
)
from bioseq_lstm.data.text import text_lines
from bioseq_lstm.errors import UserError

_STATES = " ".join(DSSP8.letters)
_NO_LABEL = re.compile(f"[^{re.escape(DSSP8.legal)}]")
_FIELD = re.compile(r"(?:^|\s)(target|set|validation)=(\S*)", re.IGNORECASE)
_NO_LABELS_FOUND = (
    "no labels found: looked for a line of labels under each sequence (3-line form) and for "
    f"TARGET= in the headers; labels are {_STATES}, and may also stand in a second FASTA (labels:)"
)


@dataclass(frozen=True)
class LabelledChain(Record):
    """A chain and its labels: a string of DSSP8 letters of the same length ('.' = unknown).

    ``set`` is the part (train, validation, test, …) that the file assigns, None where it does not.
    """

    labels: str = ""
    set: str | None = None

    @property
    def content(self) -> tuple[str, ...]:
        return (self.sequence, self.labels)


@dataclass(frozen=True)
class _Entry:
    """One chain as it stands in a file, nothing checked yet; ``body`` are the lines below."""

    line: int
    title: str
    body: tuple[str, ...]


def read_labelled_chains(
    sequences: str | Path, labels: str | Path | None = None, *, max_length: int = MAX_LENGTH
) -> Parsed[LabelledChain]:
    """Read chains with labels; which form one file has is seen from its content.

    Labels are DSSP's eight states or three (H, E, C). Raises UserError when no labels are found,
    when the ids of two files have nothing in common, and for one id with different contents.
    """
    if labels is not None:
        return _read_two_files(sequences, labels, max_length)
    notes: Counter[str] = Counter()
    entries = _entries(sequences)
    in_headers = any("target" in _fields(entry.title) for entry in entries)
    if not in_headers and not _is_three_line(entries):
        raise UserError(_NO_LABELS_FOUND, file=sequences)
    chains: list[LabelledChain] = []
    refusals: list[Refusal] = []
    for entry in entries:
        name, description = split_title(entry.title)
        done: Counter[str] = Counter()
        try:
            check_id(name)
            text, states = _from_header(entry) if in_headers else _from_lines(entry)
            sequence = clean_sequence(text, PROTEIN, done, max_length=max_length)
            states = clean_labels(states, len(sequence), done)
            part = _set(_fields(description))
        except RecordError as reason:
            refusals.append(Refusal(str(sequences), entry.line, name, str(reason)))
        else:
            chain = LabelledChain(
                name, sequence, str(sequences), entry.line, description, states, part
            )
            chains.append(chain)
            notes.update(done)
    return _finished(chains, refusals, notes)


def clean_labels(text: str, length: int, notes: Counter[str]) -> str:
    """Labels in DSSP8 letters with '.' for unknown; adds to ``notes`` what was changed.

    Raises RecordError when their number is not ``length`` or one of them is no state of DSSP.
    """
    labels = text if len(text) == length else text.strip()
    if not labels:
        raise RecordError("no labels")
    if len(labels) != length:
        raise RecordError(f"{len(labels):,} labels for {length:,} residues")
    done: Counter[str] = Counter()
    if labels.isascii() and labels != (upper := labels.upper()):
        labels = upper
        done["labels in lower case, read as upper case (chains)"] += 1
    if wrong := _NO_LABEL.search(labels):
        raise RecordError(
            f"label {wrong.group()!r} at position {wrong.start() + 1:,} is none of {_STATES}"
        )
    states = DSSP8.decode(DSSP8.encode(labels))
    unknown = states.count(DSSP8.unknown)
    if unknown == length:
        raise RecordError("no label is known")
    done["residues without a known label, not learned from"] += unknown
    for other, state in DSSP8.spellings:
        done[f"labels {other!r}, read as {state}"] += labels.count(other)
    notes.update(done)
    return states


def _entries(path: str | Path) -> list[_Entry]:
    """Headers and the lines below them; blank lines fall away, other spaces stay."""
    found: list[tuple[int, str, list[str]]] = []
    for number, line in enumerate(text_lines(path), start=1):
        if line.startswith(">"):
            found.append((number, line[1:].rstrip(), []))
        elif not line.isspace():
            if not found:
                check_first_line(line, path, number)
            found[-1][2].append(line.rstrip("\n"))
    if not found:
        raise UserError("the file is empty", file=path)
    return [_Entry(number, title, tuple(body)) for number, title, body in found]


def _is_three_line(entries: list[_Entry]) -> bool:
    """Whether most records have two lines of which the second reads as labels of the first.

    The second line of a wrapped sequence has residues that are no labels, or is much shorter.
    """
    return 2 * sum(map(_looks_labelled, entries)) > len(entries)


def _looks_labelled(entry: _Entry) -> bool:
    if len(entry.body) != 2:
        return False
    sequence, labels = entry.body
    return 2 * len(labels) > len(sequence) and not _NO_LABEL.search(labels.upper().strip())


def _from_lines(entry: _Entry) -> tuple[str, str]:
    """Sequence and labels of a record in 3-line form."""
    if len(entry.body) != 2:
        raise RecordError(
            f"lines under the header: {len(entry.body)}; the 3-line form has two (sequence, labels)"
        )
    return entry.body


def _from_header(entry: _Entry) -> tuple[str, str]:
    """Sequence and labels of a record whose header carries the labels."""
    labels = _fields(entry.title).get("target")
    if labels is None:
        raise RecordError("the header has no TARGET=")
    return "".join(entry.body).replace(" ", ""), labels


def _fields(header: str) -> dict[str, str]:
    """Fields ``KEY=value`` of a header by lower-case key."""
    return {key.lower(): value for key, value in _FIELD.findall(header)}


def _set(fields: dict[str, str]) -> str | None:
    """The part that ``SET=`` and ``VALIDATION=`` assign."""
    validation = fields.get("validation", "false").lower()
    if validation not in ("true", "false"):
        raise RecordError(f"VALIDATION={validation} is neither True nor False")
    if validation == "true":
        return "validation"
    return set_name(fields.get("set", ""))


def _read_two_files(
    sequences: str | Path, labels: str | Path, max_length: int
) -> Parsed[LabelledChain]:
    """Chains from a FASTA of sequences and a FASTA of labels, joined by id."""
    parsed = read_fasta(sequences, PROTEIN, max_length=max_length)
    refusals, notes = list(parsed.refusals), Counter(parsed.notes)
    states = [
        Record(split_title(title)[0], text, str(labels), line, title)
        for line, title, text in fasta_entries(labels, notes, space="-")
    ]
    _check_not_swapped(sequences, labels, parsed.records, states)
    states, repeated = resolve_duplicates(states)
    notes[DUPLICATES] += repeated
    by_id = {record.id: record for record in states}
    refused = [refusal.record for refusal in refusals]
    ids = match_ids(by_id, [r.id for r in parsed.records] + refused, labels, sequences)
    for name in ids.only_table:
        reason = f"no sequence of this id in {Path(sequences).name}"
        refusals.append(Refusal(str(labels), by_id[name].line, name, reason))
    chains: list[LabelledChain] = []
    for record in parsed.records:
        try:
            chains.append(_joined(record, by_id.get(record.id), labels, notes))
        except RecordError as reason:
            refusals.append(Refusal(record.file, record.line, record.id, str(reason)))
    return _finished(chains, refusals, notes)


def _joined(
    record: Record, labelled: Record | None, file: str | Path, notes: Counter[str]
) -> LabelledChain:
    if labelled is None:
        raise RecordError(f"no labels of this id in {Path(file).name}")
    states = clean_labels(labelled.sequence, len(record.sequence), notes)
    part = _set(_fields(record.description) | _fields(labelled.description))
    return LabelledChain(
        record.id, record.sequence, record.file, record.line, record.description, states, part
    )


def _check_not_swapped(
    sequences: str | Path, labels: str | Path, chains: list[Record], states: list[Record]
) -> None:
    """Every label is also the letter of a residue: files given the wrong way round would parse."""
    label_like = _share_of_label_like(record.sequence for record in chains)
    if label_like > 0.5 and _share_of_label_like(record.sequence for record in states) < 0.5:
        raise UserError(
            f"holds labels and {Path(labels).name} sequences: exchange the two", file=sequences
        )


def _share_of_label_like(texts: Iterable[str]) -> float:
    found = [not _NO_LABEL.search(text.upper()) for text in texts]
    return sum(found) / max(len(found), 1)


def _finished(
    chains: list[LabelledChain], refusals: list[Refusal], notes: Counter[str]
) -> Parsed[LabelledChain]:
    chains, repeated = resolve_duplicates(chains)
    notes[DUPLICATES] += repeated
    letters = {letter for chain in chains for letter in chain.labels} - {DSSP8.unknown}
    if letters and letters <= set("HEC"):
        notes["chains labelled with three states (H, E, C) only"] += len(chains)
    return Parsed(chains, refusals, +notes)
